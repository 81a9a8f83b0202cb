// SPDX-License-Identifier: Apache-2.0
// Small floating-point operands (scales, biases, statistics) of any width, as doubles.
#pragma once

#include <vector>

#include "ferry/tensor.h"
#include "ops/in_ranges.h"
#include "ops/working_array.h"
#include "tensor/visit.h"

namespace ferry {

inline Result<std::vector<double>> as_doubles(const Tensor& t) {
  std::vector<double> values(static_cast<size_t>(t.count()));
  FERRY_RETURN_IF_ERROR(visit_floating(t.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    for (size_t i = 0; i < values.size(); ++i) values[i] = double(compute_t<T>(t.data<T>()[i]));
    return {};
  }));
  return values;
}

// The same for as many as a tensor may have.
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

// The same for one value per channel. Errors: kShapeMismatch.
inline Result<std::vector<double>> channel_values(const Tensor& t, int64_t channels,
                                                  const char* name) {
  if (t.rank() != 1 || t.dim(0) != channels) {
    return shape_mismatch("{} is {}, wanted is [{}]", name, t.describe(), channels);
  }
  return as_doubles(t);
}

// `t` broadcast to `dims`, as doubles; only what is after the leading dims that `t` repeats over
// when all of [0, axis) are such. Errors: kShapeMismatch.
Result<std::vector<double>> broadcast_doubles(const Tensor& t, const Dims& dims, size_t axis,
                                              const char* name);

}  // namespace ferry
