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
    const FftPlan& plan = fft_plan(c, length, false, parts == 1);
    const float* w = window == nullptr ? nullptr : window->data<float>();
    return fft_lines(
        c, kernels_, plan, x.dim(0) * frames,
        [&](int64_t line, int64_t l, const FftTarget& to) {
          const int64_t at = (line / frames * samples + line % frames * step) * parts;
          read(plan, x.data<float>() + at, w, parts, l, to);
        },
        [&](int64_t line, int64_t l, int64_t lines, const float* result) {
          float* to = y.data<float>() + line * bins * 2;
          for (int64_t k = 0; k < bins; ++k) {
            const FftPlan::Value v = plan.coefficient(result, lines, l, k);
            to[2 * k] = v.re;
            to[2 * k + 1] = v.im;
          }
        });
  }

 private:
  // One frame times the window.
  static void read(const FftPlan& plan, const float* x, const float* window, int64_t parts,
                   int64_t l, const FftTarget& to) {
    const auto at = [&](int64_t i, int64_t part) {
      return window == nullptr ? x[i * parts + part] : x[i * parts + part] * window[i];
    };
    for (int64_t i = 0; i < plan.points(); ++i) {
      const int64_t k = i * to.lines + l;
      to.re[k] = plan.pairs() ? at(2 * i, 0) : at(i, 0);
      to.im[k] = plan.pairs() ? at(2 * i + 1, 0) : parts == 2 ? at(i, 1) : 0;
    }
  }

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
