// SPDX-License-Identifier: Apache-2.0
// Floating-point operands (scales, biases, statistics) of any width, as doubles.
#pragma once

#include "ferry/tensor.h"
#include "ops/in_pieces.h"
#include "ops/in_ranges.h"
#include "ops/working_array.h"
#include "tensor/visit.h"

namespace ferry {

inline Result<WorkingArray<double>> as_doubles(EvalContext& c, const Tensor& t) {
  FERRY_ASSIGN_OR_RETURN(auto values, WorkingArray<double>::make(c, t.count()));
  FERRY_RETURN_IF_ERROR(visit_floating(t.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    double* to = values.data();
    return in_ranges(c, t.count(), 4, [&](int64_t from, int64_t end) {
      for (int64_t i = from; i < end; ++i) to[i] = double(compute_t<T>(t.data<T>()[i]));
    });
  }));
  return values;
}

// Reads `n` elements from `offset` on. Requires a floating type.
[[gnu::noinline]] inline void load_row(const Tensor& t, int64_t offset, int64_t n, double* to) {
  (void)visit_floating(t.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    const T* from = t.data<T>() + offset;
    for (int64_t i = 0; i < n; ++i) to[i] = double(compute_t<T>(from[i]));
    return {};
  });
}

// The same for more, which takes long.
inline Status load_rows(PollEvery& polls, const Tensor& t, int64_t offset, int64_t n, double* to) {
  return in_pieces(polls, n, 4, [&](int64_t from, int64_t end) {
    load_row(t, offset + from, end - from, to + from);
  });
}

[[gnu::noinline]] inline void store_row(Tensor& t, int64_t offset, int64_t n, const double* from) {
  (void)visit_floating(t.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    T* to = t.data<T>() + offset;
    for (int64_t i = 0; i < n; ++i) to[i] = T(static_cast<compute_t<T>>(from[i]));
    return {};
  });
}

// as_doubles for one value per channel. Errors: kShapeMismatch.
inline Result<WorkingArray<double>> channel_values(EvalContext& c, const Tensor& t,
                                                   int64_t channels, const char* name) {
  if (t.rank() != 1 || t.dim(0) != channels) {
    return shape_mismatch("{} is {}, wanted is [{}]", name, t.describe(), channels);
  }
  return as_doubles(c, t);
}

// `t` broadcast to `dims`, as doubles; only what is after the leading dims that `t` repeats over
// when all of [0, axis) are such. Errors: kShapeMismatch.
Result<WorkingArray<double>> broadcast_doubles(EvalContext& c, const Tensor& t, const Dims& dims,
                                               size_t axis, const char* name);

}  // namespace ferry
