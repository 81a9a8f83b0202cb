// SPDX-License-Identifier: Apache-2.0
// Categories, each elementwise over any shape of x.
//   LabelEncoder    y = the value that belongs to key x, or the default
//   CategoryMapper  y = the string of integer x, or the integer of string x
//   OneHotEncoder   y = f32 [..., categories], 1 at the category of x; without `zeros` an unknown
//                   x is an error
// ai.onnx.ml LabelEncoder-4, CategoryMapper-1, OneHotEncoder-1.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ir/eval.h"
#include "ops/ml/key_index.h"

namespace ferry {

struct LabelEncoder {
  std::vector<float> keys_floats, values_floats;
  std::vector<int64_t> keys_int64s, values_int64s;
  std::vector<std::string> keys_strings, values_strings;
  Tensor keys_tensor, values_tensor, default_tensor;
  float default_float = -0.0f;
  int64_t default_int64 = -1;
  std::string default_string = "_Unused";
};

// Views of a LabelEncoder's lists, as many keys as values.
struct Encoding {
  Tensor keys, values;
};
// Errors: kInvalidModel, kUnsupportedType.
Result<Encoding> encoding_of(const LabelEncoder& op);
// Computes y; `index` is that of the encoding's keys.
Status encode_labels(const LabelEncoder& op, const Encoding& e, const KeyIndex& index,
                     EvalContext& c);

struct CategoryMapper {
  std::vector<int64_t> cats_int64s;
  std::vector<std::string> cats_strings;
  int64_t default_int64 = -1;
  std::string default_string = "_Unused";
};

struct OneHotEncoder {
  std::vector<int64_t> cats_int64s;
  std::vector<std::string> cats_strings;
  bool zeros = true;
};

}  // namespace ferry
