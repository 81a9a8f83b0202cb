// SPDX-License-Identifier: Apache-2.0
// Softmax and LogSoftmax in fp32.
#include <algorithm>

#include "base/status.h"
#include "ir/infer.h"
#include "kernels/rows/rows.h"
#include "ops/nn/log_softmax.h"
#include "ops/nn/softmax.h"
#include "ops_cpu/parallel.h"
#include "ops_cpu/pause_of.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

class SoftmaxKernel final : public StepKernel {
 public:
  SoftmaxKernel(Isa isa, int64_t axis, bool log)
      : kernels_(row_kernels(isa)), axis_(axis), log_(log) {}
  std::string name() const override { return log_ ? "log_softmax_f32" : "softmax_f32"; }
  int in_place_input() const override { return 0; }

  Status run(StepContext& c) const override {
    const Tensor& x = c.input(0);
    FERRY_ASSIGN_OR_RETURN(const int64_t signed_axis, InferContext::axis(axis_, x.rank()));
    const auto axis = static_cast<size_t>(signed_axis);
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
    if (y.count() == 0) return {};
    const int64_t outer = x.dims().count(0, axis), n = x.dim(axis);
    const int64_t inner = x.dims().count(axis + 1, x.rank());
    const float* from = x.data<float>();
    float* to = y.data<float>();
    const bool worthwhile = x.count() >= kMinParallelValues;
    const Pause pause = pause_of(c.team());
    if (inner == 1) {
      parallel_range(c.team(), outer, worthwhile, [&](int64_t r0, int64_t r1, int) {
        kernels_.softmax(from + r0 * n, to + r0 * n, r1 - r0, n, log_, pause);
      });
      return {};
    }
    // Units are strips of columns.
    constexpr int64_t kStrip = 64;
    const int64_t strips = (inner + kStrip - 1) / kStrip;
    parallel_range(c.team(), outer * strips, worthwhile, [&](int64_t u0, int64_t u1, int) {
      for (int64_t u = u0; u < u1; ++u) {
        const int64_t column = u % strips * kStrip;
        const int64_t at = u / strips * n * inner + column;
        kernels_.softmax_columns(from + at, to + at, n, inner, std::min(kStrip, inner - column),
                                 log_, pause);
      }
    });
    return {};
  }

 private:
  const RowKernels& kernels_;
  int64_t axis_;
  bool log_;
};

template <class T>
Result<KernelOffer> make(const KernelRequest& request) {
  if (request.type(0).dtype != DType::kFloat32) return KernelOffer(std::string("not f32"));
  const bool log = std::is_same_v<T, LogSoftmax>;
  return KernelOffer(
      std::make_unique<SoftmaxKernel>(request.isa, request.node.op.as<T>()->axis, log));
}

}  // namespace

void register_softmax_cpu(KernelRegistry& r) {
  r.add("Softmax", "softmax_f32", make<Softmax>);
  r.add("LogSoftmax", "log_softmax_f32", make<LogSoftmax>);
}

}  // namespace ferry
