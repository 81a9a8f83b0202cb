// SPDX-License-Identifier: Apache-2.0
// GroupNormalization and InstanceNormalization of fp32: statistics per group, then one
// straight line per channel.
#include <cmath>

#include "base/status.h"
#include "kernels/moments/moments.h"
#include "ops/nn/group_normalization.h"
#include "ops_cpu/parallel.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

class GroupNormStep final : public StepKernel {
 public:
  GroupNormStep(Isa isa, Op op) : kernels_(moment_kernels(isa)), op_(std::move(op)) {}
  std::string name() const override { return "group_norm_f32"; }
  Status run(StepContext& c) const override {
    const auto& op = *op_.as<GroupNormalization>();
    const Tensor &x = c.input(0), &scale = c.input(1), &bias = c.input(2);
    const int64_t channels = x.rank() < 2 ? 0 : x.dim(1);
    const int64_t groups = op.num_groups == 0 ? channels : op.num_groups;
    if (x.count() == 0 || channels % groups != 0 || scale.count() != channels ||
        bias.count() != channels) {
      return op_.def().eval(op_, c);
    }
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
    const int64_t inner = x.dims().count(2, x.rank()), per_group = channels / groups;
    const int64_t size = per_group * inner;
    parallel_range(c.team(), x.dim(0) * groups, x.count() >= kMinParallelValues,
                   [&](int64_t from, int64_t to, int) {
                     for (int64_t u = from; u < to; ++u) {
                       const int64_t channel = u % groups * per_group;
                       normalize(x.data<float>() + u * size, y.data<float>() + u * size, per_group,
                                 inner, op.epsilon, scale.data<float>() + channel,
                                 bias.data<float>() + channel);
                     }
                   });
    return {};
  }

 private:
  void normalize(const float* x, float* y, int64_t channels, int64_t inner, float epsilon,
                 const float* scale, const float* bias) const {
    double mean = 0, variance = 0;
    kernels_.moments(x, channels * inner, &mean, &variance);
    const double factor = 1 / std::sqrt(variance + static_cast<double>(epsilon));
    for (int64_t c = 0; c < channels; ++c) {
      const auto slope = static_cast<float>(factor * static_cast<double>(scale[c]));
      kernels_.affine(x + c * inner, y + c * inner, inner, mean, slope, bias[c]);
    }
  }

  const MomentKernels& kernels_;
  Op op_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  if (request.type(0).dtype != DType::kFloat32) return KernelOffer(std::string("not f32"));
  return KernelOffer(std::make_unique<GroupNormStep>(request.isa, request.node.op));
}

}  // namespace

void register_group_normalization_cpu(KernelRegistry& r) {
  r.add("GroupNormalization", "group_norm_f32", make);
  r.add("InstanceNormalization", "group_norm_f32", make);
}

}  // namespace ferry
