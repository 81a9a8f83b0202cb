// SPDX-License-Identifier: Apache-2.0
// Channels-last convolutions on the matrix product; see kernels/conv/conv.h.
#include <algorithm>

#include "base/status.h"
#include "kernels/conv/conv.h"
#include "ops/nn/conv.h"
#include "ops/nn/window.h"
#include "ops_cpu/matrix_product.h"
#include "plan/epilogue.h"

namespace ferry {
namespace {

// What stays of a convolution when the input's size is not known yet.
struct ConvPlan {
  Conv op;
  ConvShape shape;  // channels, groups, kernel; the rest is set per run
  size_t spatial = 0;
};

// Sizes, strides and pads for concrete dims.
Result<ConvShape> resolve(const ConvPlan& plan, const Tensor& x) {
  FERRY_ASSIGN_OR_RETURN(Window window, window_of(plan.op, plan.spatial));
  for (size_t a = 0; a < plan.spatial; ++a) {
    window.axes[a].kernel = plan.shape.kernel[3 - plan.spatial + a];
  }
  const Dims in = spatial_dims(x.dims(), true);
  FERRY_ASSIGN_OR_RETURN(const Dims out, resolve_window(window, in));
  ConvShape s = plan.shape;
  s.batch = x.dim(0);
  for (size_t a = 0; a < plan.spatial; ++a) {
    const size_t d = 3 - plan.spatial + a;
    s.in[d] = in[a];
    s.out[d] = out[a];
    s.stride[d] = window.axes[a].stride;
    s.dilation[d] = window.axes[a].dilation;
    s.pad[d] = window.axes[a].pad_begin;
  }
  return s;
}

bool is_pointwise(const ConvShape& s) {
  if (s.groups != 1 || s.taps() != 1) return false;
  for (int d = 0; d < 3; ++d) {
    if (s.stride[d] != 1 || s.pad[d] != 0 || s.in[d] != s.out[d]) return false;
  }
  return true;
}

class ConvKernel final : public StepKernel {
 public:
  ConvKernel(const GemmKernels& kernels, ConvPlan plan, PackedMatrix weights,
             std::vector<float> bias, FusedAnchor anchor)
      : kernels_(kernels),
        plan_(std::move(plan)),
        weights_(std::move(weights)),
        bias_(std::move(bias)),
        anchor_(std::move(anchor)) {}

  std::string name() const override { return "conv_f32"; }
  bool wants_bodies() const override { return false; }
  bool reads_input(size_t i) const override {
    const int in = static_cast<int>(i);
    return in == anchor_.inputs[0] || in == anchor_.residual;
  }
  size_t packed_bytes() const override { return weights_.bytes; }
  int in_place_input() const override { return anchor_.residual; }

  Status run(StepContext& c) const override {
    const Tensor& x = c.input(static_cast<size_t>(anchor_.inputs[0]));
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.planned_output(0));
    FERRY_ASSIGN_OR_RETURN(const ConvShape shape, resolve(plan_, x));
    const float* residual = nullptr;
    bool accumulate = false;
    if (anchor_.residual >= 0) {
      residual = c.input(static_cast<size_t>(anchor_.residual)).data<float>();
      accumulate = residual == y.data<float>();
      if (accumulate) residual = nullptr;
    }
    if (is_pointwise(shape)) {
      run_pointwise(c.team(), shape, x, y, residual, accumulate);
      return {};
    }
    return run_rows(c, shape, x, y, residual, accumulate);
  }

 private:
  void run_pointwise(Team& team, const ConvShape& s, const Tensor& x, Tensor& y,
                     const float* residual, bool accumulate) const {
    GemmArgs args;
    args.m = s.batch * s.out[0] * s.out[1] * s.out[2];
    args.k = s.in_channels;
    args.n = s.out_channels;
    args.a = x.data<float>();
    args.lda = args.k;
    args.packed_b = weights_.data();
    args.c = y.data<float>();
    args.ldc = args.n;
    args.bias = bias_.empty() ? nullptr : bias_.data();
    args.residual = residual;
    args.ldr = args.n;
    args.accumulate = accumulate;
    args.lo = anchor_.lo;
    args.hi = anchor_.hi;
    run_product(kernels_, team, args);
  }

  Status run_rows(StepContext& c, const ConvShape& s, const Tensor& x, Tensor& y,
                  const float* residual, bool accumulate) const {
    static const GemmBlocking blocking = gemm_blocking();
    ConvArgs args;
    args.x = x.data<float>();
    args.x_pitch = s.in_channels;
    args.y = y.data<float>();
    args.y_pitch = s.out_channels;
    args.weights = weights_.data();
    args.bias = bias_.empty() ? nullptr : bias_.data();
    args.residual = residual;
    args.residual_pitch = s.out_channels;
    args.accumulate = accumulate;
    args.lo = anchor_.lo;
    args.hi = anchor_.hi;
    Team& team = c.team();
    const auto bytes = static_cast<size_t>(conv_scratch_bytes(s, blocking));
    std::vector<void*> scratch(static_cast<size_t>(team.size()));
    for (size_t t = 0; t < scratch.size(); ++t) {
      FERRY_ASSIGN_OR_RETURN(scratch[t], c.scratch(static_cast<int>(t), bytes));
    }
    const int64_t rows = s.rows();
    const int64_t work = y.count() * s.group_in() * s.taps();
    const int64_t parts = work < kMinParallelWork ? 1 : std::min<int64_t>(rows, 4 * team.size());
    team.parallel(static_cast<int>(team.size() == 1 ? 1 : parts), [&](int part, int thread) {
      const int64_t n = team.size() == 1 ? 1 : parts;
      conv_rows(kernels_, blocking, s, args, rows * part / n, rows * (part + 1) / n,
                scratch[static_cast<size_t>(thread)]);
    });
    return {};
  }

  const GemmKernels& kernels_;
  ConvPlan plan_;
  PackedMatrix weights_;
  std::vector<float> bias_;
  FusedAnchor anchor_;
};

Result<KernelOffer> make(const KernelRequest& request, const FusedAnchor& anchor) {
  const Conv& op = *anchor.anchor->op.as<Conv>();
  if (!op.channels_last) return KernelOffer(std::string("planar layout"));
  if (!request.outputs_planned) return KernelOffer(std::string("output size depends on data"));
  const Type& x = request.type(static_cast<size_t>(anchor.inputs[0]));
  if (x.dtype != DType::kFloat32) return KernelOffer(std::string("not f32"));
  const Tensor* w = request.constant(static_cast<size_t>(anchor.inputs[1]));
  if (w == nullptr) return KernelOffer(std::string("weights are not constant"));
  if (!x.has_rank() || x.rank() < 3 || x.rank() > 5) {
    return KernelOffer(std::string("not one to three spatial axes"));
  }
  std::vector<float> bias;
  if (anchor.inputs.size() > 2 && anchor.inputs[2] >= 0) {
    const Tensor* b = request.constant(static_cast<size_t>(anchor.inputs[2]));
    if (b == nullptr) return KernelOffer(std::string("bias is not constant"));
    bias.assign(b->data<float>(), b->data<float>() + b->count());
  }
  ConvPlan plan;
  plan.op = op;
  plan.spatial = x.rank() - 2;
  plan.shape.groups = op.group;
  plan.shape.out_channels = w->dim(0);
  plan.shape.in_channels = w->dim(1) * op.group;
  for (size_t a = 0; a < plan.spatial; ++a) plan.shape.kernel[3 - plan.spatial + a] = w->dim(2 + a);
  const GemmKernels& kernels = gemm_kernels(request.isa);
  PackedMatrix packed;
  packed.bytes = static_cast<size_t>(conv_packed_size(kernels, plan.shape)) * sizeof(float);
  FERRY_ASSIGN_OR_RETURN(packed.memory, allocate_buffer(packed.bytes, request.budget));
  conv_pack_weights(kernels, plan.shape, w->data<float>(), static_cast<float*>(packed.memory.get()));
  return KernelOffer(std::make_unique<ConvKernel>(kernels, std::move(plan), std::move(packed),
                                                  std::move(bias), anchor));
}

}  // namespace

void register_conv_cpu(KernelRegistry& r) { add_anchor_kernel(r, "Conv", "conv_f32", make); }

}  // namespace ferry
