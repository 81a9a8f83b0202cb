// SPDX-License-Identifier: Apache-2.0
// Preparing features, each x: [n, features] or [features] numbers unless said otherwise.
//   Binarizer              y = x > threshold ? 1 : 0, type of x, any shape
//   Imputer                y = x, elements equal to `replaced` (NaN too) by those of `imputed`
//   Scaler                 y = (x - offset) scale, f32
//   Normalizer             y = x / (max |x|, sum |x| or root of sum of squares of its row), f32
//   FeatureVectorizer      y = the inputs side by side, each cut or padded to its size, f32
//   ArrayFeatureExtractor  y = x[..., indices], any shape, also str
// ai.onnx.ml versions 1.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ferry {

struct Binarizer {
  float threshold = 0;
};

struct Imputer {
  std::vector<float> imputed_value_floats;    // one, or one per feature
  std::vector<int64_t> imputed_value_int64s;  // for integers
  float replaced_value_float = 0;
  int64_t replaced_value_int64 = 0;
};

struct Scaler {
  std::vector<float> offset;  // one, or one per feature
  std::vector<float> scale;
};

struct MlNormalizer {
  std::string norm = "MAX";  // MAX, L1, L2
};

struct FeatureVectorizer {
  std::vector<int64_t> inputdimensions;
};

struct ArrayFeatureExtractor {};

}  // namespace ferry
