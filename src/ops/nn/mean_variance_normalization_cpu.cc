// SPDX-License-Identifier: Apache-2.0
// MeanVarianceNormalization of fp32 over any axes.
#include <cmath>

#include "ops/in_ranges.h"
#include "ops/nn/mean_variance_normalization.h"
#include "ops_cpu/axis_moments.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

class MeanVarianceStep final : public StepKernel {
 public:
  MeanVarianceStep(Isa isa, Op op) : kernels_(moment_kernels(isa)), op_(std::move(op)) {}
  std::string name() const override { return "mean_variance_f32"; }
  Status run(StepContext& c) const override {
    const Tensor& x = c.input(0);
    if (x.count() == 0) return op_.def().eval(op_, c);
    AxisFlags reduced(x.rank(), 0);
    for (int64_t a : op_.as<MeanVarianceNormalization>()->axes) {
      FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(a, x.rank()));
      reduced[axis] = 1;
    }
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
    const AxisMoments moments(kernels_, x.dims(), reduced);
    const int64_t kept = moments.kept(), doubles = moments.scratch_doubles() + 2 * kept;
    FERRY_RETURN_IF_ERROR(c.reserve_scratch(1, doubles * 8 + 4 * kept * 4));
    auto* mean = c.scratch<double>(0);
    double* variance = mean + kept;
    moments.compute(c.team(), x.data<float>(), variance + kept, mean, variance);
    auto* floats = reinterpret_cast<float*>(mean + doubles);
    const MomentLines lines{floats, floats + kept, floats + 2 * kept, floats + 3 * kept};
    FERRY_RETURN_IF_ERROR(in_ranges(c, kept, 16, [&](int64_t i, int64_t end) {
      for (; i < end; ++i) lines.set(i, mean[i], 1 / (std::sqrt(variance[i]) + 1e-9), 0);
    }));
    moments.apply(c.team(), x.data<float>(), y.data<float>(), lines);
    return {};
  }

 private:
  const MomentKernels& kernels_;
  Op op_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  if (request.type(0).dtype != DType::kFloat32) return KernelOffer(std::string("not f32"));
  return KernelOffer(std::make_unique<MeanVarianceStep>(request.isa, request.node.op));
}

}  // namespace

void register_mean_variance_normalization_cpu(KernelRegistry& r) {
  r.add("MeanVarianceNormalization", "mean_variance_f32", make);
}

}  // namespace ferry
