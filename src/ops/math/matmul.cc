// SPDX-License-Identifier: Apache-2.0
#include "ops/math/matmul.h"

#include <vector>

#include "ops/math/matmul_geometry.h"
#include "ops/math/reference_gemm.h"
#include "ops/poll_every.h"
#include "ops/registry.h"
#include "ops/walk.h"

namespace ferry {
namespace {

constexpr TypeSet kAllowed =
    types::kFloating | TypeSet{DType::kInt32, DType::kInt64, DType::kUInt32, DType::kUInt64};

Status infer(const MatMul& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type a, c.tensor(0, kAllowed, 1));
  FERRY_ASSIGN_OR_RETURN(Type b, c.tensor(1, kAllowed, 1));
  if (op.trans_b && b.has_rank() && b.rank() == 2) std::swap(b.shape->front(), b.shape->back());
  FERRY_RETURN_IF_ERROR(c.same_dtype(0, 1));
  FERRY_ASSIGN_OR_RETURN(std::optional<Shape> shape, matmul_shape(a, b));
  c.set_tensor(0, a.dtype, std::move(shape));
  return {};
}

Status eval(const MatMul& op, EvalContext& c) {
  const Tensor &a = c.input(0), &given = c.input(1);
  const bool swapped = op.trans_b && given.rank() == 2;
  const Tensor b = swapped ? given.reshaped({given.dim(1), given.dim(0)}) : given;
  FERRY_ASSIGN_OR_RETURN(const MatMulSizes s, matmul_sizes(a, b));
  FERRY_ASSIGN_OR_RETURN(Tensor out, c.output(0, a.dtype(), s.out));
  if (out.count() == 0) return {};
  return visit_numeric(a.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    std::vector<accumulate_t<T>> sums(static_cast<size_t>(s.n));
    T* to = out.data<T>();
    PollEvery poll(c);
    return for_each_row<2>(
        c, s.batch, {s.a_strides, s.b_strides},
        [&](int64_t count, const auto& at, const auto& step) -> Status {
          for (int64_t i = 0; i < count; ++i) {
            const T* from_a = a.data<T>() + (at[0] + i * step[0]) * s.m * s.k;
            const T* from_b = b.data<T>() + (at[1] + i * step[1]) * s.k * s.n;
            for (int64_t row = 0; row < s.m; ++row, to += s.n) {
              FERRY_RETURN_IF_ERROR(gemm_row(poll, from_a + row * s.k, 1, from_b, swapped ? 1 : s.n,
                                             swapped ? s.k : 1, s.k, s.n, sums.data()));
              for (int64_t j = 0; j < s.n; ++j) to[j] = round_sum<T>(sums[static_cast<size_t>(j)]);
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
