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
    FERRY_ASSIGN_OR_RETURN(const FftPlan* plan, fft_plan(c, length, op.inverse, in_parts == 1));
    const int64_t inner = x.dims().count(axis + 1, x.rank() - 1);
    const auto layout = [&](int64_t points, int64_t each) {
      return FftLayout{inner, points * inner * each, each, inner * each, each};
    };
    return fft_lines(c, kernels_, *plan, x.dims().count(0, axis) * inner,
                     {x.data<float>(), layout(n, in_parts), n, nullptr, half},
                     {y.data<float>(), layout(dims[axis], dims.back()), dims[axis]});
  }

 private:
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
