// SPDX-License-Identifier: Apache-2.0
// Channels-last transposed convolutions; see kernels/conv/conv_transpose.h.
#include <algorithm>

#include "base/status.h"
#include "kernels/conv/conv_transpose.h"
#include "ops/nn/conv_transpose.h"
#include "ops_cpu/anchor_step.h"
#include "ops_cpu/conv_pieces.h"
#include "ops_cpu/conv_plan.h"
#include "ops_cpu/pause_of.h"

namespace ferry {
namespace {

class ConvTransposeStep final : public AnchorStep {
 public:
  ConvTransposeStep(Isa isa, ConvTranspose op, ConvShape shape, std::vector<float> bias,
                    FusedAnchor anchor, const Dims& weights)
      : AnchorStep(isa, std::move(bias), std::move(anchor), true),
        kernels_(gemm_kernels(isa)),
        op_(std::move(op)),
        shape_(shape),
        weight_dims_(Tensor::borrow(DType::kFloat32, weights, static_cast<void*>(nullptr))) {
    set_reduction(kernels_, shape_.taps() * shape_.group_in());
  }

  Status pack(const KernelRequest& request) {
    return pack_weights(request, weights_label(name(), shape_),
                        conv_transpose_packed_size(kernels_, shape_),
                        [&kernels = kernels_, shape = shape_](const Tensor& w, float* to) {
                          conv_transpose_pack_weights(kernels, shape, w.data<float>(), to);
                        });
  }

  std::string name() const override { return "conv_transpose_f32"; }
  std::string tactic() const override { return computed() ? "weights are packed by each run" : ""; }

  Status run(StepContext& c) const override {
    static const GemmBlocking blocking = gemm_blocking();
    const Tensor& x = first_input(c);
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.planned_output(0));
    Window window;
    FERRY_ASSIGN_OR_RETURN(const ConvSizes sizes, transposed_sizes(op_, window, x, weight_dims_));
    FERRY_RETURN_IF_ERROR(check_given_bias(c, shape_.out_channels));
    if (y.count() == 0) return {};
    ConvShape s = shape_;
    s.batch = sizes.batch;
    for (size_t a = 0; a < sizes.in.size(); ++a) {
      const size_t d = 3 - sizes.in.size() + a;
      s.in[d] = sizes.in[a];
      s.out[d] = sizes.out[a];
      s.pad[d] = window.axes[a].pad_begin;
    }
    ConvArgs args = conv_args(c, x, y);
    if (computed()) {
      FERRY_ASSIGN_OR_RETURN(float* packed,
                             room_for_weights(c, conv_transpose_packed_size(kernels_, s)));
      conv_transpose_pack_weights(kernels_, s, computed_weights(c).data<float>(), packed,
                                  pause_of(c.team()));
      FERRY_RETURN_IF_ERROR(c.poll());
      args.weights = packed;
    }
    FERRY_RETURN_IF_ERROR(reserve(c, conv_transpose_scratch_bytes(s)));
    ConvCut cut = {.work = s.batch * s.in[0] * s.in[1] * s.in[2] * s.in_channels * s.group_out() *
                           s.taps()};
    cut.columns = 16 * s.stride[2];
    cut.transposed = true;
    parallel_pieces(c.team(), s, cut, [&](const ConvPiece& piece, int thread) {
      conv_transpose_rows(kernels_, blocking, piece.shape, piece.of(args), piece.from, piece.to,
                          c.scratch<void>(thread));
    });
    return {};
  }

 private:
  const GemmKernels& kernels_;
  ConvTranspose op_;
  ConvShape shape_;     // channels, groups, kernel, stride, dilation
  Tensor weight_dims_;  // without storage
};

Result<KernelOffer> make(const KernelRequest& request, const FusedAnchor& anchor) {
  const auto& op = *anchor.anchor->op.as<ConvTranspose>();
  const auto no = [](const char* why) { return KernelOffer(std::string(why)); };
  if (!op.channels_last) return no("planar layout");
  if (anchor.has_tail()) return no("a tail");
  if (!request.outputs_planned) return no("output size depends on data");
  const Type& x = request.type(static_cast<size_t>(anchor.inputs[0]));
  if (x.dtype != DType::kFloat32) return no("not f32");
  const Type& w_type = request.type(static_cast<size_t>(anchor.inputs[1]));
  if (!x.has_rank() || x.rank() < 3 || x.rank() > 5 || !w_type.has_rank() ||
      w_type.rank() != x.rank()) {
    return no("not one to three spatial axes");
  }
  const std::optional<Dims> w = constant_dims(*w_type.shape);
  if (!w || w->count() == 0) return no("the weights' sizes are not known");
  std::optional<std::vector<float>> bias = constant_bias(request, anchor.inputs);
  const bool computed = !bias || request.constant(static_cast<size_t>(anchor.inputs[1])) == nullptr;
  if (computed) bias.emplace();
  ConvShape s;
  s.groups = op.group;
  s.in_channels = (*w)[0];
  s.out_channels = (*w)[1] * op.group;
  const size_t spatial = w->size() - 2;
  for (size_t a = 0; a < spatial; ++a) {
    const size_t d = 3 - spatial + a;
    s.kernel[d] = (*w)[2 + a];
    if (!op.strides.empty()) s.stride[d] = op.strides[a];
    if (!op.dilations.empty()) s.dilation[d] = op.dilations[a];
  }
  auto kernel =
      std::make_unique<ConvTransposeStep>(request.isa, op, s, *std::move(bias), anchor, *w);
  if (computed) {
    kernel->compute_weights();
  } else {
    FERRY_RETURN_IF_ERROR(kernel->pack(request));
  }
  return KernelOffer(std::move(kernel));
}

}  // namespace

void register_conv_transpose_cpu(KernelRegistry& r) {
  add_anchor_kernel(r, "ConvTranspose", "conv_transpose_f32", make);
}

}  // namespace ferry
