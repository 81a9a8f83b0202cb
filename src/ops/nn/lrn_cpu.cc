// SPDX-License-Identifier: Apache-2.0
// LRN of fp32: for every channel a run of positions at a time.
#include <algorithm>

#include "base/status.h"
#include "kernels/functions/functions.h"
#include "ops/nn/lrn.h"
#include "ops_cpu/parallel.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

// Positions of one unit of work: the rows of all channels of a window stay in L1.
constexpr int64_t kStrip = 512;

class LrnStep final : public StepKernel {
 public:
  LrnStep(Isa isa, const LRN& op) : kernels_(function_kernels(isa)), op_(op) {}
  std::string name() const override { return "lrn_f32"; }
  Status run(StepContext& c) const override {
    const Tensor& x = c.input(0);
    if (x.rank() < 2) return shape_mismatch("x is {}, wanted is rank 2 or more", x.describe());
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
    if (x.count() == 0) return {};
    const int64_t channels = x.dim(1), inner = x.dims().count(2, x.rank());
    const int64_t strips = (inner + kStrip - 1) / kStrip;
    const int64_t before = (op_.size - 1) / 2, after = op_.size - 1 - before;
    const double factor = static_cast<double>(op_.alpha) / static_cast<double>(op_.size);
    parallel_range(c.team(), x.dim(0) * strips * channels, x.count() >= kMinParallelValues / 8,
                   [&](int64_t u0, int64_t u1, int) {
                     for (int64_t u = u0; u < u1; ++u) {
                       const int64_t channel = u % channels, strip = u / channels % strips;
                       const int64_t row = u / channels / strips * channels + channel;
                       const int64_t at = row * inner + strip * kStrip;
                       kernels_.divide_by_power_of_squares(
                           x.data<float>() + at, y.data<float>() + at,
                           std::min(kStrip, inner - strip * kStrip), inner,
                           -std::min(before, channel), std::min(after, channels - 1 - channel),
                           static_cast<double>(op_.bias), factor, static_cast<double>(op_.beta));
                     }
                   });
    return {};
  }

 private:
  const FunctionKernels& kernels_;
  LRN op_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  if (request.type(0).dtype != DType::kFloat32) return KernelOffer(std::string("not f32"));
  const LRN& op = *request.node.op.as<LRN>();
  if (!(op.bias >= 0 && op.alpha >= 0 && op.beta != 0)) {
    return KernelOffer(std::string("powers of numbers below 0, or beta is 0"));
  }
  return KernelOffer(std::make_unique<LrnStep>(request.isa, op));
}

}  // namespace

void register_lrn_cpu(KernelRegistry& r) { r.add("LRN", "lrn_f32", make); }

}  // namespace ferry
