// SPDX-License-Identifier: Apache-2.0
// CumSum, CumProd: y[i] = the sum (product) of x[0..i] along `axis`; without x[i] when exclusive,
// from the end when reverse.
//   x: floats and 32- and 64-bit integers   axis: i32 or i64, one element   y: as x
// ONNX CumSum-14, CumProd-26.
#pragma once

namespace ferry {

struct Cumulative {
  bool product = false;
  bool exclusive = false;
  bool reverse = false;
};

}  // namespace ferry
