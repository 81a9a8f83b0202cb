// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/order/order.h"
#include "ops/arguments.h"
#include "ops/reduction/hardmax.h"
#include "ops_cpu/parallel.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

// A NaN counts only where it is the first of its line, which the kernels see otherwise.
int64_t without_nan(const float* x, int64_t n, int64_t stride, int64_t at) {
  if (!std::isnan(x[at * stride])) return at;
  at = 0;
  for (int64_t k = 1; k < n; ++k) {
    if (x[k * stride] > x[at * stride]) at = k;
  }
  return at;
}

class HardmaxStep final : public StepKernel {
 public:
  HardmaxStep(Isa isa, Op op) : kernels_(order_of<float>(isa)), op_(std::move(op)) {}
  std::string name() const override { return "hardmax_f32"; }
  Status run(StepContext& c) const override {
    const Tensor& x = c.input(0);
    FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op_.as<Hardmax>()->axis, x.rank()));
    const int64_t n = x.dim(axis), inner = x.dims().count(axis + 1, x.rank());
    if (x.count() == 0 || n > INT32_MAX) return op_.def().eval(op_, c);
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
    const auto* from = x.data<float>();
    auto* to = y.data<float>();
    const int64_t strips = (inner + kStrip - 1) / kStrip;
    parallel_range(c.team(), x.count() / n / inner * strips, x.count() >= kMinParallelValues,
                   [&](int64_t u0, int64_t u1, int) {
                     for (int64_t u = u0; u < u1; ++u) {
                       const int64_t column = u % strips * kStrip;
                       const int64_t at = u / strips * n * inner + column;
                       strip(from + at, to + at, n, inner, std::min(kStrip, inner - column));
                     }
                   });
    return {};
  }

 private:
  static constexpr int64_t kStrip = 256;

  void strip(const float* x, float* y, int64_t n, int64_t inner, int64_t cols) const {
    std::array<int64_t, kStrip> best;
    if (inner == 1)
      best[0] = kernels_.arg_row(x, n, true);
    else
      kernels_.arg_columns(x, n, inner, cols, true, best.data());
    if (cols == inner) {
      std::fill_n(y, n * cols, 0.0f);
    } else {
      for (int64_t k = 0; k < n; ++k) std::fill_n(y + k * inner, cols, 0.0f);
    }
    for (int64_t i = 0; i < cols; ++i) {
      y[without_nan(x + i, n, inner, best[static_cast<size_t>(i)]) * inner + i] = 1;
    }
  }

  const OrderOf<float>& kernels_;
  Op op_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  if (request.type(0).dtype != DType::kFloat32) return KernelOffer(std::string("not f32"));
  return KernelOffer(std::make_unique<HardmaxStep>(request.isa, request.node.op));
}

}  // namespace

void register_hardmax_cpu(KernelRegistry& r) { r.add("Hardmax", "hardmax_f32", make); }

}  // namespace ferry
