// SPDX-License-Identifier: Apache-2.0
// y[output term] = sum over the other labels of x0[term 0] x1[term 1] ... (Einstein summation).
//   equation: "ij,jk->ik"; letters name axes, "..." stands for broadcast ones; without "->" the
//   output has the ellipsis and the letters that occur once, in ASCII order
//   x0, x1, ...: numbers of one type   y: that type
// ONNX Einsum-28.
#pragma once

#include <string>
#include <vector>

#include "ferry/status.h"

namespace ferry {

struct Einsum {
  std::string equation;
};

// An equation with every axis of every term named by a number: letters first, then the axes of the
// ellipsis.
struct EinsumTerms {
  std::vector<std::vector<int>> inputs;
  std::vector<int> output;
  int num_labels = 0;
  // Errors: kInvalidModel for a malformed equation, kShapeMismatch when it does not fit the ranks.
  static Result<EinsumTerms> parse(const std::string& equation, const std::vector<size_t>& ranks);
};

}  // namespace ferry
