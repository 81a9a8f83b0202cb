// SPDX-License-Identifier: Apache-2.0
// STFT in fp32 of frames whose length has small prime factors.
#include "ops/arguments.h"
#include "ops/math/stft.h"
#include "ops_cpu/fft_lines.h"

namespace ferry {
namespace {

class StftStep final : public StepKernel {
 public:
  StftStep(Isa isa, Op op) : kernels_(fft_kernels(isa)), op_(std::move(op)) {}
  std::string name() const override { return "fft_f32"; }

  Status run(StepContext& c) const override {
    const bool onesided = op_.as<Stft>()->onesided;
    const Tensor& x = c.input(0);
    const Tensor* window = c.has_input(2) ? &c.input(2) : nullptr;
    if (x.rank() != 3) return op_.def().eval(op_, c);
    FERRY_ASSIGN_OR_RETURN(const int64_t step, read_int(c.input(1), "frame_step"));
    int64_t length = window != nullptr ? window->count() : x.dim(1);
    if (c.has_input(3)) {
      FERRY_ASSIGN_OR_RETURN(length, read_int(c.input(3), "frame_length"));
    }
    const int64_t samples = x.dim(1), parts = x.dim(2);
    // What is wrong, or has a large prime factor, the reference kernel knows.
    const bool fits = step >= 1 && length >= 1 && length <= samples && parts >= 1 &&
                      parts <= (onesided ? 1 : 2) &&
                      (window == nullptr || window->count() == length);
    if (!fits || !FftPlan::can(length)) return op_.def().eval(op_, c);
    const int64_t frames = (samples - length) / step + 1;
    const int64_t bins = onesided ? length / 2 + 1 : length;
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), {x.dim(0), frames, bins, 2}));
    if (y.count() == 0) return {};
    FERRY_ASSIGN_OR_RETURN(const FftPlan* plan, fft_plan(c, length, false, parts == 1));
    const float* w = window == nullptr ? nullptr : window->data<float>();
    return fft_lines(
        c, kernels_, *plan, x.dim(0) * frames,
        {x.data<float>(), {frames, samples * parts, step * parts, parts, parts}, length, w},
        {y.data<float>(), {1, bins * 2, 0, 2, 2}, bins});
  }

 private:
  const FftKernels& kernels_;
  Op op_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  if (request.type(0).dtype != DType::kFloat32) return KernelOffer(std::string("not f32"));
  return KernelOffer(std::make_unique<StftStep>(request.isa, request.node.op));
}

}  // namespace

void register_stft_cpu(KernelRegistry& r) { r.add("STFT", "fft_f32", make); }

}  // namespace ferry
