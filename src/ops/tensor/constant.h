// SPDX-License-Identifier: Apache-2.0
// y = a value written in the model; exactly one of the attributes is given.
// ONNX Constant-25. The importer turns these nodes into constants of the graph; sparse values too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ferry/tensor.h"

namespace ferry {

struct Constant {
  Tensor value;
  std::optional<float> value_float;
  std::optional<int64_t> value_int;
  std::optional<std::string> value_string;
  std::optional<std::vector<float>> value_floats;
  std::optional<std::vector<int64_t>> value_ints;
  std::optional<std::vector<std::string>> value_strings;
};

}  // namespace ferry
