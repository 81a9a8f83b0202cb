// SPDX-License-Identifier: Apache-2.0
#include "ops/math/matmul.h"

#include <vector>

#include "ops/arguments.h"
#include "ops/math/reference_gemm.h"
#include "ops/registry.h"
#include "ops/walk.h"

namespace ferry {
namespace {

constexpr TypeSet kAllowed = types::kFloating | TypeSet{DType::kInt32, DType::kInt64,
                                                        DType::kUInt32, DType::kUInt64};

Status infer(const MatMul&, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type a, c.tensor(0, kAllowed, 1));
  FERRY_ASSIGN_OR_RETURN(const Type b, c.tensor(1, kAllowed, 1));
  FERRY_RETURN_IF_ERROR(c.same_dtype(0, 1));
  if (!a.shape || !b.shape) {
    c.set_tensor(0, a.dtype, std::nullopt);
    return {};
  }
  Shape x = *a.shape, y = *b.shape;
  if (a.rank() == 1) x.insert(x.begin(), Dim(1));
  if (b.rank() == 1) y.push_back(Dim(1));
  const Dim &k_a = x.back(), &k_b = y[y.size() - 2];
  if (Dim::known_different(k_a, k_b)) {
    return shape_mismatch("inner dimensions differ: {} of a {} against {} of b {}",
                          k_a.to_string(), to_string(*a.shape), k_b.to_string(),
                          to_string(*b.shape));
  }
  const Dim m = x[x.size() - 2], n = y.back();
  x.resize(x.size() - 2);
  y.resize(y.size() - 2);
  FERRY_ASSIGN_OR_RETURN(Shape shape, broadcast_shapes(x, y));
  if (a.rank() > 1) shape.push_back(m);
  if (b.rank() > 1) shape.push_back(n);
  c.set_tensor(0, a.dtype, std::move(shape));
  return {};
}

// Dims of the stack of matrices, without the matrices.
Dims batch_of(const Dims& dims) { return Dims(std::span(dims.begin(), dims.size() - 2)); }

Status eval(const MatMul&, EvalContext& c) {
  const Tensor &a = c.input(0), &b = c.input(1);
  if (a.rank() == 0 || b.rank() == 0) {
    return shape_mismatch("inputs are {} and {}, wanted is rank 1 or more", a.describe(),
                          b.describe());
  }
  Dims x = a.dims(), y = b.dims();
  if (a.rank() == 1) x = {1, x[0]};
  if (b.rank() == 1) y = {y[0], 1};
  const int64_t m = x[x.size() - 2], k = x.back(), n = y.back();
  if (k != y[y.size() - 2]) {
    return shape_mismatch("inner dimensions differ: {} against {}", a.describe(), b.describe());
  }
  FERRY_ASSIGN_OR_RETURN(const Dims batch, broadcast_dims(batch_of(x), batch_of(y)));
  Dims dims = batch;
  if (a.rank() > 1) dims.push_back(m);
  if (b.rank() > 1) dims.push_back(n);
  FERRY_ASSIGN_OR_RETURN(Tensor out, c.output(0, a.dtype(), dims));
  if (out.count() == 0) return {};
  return visit_numeric(a.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    std::vector<accumulate_t<T>> sums(static_cast<size_t>(n));
    T* to = out.data<T>();
    return for_each_row<2>(
        c, batch, {broadcast_strides(batch_of(x), batch), broadcast_strides(batch_of(y), batch)},
        [&](int64_t count, const auto& at, const auto& step) -> Status {
          for (int64_t s = 0; s < count; ++s) {
            const T* from_a = a.data<T>() + (at[0] + s * step[0]) * m * k;
            const T* from_b = b.data<T>() + (at[1] + s * step[1]) * k * n;
            for (int64_t i = 0; i < m; ++i, to += n) {
              if (i % 64 == 0) FERRY_RETURN_IF_ERROR(c.poll());
              gemm_row(from_a + i * k, 1, from_b, n, 1, k, n, sums.data());
              for (int64_t j = 0; j < n; ++j) to[j] = round_sum<T>(sums[static_cast<size_t>(j)]);
            }
          }
          return {};
        });
  });
}

}  // namespace

void register_matmul(OpRegistry& r) {
  r.op<MatMul>("MatMul").since(13).inputs(2).infer(infer).reference(eval);
}

}  // namespace ferry
