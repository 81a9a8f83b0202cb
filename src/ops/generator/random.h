// SPDX-License-Identifier: Apache-2.0
// RandomNormal, RandomUniform: y = a tensor of dims `shape` drawn from the distribution;
// RandomNormalLike, RandomUniformLike: in the shape (and type) of x.
// Bernoulli: y = 1 with probability x, else 0. Multinomial: y = `sample_size` draws of a class per
// row of unnormalised log-probabilities.
// Without a seed every run differs. ONNX versions 22.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ferry/types.h"

namespace ferry {

struct RandomTensor {
  bool normal = true;
  bool like = false;
  std::vector<int64_t> shape;  // not for Like
  std::optional<DType> dtype;  // absent: f32, or the type of x
  std::optional<float> seed;
  float a = 0;  // mean, or low
  float b = 1;  // scale, or high
};

struct Bernoulli {
  std::optional<DType> dtype;  // absent: the type of x
  std::optional<float> seed;
};

struct Multinomial {
  DType dtype = DType::kInt32;  // or i64
  int64_t sample_size = 1;
  std::optional<float> seed;
};

}  // namespace ferry
