// SPDX-License-Identifier: Apache-2.0
#include "ops/reduction/topk.h"

#include <algorithm>
#include <cmath>
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

// A strict order: NaN above all numbers, then by position.
template <class C>
bool before(C a, int64_t i, C b, int64_t j, bool largest) {
  if constexpr (std::is_floating_point_v<C>) {
    if (std::isnan(a) || std::isnan(b)) {
      if (std::isnan(a) && std::isnan(b)) return i < j;
      return std::isnan(a) == largest;
    }
  }
  if (a == b) return i < j;
  return largest ? a > b : a < b;
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
  return visit_numeric(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    using C = compute_t<T>;
    std::vector<int64_t> order(static_cast<size_t>(n));
    for (int64_t i = 0; i < values.count() / k; ++i) {
      FERRY_RETURN_IF_ERROR(c.poll());
      const int64_t outer = i / inner, in = i % inner;
      const T* row = x.data<T>() + outer * n * inner + in;
      std::iota(order.begin(), order.end(), 0);
      const auto better = [&](int64_t a, int64_t b) {
        return before<C>(C(row[a * inner]), a, C(row[b * inner]), b, op.largest);
      };
      constexpr int64_t kShort = 64 << 10;
      if (n > kShort) {
        FERRY_RETURN_IF_ERROR(polled_stable_sort(c, order, 8, better));
      } else {
        std::partial_sort(order.begin(), order.begin() + k, order.end(), better);
      }
      for (int64_t j = 0; j < k; ++j) {
        const int64_t to = (outer * k + j) * inner + in;
        values.data<T>()[to] = row[order[static_cast<size_t>(j)] * inner];
        indices.data<int64_t>()[to] = order[static_cast<size_t>(j)];
      }
    }
    return {};
  });
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
