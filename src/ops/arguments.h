// SPDX-License-Identifier: Apache-2.0
// What operators take from integer inputs (axes, shapes, pads, a scalar), checked, at inference
// and at run time.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "base/small_vector.h"
#include "base/status.h"
#include "ir/eval.h"
#include "ir/infer.h"

namespace ferry {

// As many as a tensor has axes: what a run reads of them costs no allocation.
using Ints = SmallVector<int64_t, Dims::kMaxRank>;
using Axes = SmallVector<size_t, Dims::kMaxRank>;
using AxisFlags = SmallVector<uint8_t, Dims::kMaxRank>;  // 1 for axes that are meant

// The elements of an integer tensor. Errors: kInvalidArgument.
Result<Ints> read_ints(const Tensor& t, std::string_view what);
// The only element of an integer tensor. Errors: kInvalidArgument.
Result<int64_t> read_int(const Tensor& t, std::string_view what);
// Errors: kLimitExceeded over Dims::kMaxRank.
Status check_rank(size_t rank);
// Errors: kLimitExceeded for too many, kInvalidArgument for a negative one.
Result<Dims> make_dims(std::span<const int64_t> dims);
// The dims that both broadcast to. Errors: kShapeMismatch, kLimitExceeded.
Result<Dims> broadcast_dims(const Dims& a, const Dims& b);
// Axes in [-rank, rank), made non-negative; each at most once. Errors: kInvalidModel.
Result<Axes> normalize_axes(std::span<const int64_t> axes, size_t rank);
// The same for one axis.
Result<size_t> normalize_axis(int64_t axis, size_t rank);

// Reads the elements of an i32 or i64 tensor without copying them.
class IndexReader {
 public:
  explicit IndexReader(const Tensor& t)
      : narrow_(t.dtype() == DType::kInt32 ? t.data<int32_t>() : nullptr),
        wide_(t.data<int64_t>()) {}
  int64_t operator[](int64_t i) const { return narrow_ != nullptr ? narrow_[i] : wide_[i]; }
  // Element i as an index in [0, n). Errors: kInvalidArgument outside [-n, n).
  Status get(int64_t i, int64_t n, int64_t& index) const {
    index = (*this)[i];
    if (index < -n || index >= n) [[unlikely]] {
      return invalid_argument("index {} outside [{}, {})", index, -n, n);
    }
    if (index < 0) index += n;
    return {};
  }

 private:
  const int32_t* narrow_;
  const int64_t* wide_;
};

// The number of elements of input i when it is a tensor whose dims are all constant.
std::optional<int64_t> constant_count(const InferContext& c, size_t i);
// Errors unless input i, when its shape is known, is one element of rank at most 1.
Status check_scalar(const InferContext& c, size_t i);

}  // namespace ferry
