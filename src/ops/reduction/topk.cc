// SPDX-License-Identifier: Apache-2.0
#include "ops/reduction/topk.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "ops/arguments.h"
#include "ops/polled_sort.h"
#include "ops/registry.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

Status infer(const TopK& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, types::kNumeric, 1));
  FERRY_RETURN_IF_ERROR(c.tensor(1, {DType::kInt64}, 0, 1).status());
  FERRY_RETURN_IF_ERROR(check_scalar(c, 1));
  std::optional<Shape> values, indices;
  if (x.shape) {
    FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op.axis, x.rank()));
    values = indices = *x.shape;
    const auto k = c.known(1);
    if (k && k->size() == 1) {
      const Dim& dim = (*x.shape)[axis];
      const bool too_large =
          (*k)[0].is_constant() && dim.is_constant() && (*k)[0].constant() > dim.constant();
      if (too_large || (*k)[0].upper_bound() < 0) {
        return shape_mismatch("k is {}, axis {} of x {} has {}", (*k)[0].to_string(), axis,
                              to_string(*x.shape), dim.to_string());
      }
      (*values)[axis] = (*indices)[axis] = (*k)[0];
    } else {
      (*values)[axis] = (*indices)[axis] = c.fresh_dim(0, axis);
    }
  }
  c.set_tensor(0, x.dtype, std::move(values));
  c.set_tensor(1, DType::kInt64, std::move(indices));
  return {};
}

// Whether element a of a row comes before element b, which are `stride` apart for neighbours: a
// strict order, NaN above all numbers, then by position.
using Before = bool (*)(const void* row, int64_t stride, int64_t a, int64_t b, bool largest);

template <class T>
bool is_before(const void* row, int64_t stride, int64_t a, int64_t b, bool largest) {
  const auto at = [&](int64_t i) {
    return static_cast<compute_t<T>>(static_cast<const T*>(row)[i * stride]);
  };
  const auto u = at(a), v = at(b);
  const bool u_is_nan = u != u, v_is_nan = v != v;
  if (u == v || (u_is_nan && v_is_nan)) return a < b;
  if (u_is_nan || v_is_nan) return u_is_nan == largest;
  return largest ? u > v : u < v;
}

Status eval(const TopK& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op.axis, x.rank()));
  FERRY_ASSIGN_OR_RETURN(const int64_t k, read_int(c.input(1), "k"));
  const int64_t n = x.dim(axis), inner = x.dims().count(axis + 1, x.rank());
  if (k < 0 || k > n) {
    return shape_mismatch("k is {}, axis {} of x {} has {}", k, axis, x.describe(), n);
  }
  Dims dims = x.dims();
  dims[axis] = k;
  FERRY_ASSIGN_OR_RETURN(Tensor values, c.output(0, x.dtype(), dims));
  FERRY_ASSIGN_OR_RETURN(Tensor indices, c.output(1, DType::kInt64, dims));
  if (values.count() == 0) return {};
  Before before = nullptr;
  FERRY_RETURN_IF_ERROR(visit_numeric(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    before = is_before<T>;
    return {};
  }));
  const int64_t size = dtype_bits(x.dtype()) / 8;
  FERRY_ASSIGN_OR_RETURN(auto order, WorkingArray<int64_t>::make(c, n));
  for (int64_t i = 0; i < values.count() / k; ++i) {
    const int64_t outer = i / inner, in = i % inner;
    const auto* row = static_cast<const char*>(x.raw()) + (outer * n * inner + in) * size;
    FERRY_RETURN_IF_ERROR(in_ranges(c, n, 1, [&](int64_t from, int64_t to) {
      std::iota(order.begin() + from, order.begin() + to, from);
    }));
    const auto better = [&](int64_t a, int64_t b) { return before(row, inner, a, b, op.largest); };
    constexpr int64_t kShort = 64 << 10;
    if (n > kShort) {
      FERRY_RETURN_IF_ERROR(polled_stable_sort(c, std::span(order), 8, better));
    } else {
      std::partial_sort(order.begin(), order.begin() + k, order.end(), better);
    }
    for (int64_t j = 0; j < k; ++j) {
      const int64_t to = (outer * k + j) * inner + in, from = order[static_cast<size_t>(j)];
      std::memcpy(static_cast<char*>(values.raw()) + to * size, row + from * inner * size,
                  static_cast<size_t>(size));
      indices.data<int64_t>()[to] = from;
    }
  }
  return {};
}

}  // namespace

void register_topk(OpRegistry& r) {
  r.op<TopK>("TopK")
      .since(24)
      .inputs(2)
      .outputs(1, 2)
      .attr("axis", &TopK::axis)
      .attr("largest", &TopK::largest)
      .attr("sorted", &TopK::sorted)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
