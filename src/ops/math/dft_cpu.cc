// SPDX-License-Identifier: Apache-2.0
// DFT in fp32 of lengths whose prime factors are small.
#include "ops/arguments.h"
#include "ops/math/dft.h"
#include "ops_cpu/fft_lines.h"

namespace ferry {
namespace {

class DftStep final : public StepKernel {
 public:
  DftStep(Isa isa, Op op) : kernels_(fft_kernels(isa)), op_(std::move(op)) {}
  std::string name() const override { return "fft_f32"; }

  Status run(StepContext& c) const override {
    const Dft& op = *op_.as<Dft>();
    const Tensor& x = c.input(0);
    int64_t given = -2;
    if (c.has_input(2)) {
      FERRY_ASSIGN_OR_RETURN(given, read_int(c.input(2), "axis"));
    }
    FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(given, x.rank()));
    const int64_t n = x.dim(axis), in_parts = x.dims().back();
    const bool half = op.onesided && op.inverse;
    int64_t length = half ? 2 * (n - 1) : n;
    if (c.has_input(1)) {
      FERRY_ASSIGN_OR_RETURN(length, read_int(c.input(1), "dft_length"));
    }
    // What is wrong, or has a large prime factor, the reference kernel knows.
    const bool parts =
        op.onesided ? in_parts == (op.inverse ? 2 : 1) : in_parts == 1 || in_parts == 2;
    if (axis + 1 == x.rank() || length < 1 || !parts || !FftPlan::can(length)) {
      return op_.def().eval(op_, c);
    }
    Dims dims = x.dims();
    dims[axis] = op.onesided && !op.inverse ? length / 2 + 1 : length;
    dims.back() = half ? 1 : 2;
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), dims));
    if (y.count() == 0) return {};
    const FftPlan& plan = fft_plan(c, length, op.inverse, in_parts == 1);
    const Axis in{n, x.dims().count(axis + 1, x.rank() - 1), in_parts};
    const Axis out{dims[axis], in.inner, dims.back()};
    return fft_lines(
        c, kernels_, plan, x.dims().count(0, axis) * in.inner,
        [&](int64_t line, int64_t l, const FftTarget& to) {
          read(plan, x.data<float>() + in.begin(line), in, half, l, to);
        },
        [&](int64_t line, int64_t l, int64_t lines, const float* result) {
          float* to = y.data<float>() + out.begin(line);
          for (int64_t k = 0; k < out.n; ++k, to += out.inner * out.parts) {
            const FftPlan::Value v = plan.coefficient(result, lines, l, k);
            to[0] = v.re;
            if (out.parts == 2) to[1] = v.im;
          }
        });
  }

 private:
  // Of [outer, n, inner, parts].
  struct Axis {
    int64_t n, inner, parts;
    int64_t begin(int64_t line) const { return (line / inner * n * inner + line % inner) * parts; }
  };

  // One line, cut or filled up with zeros.
  static void read(const FftPlan& plan, const float* x, const Axis& in, bool half, int64_t l,
                   const FftTarget& to) {
    const int64_t length = plan.length(), step = in.inner * in.parts;
    const int64_t used = std::min(in.n, half ? length / 2 + 1 : length);
    if (plan.pairs()) {
      for (int64_t i = 0; i < plan.points(); ++i) {
        to.re[i * to.lines + l] = 2 * i < used ? x[2 * i * step] : 0;
        to.im[i * to.lines + l] = 2 * i + 1 < used ? x[(2 * i + 1) * step] : 0;
      }
      return;
    }
    for (int64_t i = 0; i < length; ++i) {
      to.re[i * to.lines + l] = i < used ? x[i * step] : 0;
      to.im[i * to.lines + l] = i < used && in.parts == 2 ? x[i * step + 1] : 0;
    }
    // Half a spectrum to a whole one: the other half is its mirror image.
    for (int64_t k = length / 2 + 1; half && k < length; ++k) {
      to.re[k * to.lines + l] = to.re[(length - k) * to.lines + l];
      to.im[k * to.lines + l] = -to.im[(length - k) * to.lines + l];
    }
  }

  const FftKernels& kernels_;
  Op op_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  if (request.type(0).dtype != DType::kFloat32) return KernelOffer(std::string("not f32"));
  return KernelOffer(std::make_unique<DftStep>(request.isa, request.node.op));
}

}  // namespace

void register_dft_cpu(KernelRegistry& r) { r.add("DFT", "fft_f32", make); }

}  // namespace ferry
