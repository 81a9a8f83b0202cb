// SPDX-License-Identifier: Apache-2.0
// Channels-last convolutions on the matrix product; see kernels/conv/conv.h.
#include <algorithm>

#include "base/status.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/depthwise.h"
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

// One tap, nothing skipped or padded: a matrix product over pixels, whatever the image's size.
bool is_pointwise(const ConvPlan& plan) {
  if (plan.shape.groups != 1 || plan.shape.taps() != 1) return false;
  const auto all = [](const std::vector<int64_t>& v, int64_t wanted) {
    return std::all_of(v.begin(), v.end(), [&](int64_t x) { return x == wanted; });
  };
  return all(plan.op.strides, 1) && all(plan.op.pads, 0);
}

// Groups too narrow to fill vectors of output channels.
bool is_depthwise(const ConvShape& s) {
  constexpr int64_t kNarrow = 16;  // lanes of the widest vector
  return s.groups > 1 && s.group_in() < kNarrow && s.group_out() < kNarrow;
}

class ConvKernel final : public StepKernel {
 public:
  ConvKernel(Isa isa, ConvPlan plan, std::vector<float> bias, FusedAnchor anchor)
      : kernels_(gemm_kernels(isa)),
        depthwise_kernels_(depthwise_kernels(isa)),
        plan_(std::move(plan)),
        bias_(std::move(bias)),
        anchor_(std::move(anchor)),
        depthwise_(is_depthwise(plan_.shape)) {}

  Status pack(const Tensor& w, MemoryBudget* budget) {
    const int64_t floats = depthwise_ ? depthwise_packed_size(plan_.shape)
                                      : conv_packed_size(kernels_, plan_.shape);
    packed_bytes_ = static_cast<size_t>(floats) * sizeof(float);
    FERRY_ASSIGN_OR_RETURN(weights_, allocate_buffer(packed_bytes_, budget));
    auto* packed = static_cast<float*>(weights_.get());
    if (depthwise_) depthwise_pack_weights(plan_.shape, w.data<float>(), packed);
    else conv_pack_weights(kernels_, plan_.shape, w.data<float>(), packed);
    return {};
  }

  std::string name() const override { return depthwise_ ? "depthwise_f32" : "conv_f32"; }
  bool wants_bodies() const override { return false; }
  bool reads_input(size_t i) const override {
    const int in = static_cast<int>(i);
    return in == anchor_.inputs[0] || in == anchor_.residual;
  }
  size_t packed_bytes() const override { return packed_bytes_; }
  int in_place_input() const override { return anchor_.residual; }

  Status run(StepContext& c) const override {
    const Tensor& x = c.input(static_cast<size_t>(anchor_.inputs[0]));
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.planned_output(0));
    FERRY_ASSIGN_OR_RETURN(const ConvShape s, resolve(plan_, x));
    if (y.count() == 0) return {};
    ConvArgs args;
    args.x = x.data<float>();
    args.x_pitch = s.in_channels;
    args.y = y.data<float>();
    args.y_pitch = s.out_channels;
    args.weights = static_cast<const float*>(weights_.get());
    args.bias = bias_.empty() ? nullptr : bias_.data();
    if (anchor_.residual >= 0) {
      const auto* r = c.input(static_cast<size_t>(anchor_.residual)).data<float>();
      args.accumulate = r == args.y;
      if (!args.accumulate) args.residual = r;
      args.residual_pitch = s.out_channels;
    }
    args.lo = anchor_.lo;
    args.hi = anchor_.hi;
    return run_rows(c, s, args);
  }

 private:
  Status run_rows(StepContext& c, const ConvShape& s, const ConvArgs& args) const {
    static const GemmBlocking blocking = gemm_blocking();
    Team& team = c.team();
    const auto bytes = static_cast<size_t>(depthwise_ ? depthwise_scratch_bytes(s)
                                                      : conv_scratch_bytes(s, blocking));
    std::vector<void*> scratch(static_cast<size_t>(team.size()));
    for (size_t t = 0; t < scratch.size(); ++t) {
      FERRY_ASSIGN_OR_RETURN(scratch[t], c.scratch(static_cast<int>(t), bytes));
    }
    const int64_t rows = s.rows();
    const int64_t work = rows * s.out[2] * s.out_channels * s.group_in() * s.taps();
    int64_t parts = 1;
    if (team.size() > 1 && work >= kMinParallelWork) parts = std::min<int64_t>(rows, 4 * team.size());
    team.parallel(static_cast<int>(parts), [&](int part, int thread) {
      const int64_t from = rows * part / parts, to = rows * (part + 1) / parts;
      void* memory = scratch[static_cast<size_t>(thread)];
      if (depthwise_) depthwise_rows(depthwise_kernels_, s, args, from, to, memory);
      else conv_rows(kernels_, blocking, s, args, from, to, memory);
    });
    return {};
  }

  const GemmKernels& kernels_;
  const DepthwiseKernels& depthwise_kernels_;
  ConvPlan plan_;
  std::vector<float> bias_;
  FusedAnchor anchor_;
  bool depthwise_;
  std::shared_ptr<void> weights_;
  size_t packed_bytes_ = 0;
};

ConvPlan make_plan(const Conv& op, const Tensor& w) {
  ConvPlan plan;
  plan.op = op;
  plan.spatial = w.rank() - 2;
  plan.shape.groups = op.group;
  plan.shape.out_channels = w.dim(0);
  plan.shape.in_channels = w.dim(1) * op.group;
  for (size_t a = 0; a < plan.spatial; ++a) {
    const size_t d = 3 - plan.spatial + a;
    plan.shape.kernel[d] = w.dim(2 + a);
    if (!op.strides.empty()) plan.shape.stride[d] = op.strides[a];
    if (!op.dilations.empty()) plan.shape.dilation[d] = op.dilations[a];
  }
  return plan;
}

Result<KernelOffer> make(const KernelRequest& request, const FusedAnchor& anchor) {
  const Conv& op = *anchor.anchor->op.as<Conv>();
  if (!op.channels_last) return KernelOffer(std::string("planar layout"));
  if (!request.outputs_planned) return KernelOffer(std::string("output size depends on data"));
  const Type& x = request.type(static_cast<size_t>(anchor.inputs[0]));
  if (x.dtype != DType::kFloat32) return KernelOffer(std::string("not f32"));
  const Tensor* w = request.constant(static_cast<size_t>(anchor.inputs[1]));
  if (w == nullptr) return KernelOffer(std::string("weights are not constant"));
  if (!x.has_rank() || x.rank() < 3 || x.rank() > 5 || w->rank() != x.rank()) {
    return KernelOffer(std::string("not one to three spatial axes"));
  }
  std::vector<float> bias;
  if (anchor.inputs.size() > 2 && anchor.inputs[2] >= 0) {
    const Tensor* b = request.constant(static_cast<size_t>(anchor.inputs[2]));
    if (b == nullptr) return KernelOffer(std::string("bias is not constant"));
    bias.assign(b->data<float>(), b->data<float>() + b->count());
  }
  ConvPlan plan = make_plan(op, *w);
  if (is_pointwise(plan)) {
    const GemmKernels& kernels = gemm_kernels(request.isa);
    FERRY_ASSIGN_OR_RETURN(PackedMatrix packed,
                           pack_matrix(kernels, w->data<float>(), 1, w->dim(1), w->dim(1),
                                       w->dim(0), request.budget));
    return KernelOffer(make_matrix_step(kernels, std::move(packed), std::move(bias), anchor));
  }
  auto kernel = std::make_unique<ConvKernel>(request.isa, std::move(plan), std::move(bias), anchor);
  FERRY_RETURN_IF_ERROR(kernel->pack(*w, request.budget));
  return KernelOffer(std::move(kernel));
}

}  // namespace

void register_conv_cpu(KernelRegistry& r) { add_anchor_kernel(r, "Conv", "conv_f32", make); }

}  // namespace ferry
