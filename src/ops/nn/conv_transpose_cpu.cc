// SPDX-License-Identifier: Apache-2.0
// Channels-last transposed convolutions; see kernels/conv/conv_transpose.h.
#include "base/status.h"
#include "kernels/conv/conv_transpose.h"
#include "ops/nn/conv_transpose.h"
#include "ops_cpu/matrix_product.h"
#include "plan/epilogue.h"

namespace ferry {
namespace {

class ConvTransposeKernel final : public StepKernel {
 public:
  ConvTransposeKernel(Isa isa, ConvTranspose op, ConvShape shape, std::vector<float> bias,
                      FusedAnchor anchor)
      : kernels_(gemm_kernels(isa)),
        op_(std::move(op)),
        shape_(shape),
        bias_(std::move(bias)),
        anchor_(std::move(anchor)) {}

  Status pack(const Tensor& w, MemoryBudget* budget) {
    packed_bytes_ =
        static_cast<size_t>(conv_transpose_packed_size(kernels_, shape_)) * sizeof(float);
    FERRY_ASSIGN_OR_RETURN(weights_, allocate_buffer(packed_bytes_, budget));
    conv_transpose_pack_weights(kernels_, shape_, w.data<float>(),
                                static_cast<float*>(weights_.get()));
    weight_dims_ = Tensor::borrow(w.dtype(), w.dims(), static_cast<void*>(nullptr));
    return {};
  }

  std::string name() const override { return "conv_transpose_f32"; }
  bool wants_bodies() const override { return false; }
  bool reads_input(size_t i) const override {
    const int in = static_cast<int>(i);
    return in == anchor_.inputs[0] || in == anchor_.residual;
  }
  size_t packed_bytes() const override { return packed_bytes_; }
  int in_place_input() const override { return anchor_.in_place_input(); }

  Status run(StepContext& c) const override {
    const Tensor& x = c.input(static_cast<size_t>(anchor_.inputs[0]));
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.planned_output(0));
    Window window;
    FERRY_ASSIGN_OR_RETURN(const ConvSizes sizes, transposed_sizes(op_, window, x, weight_dims_));
    if (y.count() == 0) return {};
    ConvShape s = shape_;
    s.batch = sizes.batch;
    for (size_t a = 0; a < sizes.in.size(); ++a) {
      const size_t d = 3 - sizes.in.size() + a;
      s.in[d] = sizes.in[a];
      s.out[d] = sizes.out[a];
      s.pad[d] = window.axes[a].pad_begin;
    }
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
    const auto bytes = static_cast<size_t>(conv_transpose_scratch_bytes(s));
    std::array<void*, kMaxThreads> scratch{};
    for (int t = 0; t < team.size(); ++t) {
      FERRY_ASSIGN_OR_RETURN(scratch[static_cast<size_t>(t)], c.scratch(t, bytes));
    }
    // Strips of whole strides.
    const int64_t rows = s.rows(), unit = s.stride[1], strips = (rows + unit - 1) / unit;
    const int64_t work =
        s.batch * s.in[0] * s.in[1] * s.in[2] * s.in_channels * s.group_out() * s.taps();
    int64_t parts = 1;
    if (team.size() > 1 && work >= kMinParallelWork) {
      parts = std::min<int64_t>(strips, 4 * team.size());
    }
    team.parallel(static_cast<int>(parts), [&](int part, int thread) {
      team.in_slices(std::min(rows, strips * part / parts * unit),
                     std::min(rows, strips * (part + 1) / parts * unit), unit,
                     [&](int64_t from, int64_t to) {
                       conv_transpose_rows(kernels_, blocking, s, args, from, to,
                                           scratch[static_cast<size_t>(thread)]);
                     });
    });
    return {};
  }

  const GemmKernels& kernels_;
  ConvTranspose op_;
  ConvShape shape_;  // channels, groups, kernel, stride, dilation
  std::vector<float> bias_;
  FusedAnchor anchor_;
  std::shared_ptr<void> weights_;
  Tensor weight_dims_;  // without storage
  size_t packed_bytes_ = 0;
};

Result<KernelOffer> make(const KernelRequest& request, const FusedAnchor& anchor) {
  const auto& op = *anchor.anchor->op.as<ConvTranspose>();
  const auto no = [](const char* why) { return KernelOffer(std::string(why)); };
  if (!op.channels_last) return no("planar layout");
  if (anchor.has_tail()) return no("a tail");
  if (!request.outputs_planned) return no("output size depends on data");
  const Type& x = request.type(static_cast<size_t>(anchor.inputs[0]));
  if (x.dtype != DType::kFloat32) return no("not f32");
  const Tensor* w = request.constant(static_cast<size_t>(anchor.inputs[1]));
  if (w == nullptr) return no("weights are not constant");
  if (!x.has_rank() || x.rank() < 3 || x.rank() > 5 || w->rank() != x.rank()) {
    return no("not one to three spatial axes");
  }
  std::vector<float> bias;
  if (anchor.inputs.size() > 2 && anchor.inputs[2] >= 0) {
    const Tensor* b = request.constant(static_cast<size_t>(anchor.inputs[2]));
    if (b == nullptr) return no("bias is not constant");
    bias.assign(b->data<float>(), b->data<float>() + b->count());
  }
  ConvShape s;
  s.groups = op.group;
  s.in_channels = w->dim(0);
  s.out_channels = w->dim(1) * op.group;
  const size_t spatial = w->rank() - 2;
  for (size_t a = 0; a < spatial; ++a) {
    const size_t d = 3 - spatial + a;
    s.kernel[d] = w->dim(2 + a);
    if (!op.strides.empty()) s.stride[d] = op.strides[a];
    if (!op.dilations.empty()) s.dilation[d] = op.dilations[a];
  }
  auto kernel = std::make_unique<ConvTransposeKernel>(request.isa, op, s, std::move(bias), anchor);
  FERRY_RETURN_IF_ERROR(kernel->pack(*w, request.budget));
  return KernelOffer(std::move(kernel));
}

}  // namespace

void register_conv_transpose_cpu(KernelRegistry& r) {
  add_anchor_kernel(r, "ConvTranspose", "conv_transpose_f32", make);
}

}  // namespace ferry
