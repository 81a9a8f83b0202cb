// SPDX-License-Identifier: Apache-2.0
// y = x reduced over `axes`: sums, products, extremes and norms.
//   x: numbers (max, min: also bool)   axes: i64[n], optional   y: type of x
// No axes: all of them, or none with noop_with_empty_axes (then e.g. ReduceSumSquare still
// squares). ONNX ReduceSum-13, ReduceMax-20, ReduceMin-20, ReduceLogSum-28, ReduceLogSumExp-28,
// others 18.
#pragma once

#include <cstdint>
#include <span>

#include "ops/arguments.h"

namespace ferry {

enum class ReduceKind : uint8_t {
  kSum,
  kMean,
  kMax,
  kMin,
  kProd,
  kL1,  // sum of |x|
  kL2,  // root of the sum of squares
  kLogSum,
  kLogSumExp,
  kSumSquare,
};

struct Reduce {
  ReduceKind kind = ReduceKind::kSum;
  bool keepdims = true;
  bool noop_with_empty_axes = false;
};

// Which axes of `rank` go away. Errors: kInvalidModel for axes that there are not.
Result<AxisFlags> reduced_axes(const Reduce& op, std::span<const int64_t> axes, size_t rank);

}  // namespace ferry
