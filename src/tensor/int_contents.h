// SPDX-License-Identifier: Apache-2.0
// Reads small integer tensors (shapes, axes, pads) as int64.
#pragma once

#include <optional>
#include <vector>

#include "ferry/tensor.h"

namespace ferry {

// The elements as int64; nullopt unless the type is an integer of 8 to 64 bits or bool, or when an
// element of u64 does not fit.
std::optional<std::vector<int64_t>> int_contents(const Tensor& tensor);
// A 1-D i64 tensor; a scalar when `scalar`. Never fails for the few elements that shapes have,
// except by out of memory, which gives an undefined tensor.
Tensor int64_tensor(const std::vector<int64_t>& values, bool scalar = false);

}  // namespace ferry
