// SPDX-License-Identifier: Apache-2.0
// y = x with elements added before and after each axis, or removed where a pad is negative.
//   x: any   pads: i64[2 n], all begins then all ends   value: one element, optional (0)
//   axes: i32 or i64 [n], optional (all)
// Elements are removed first; what the other modes repeat is what then remains.
// ONNX Pad-25.
#pragma once

#include <string>
#include <vector>

#include "ir/eval.h"

namespace ferry {

struct Pad {
  std::string mode = "constant";  // constant, reflect, edge, wrap
};

// Where the output's elements come from: the sum over axes a of from[a][i_a], an offset into x, or
// the constant when one of them is -1.
struct PadSources {
  Dims dims;                 // of the output
  std::vector<Tensor> from;  // i64
  // Along the last axis [run_begin, run_end) come from run_from on, one by one.
  int64_t run_begin = 0, run_end = 0, run_from = 0;
};
// Begin and end pads of every axis.
struct Pads {
  Dims begin, end;

  bool operator==(const Pads&) const = default;
};
// Errors: those of the operator.
Result<Pads> read_pads(EvalContext& c);
Result<PadSources> pad_sources(const Pad& op, const Pads& pads, EvalContext& c);

}  // namespace ferry
