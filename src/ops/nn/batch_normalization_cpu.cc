// SPDX-License-Identifier: Apache-2.0
// BatchNormalization of fp32 that no rewrite has folded: statistics that are computed, or those of
// x itself.
#include <algorithm>
#include <cmath>

#include "ops/in_ranges.h"
#include "ops/nn/batch_normalization.h"
#include "ops_cpu/axis_moments.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

class BatchNormStep final : public StepKernel {
 public:
  BatchNormStep(Isa isa, Op op) : kernels_(moment_kernels(isa)), op_(std::move(op)) {}
  std::string name() const override { return "batch_norm_f32"; }
  Status run(StepContext& c) const override {
    const auto& op = *op_.as<BatchNormalization>();
    const Tensor& x = c.input(0);
    const int64_t channels = x.rank() < 2 ? 1 : x.dim(1);
    bool fits = x.rank() > 0 && x.count() > 0;
    for (size_t i = 1; i < 5; ++i) {
      fits = fits && c.input(i).rank() == 1 && c.input(i).count() == channels;
    }
    if (!fits) return op_.def().eval(op_, c);
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
    AxisFlags reduced(x.rank(), 1);
    if (x.rank() > 1) reduced[1] = 0;
    const AxisMoments moments(kernels_, x.dims(), reduced);
    const int64_t used = op.training_mode ? moments.scratch_doubles() : 0;
    const int64_t doubles = used + 2 * channels;
    FERRY_RETURN_IF_ERROR(c.reserve_scratch(1, doubles * 8 + 4 * channels * 4));
    auto* mean = c.scratch<double>(0);
    double* variance = mean + channels;
    if (op.training_mode) {
      moments.compute(c.team(), x.data<float>(), variance + channels, mean, variance);
      FERRY_RETURN_IF_ERROR(store_running(c, 1, c.input(3), mean));
      FERRY_RETURN_IF_ERROR(store_running(c, 2, c.input(4), variance));
    } else {
      FERRY_RETURN_IF_ERROR(in_ranges(c, channels, 2, [&](int64_t from, int64_t to) {
        std::copy(c.input(3).data<float>() + from, c.input(3).data<float>() + to, mean + from);
        std::copy(c.input(4).data<float>() + from, c.input(4).data<float>() + to, variance + from);
      }));
    }
    auto* floats = reinterpret_cast<float*>(mean + doubles);
    const MomentLines lines{floats, floats + channels, floats + 2 * channels,
                            floats + 3 * channels};
    const auto *scale = c.input(1).data<float>(), *bias = c.input(2).data<float>();
    FERRY_RETURN_IF_ERROR(in_ranges(c, channels, 16, [&](int64_t i, int64_t end) {
      for (; i < end; ++i) {
        const double root = std::sqrt(variance[i] + static_cast<double>(op.epsilon));
        lines.set(i, mean[i], static_cast<double>(scale[i]) / root, static_cast<double>(bias[i]));
      }
    }));
    moments.apply(c.team(), x.data<float>(), y.data<float>(), lines);
    return {};
  }

 private:
  Status store_running(StepContext& c, size_t output, const Tensor& old,
                       const double* current) const {
    if (!c.has_output(output)) return {};
    FERRY_ASSIGN_OR_RETURN(Tensor t, c.output(output, old.dtype(), old.dims()));
    const auto momentum = static_cast<double>(op_.as<BatchNormalization>()->momentum);
    return in_ranges(c, t.count(), 4, [&](int64_t i, int64_t end) {
      for (; i < end; ++i) {
        const auto before = static_cast<double>(old.data<float>()[i]);
        t.data<float>()[i] = static_cast<float>(before * momentum + current[i] * (1 - momentum));
      }
    });
  }

  const MomentKernels& kernels_;
  Op op_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  for (size_t i = 0; i < 5; ++i) {
    if (request.type(i).dtype != DType::kFloat32) return KernelOffer(std::string("not f32"));
  }
  return KernelOffer(std::make_unique<BatchNormStep>(request.isa, request.node.op));
}

}  // namespace

void register_batch_normalization_cpu(KernelRegistry& r) {
  r.add("BatchNormalization", "batch_norm_f32", make);
}

}  // namespace ferry
