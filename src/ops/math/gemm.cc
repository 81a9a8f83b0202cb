// SPDX-License-Identifier: Apache-2.0
#include "ops/math/gemm.h"

#include <vector>

#include "ops/arguments.h"
#include "ops/convert.h"
#include "ops/math/reference_gemm.h"
#include "ops/poll_every.h"
#include "ops/registry.h"
#include "ops/walk.h"

namespace ferry {
namespace {

constexpr TypeSet kAllowed =
    types::kFloating | TypeSet{DType::kInt32, DType::kInt64, DType::kUInt32, DType::kUInt64};

Status infer(const Gemm& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type a, c.tensor(0, kAllowed, 2, 2));
  FERRY_ASSIGN_OR_RETURN(const Type b, c.tensor(1, kAllowed, 2, 2));
  FERRY_RETURN_IF_ERROR(c.same_dtype(0, 1));
  FERRY_RETURN_IF_ERROR(c.same_dtype(0, 2));
  Shape shape = c.fresh_shape(0, 2);
  if (a.shape) shape[0] = (*a.shape)[op.trans_a ? 1 : 0];
  if (b.shape) shape[1] = (*b.shape)[op.trans_b ? 0 : 1];
  if (a.shape && b.shape) {
    const Dim &k_a = (*a.shape)[op.trans_a ? 0 : 1], &k_b = (*b.shape)[op.trans_b ? 1 : 0];
    if (Dim::known_different(k_a, k_b)) {
      return shape_mismatch("inner dimensions differ: {} of a {} against {} of b {}",
                            k_a.to_string(), to_string(*a.shape), k_b.to_string(),
                            to_string(*b.shape));
    }
  }
  if (c.has_input(2)) {
    FERRY_ASSIGN_OR_RETURN(const Type bias, c.tensor(2, kAllowed, 0, 2));
    for (size_t i = 0; bias.shape && i < bias.rank(); ++i) {
      const Dim& d = (*bias.shape)[bias.rank() - 1 - i];
      const Dim& to = shape[1 - i];
      if (d.is_constant() && to.is_constant() && !d.is_constant(1) && !(d == to)) {
        return shape_mismatch("c {} does not broadcast to {}", to_string(*bias.shape),
                              to_string(shape));
      }
    }
  }
  c.set_tensor(0, a.dtype, std::move(shape));
  return {};
}

// alpha sum + beta bias, exact for integers when both factors are 1.
template <class T>
T finish(const Gemm& op, accumulate_t<T> sum, const T* bias) {
  if constexpr (std::is_integral_v<T>) {
    if (op.alpha == 1 && op.beta == 1) {
      return static_cast<T>(bias == nullptr ? sum : sum + static_cast<accumulate_t<T>>(*bias));
    }
    double v = static_cast<double>(op.alpha) * static_cast<double>(static_cast<T>(sum));
    if (bias != nullptr) v += static_cast<double>(op.beta) * static_cast<double>(*bias);
    return clamp_to_int<T>(v);
  } else {
    double v = static_cast<double>(op.alpha) * sum;
    if (bias != nullptr) {
      v += static_cast<double>(op.beta) * static_cast<double>(static_cast<compute_t<T>>(*bias));
    }
    return round_sum<T>(v);
  }
}

Status eval(const Gemm& op, EvalContext& c) {
  const Tensor &a = c.input(0), &b = c.input(1);
  const Tensor* bias = c.has_input(2) ? &c.input(2) : nullptr;
  if (a.rank() != 2 || b.rank() != 2) {
    return shape_mismatch("inputs are {} and {}, wanted are matrices", a.describe(), b.describe());
  }
  const int64_t m = a.dim(op.trans_a ? 1 : 0), k = a.dim(op.trans_a ? 0 : 1);
  const int64_t n = b.dim(op.trans_b ? 0 : 1);
  if (k != b.dim(op.trans_b ? 1 : 0)) {
    return shape_mismatch("inner dimensions differ: {} against {}", a.describe(), b.describe());
  }
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, a.dtype(), Dims{m, n}));
  if (y.count() == 0) return {};
  Dims bias_strides = {0, 0};
  if (bias != nullptr) {
    const auto dims = broadcast_dims(bias->dims(), y.dims());
    if (!dims.ok() || !(*dims == y.dims())) {
      return shape_mismatch("c {} does not broadcast to {}", bias->describe(), y.describe());
    }
    bias_strides = broadcast_strides(bias->dims(), y.dims());
  }
  return visit_numeric(a.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    std::vector<accumulate_t<T>> sums(static_cast<size_t>(n));
    PollEvery poll(c);
    for (int64_t i = 0; i < m; ++i) {
      FERRY_RETURN_IF_ERROR(gemm_row(poll, a.data<T>() + i * (op.trans_a ? 1 : k),
                                     op.trans_a ? m : 1, b.data<T>(), op.trans_b ? 1 : n,
                                     op.trans_b ? k : 1, k, n, sums.data()));
      for (int64_t j = 0; j < n; ++j) {
        const T* extra =
            bias ? bias->data<T>() + i * bias_strides[0] + j * bias_strides[1] : nullptr;
        y.data<T>()[i * n + j] = finish<T>(op, sums[static_cast<size_t>(j)], extra);
      }
    }
    return {};
  });
}

}  // namespace

void register_gemm(OpRegistry& r) {
  r.op<Gemm>("Gemm")
      .since(13)
      .inputs(2, 3)
      .attr("alpha", &Gemm::alpha)
      .attr("beta", &Gemm::beta)
      .attr("transA", &Gemm::trans_a)
      .attr("transB", &Gemm::trans_b)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
