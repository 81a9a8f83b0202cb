// SPDX-License-Identifier: Apache-2.0
// Losses of classification: -log p of the wanted class, times its weight; 0 for ignore_index.
// NegativeLogLikelihoodLoss takes log-probabilities, SoftmaxCrossEntropyLoss scores, of which it
// takes the log-softmax along axis 1 (and gives it as a second output).
//   x: [n, classes, d...] floating   labels: i32 or i64 [n, d...]   weights: [classes], optional
//   y: [n, d...] without reduction, else a scalar: the sum, or the sum over the sum of weights
// ONNX NegativeLogLikelihoodLoss-22, SoftmaxCrossEntropyLoss-13.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ferry {

struct ClassLoss {
  bool softmax = false;
  std::optional<int64_t> ignore_index;
  std::string reduction = "mean";  // none, sum, mean
};

}  // namespace ferry
