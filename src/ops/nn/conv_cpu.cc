// SPDX-License-Identifier: Apache-2.0
// Channels-last convolutions on the matrix product; see kernels/conv/conv.h.
#include <algorithm>
#include <cmath>

#include "base/status.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/depthwise.h"
#include "kernels/winograd/winograd.h"
#include "ops/nn/conv.h"
#include "ops_cpu/anchor_step.h"
#include "ops_cpu/conv_pieces.h"
#include "ops_cpu/conv_plan.h"
#include "ops_cpu/matrix_product.h"
#include "ops_cpu/planar_conv_step.h"
#include "ops_cpu/row_stage.h"
#include "ops_cpu/thin_conv_step.h"
#include "ops_cpu/winograd_step.h"
#include "plan/planar_regions.h"
#include "plan/strips.h"

namespace ferry {
namespace {

class ConvStep final : public AnchorStep, public RowStage {
 public:
  ConvStep(Isa isa, ConvPlan plan, std::vector<float> bias, FusedAnchor anchor)
      : AnchorStep(isa, std::move(bias), std::move(anchor), true),
        kernels_(gemm_kernels(isa)),
        depthwise_kernels_(depthwise_kernels(isa)),
        plan_(std::move(plan)),
        depthwise_(has_narrow_groups(plan_.shape.groups, plan_.shape.group_in(),
                                     plan_.shape.group_out())) {
    if (!depthwise_) set_reduction(kernels_, plan_.shape.taps() * plan_.shape.group_in());
  }

  Status pack(const KernelRequest& request) {
    if (depthwise_) {
      return pack_weights(request, weights_label(name(), plan_.shape),
                          depthwise_packed_size(plan_.shape),
                          [shape = plan_.shape](const Tensor& w, float* to) {
                            depthwise_pack_weights(shape, w.data<float>(), to);
                          });
    }
    return pack_weights(request, weights_label(name(), plan_.shape),
                        conv_packed_size(kernels_, plan_.shape),
                        [&kernels = kernels_, shape = plan_.shape](const Tensor& w, float* to) {
                          conv_pack_weights(kernels, shape, w.data<float>(), to);
                        });
  }

  std::string name() const override { return depthwise_ ? "depthwise_f32" : "conv_f32"; }
  std::string tactic() const override { return tactic_; }
  void set_tactic(std::string tactic) { tactic_ = std::move(tactic); }

  Result<ConvShape> row_shape(const Dims& x, Dims& y) const override {
    FERRY_ASSIGN_OR_RETURN(const ConvShape s, resolve_conv(plan_, x));
    y = Dims{s.batch, s.out[1], s.out[2], s.out_channels};
    return s;
  }
  int64_t row_scratch_bytes(const ConvShape& s) const override {
    return scratch_with_tail(own_scratch_bytes(s));
  }
  void run_rows(const StepContext& c, const ConvShape& s, int64_t n, int64_t r0, int64_t r1,
                const RowRing& x, const RowRing& y, void* scratch) const noexcept override {
    static const GemmBlocking blocking = gemm_blocking();
    ConvShape image = s;
    image.batch = 1;
    ConvArgs args;
    args.x = x.data;
    args.x_pitch = x.pitch;
    args.ring_rows = x.slots;
    args.ring_first = x.first;
    args.y_pitch = y.pitch;
    args.residual_pitch = residual_pitch(c);
    args.weights = weights();
    set_epilogue(c, args);
    const int64_t first = n * s.out[1] * s.out[2];
    if (args.residual != nullptr) args.residual += first * args.residual_pitch;
    for_each_piece(y, r0, r1, [&](int64_t from, int64_t to) {
      args.y = y.row(from);
      args.y_first = from;
      if (depthwise_)
        depthwise_rows(depthwise_kernels_, image, args, from, to, scratch);
      else
        conv_rows(kernels_, blocking, image, args, from, to, scratch);
      finish_tile(c, {args.y, s.out_channels, y.pitch, first + from * s.out[2]},
                  (to - from) * s.out[2], scratch, own_scratch_bytes(s));
    });
  }
  void renumber_inputs(const std::vector<int>& to) override { anchor_.renumber_inputs(to); }

  Status run(StepContext& c) const override {
    static const GemmBlocking blocking = gemm_blocking();
    const Tensor& x = first_input(c);
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.planned_output(0));
    FERRY_ASSIGN_OR_RETURN(const ConvShape s, resolve_conv(plan_, x));
    FERRY_RETURN_IF_ERROR(check_given_bias(c, s.out_channels));
    if (y.count() == 0) return {};
    ConvArgs args = conv_args(c, x, y);
    if (computed()) {
      FERRY_ASSIGN_OR_RETURN(args.weights, pack_computed(c, s));
    }
    const TailMatrix matrix{args.y, s.out_channels, args.y_pitch};
    const int64_t own = own_scratch_bytes(s);
    FERRY_RETURN_IF_ERROR(reserve(c, own));
    Team& team = c.team();
    if (!depthwise_ && splits_channels(team, x, s.out_channels, channel_unit(s))) {
      const int64_t rows = s.rows();
      parallel_channels(
          team, args, s.out_channels, channel_unit(s), [&](const ConvArgs& part, int thread) {
            team.in_slices(0, rows, 1, [&](int64_t from, int64_t to) {
              conv_rows(kernels_, blocking, s, part, from, to, c.scratch<void>(thread));
              finish(c, matrix, from * s.out[2], to * s.out[2], part.out_begin, part.out_end,
                     thread, own);
            });
          });
      return {};
    }
    // The tail finds each strip in the cache.
    constexpr int64_t kTailFloats = kTailStripBytes / int64_t{sizeof(float)}, kMinColumns = 48;
    ConvCut cut = {.work = s.rows() * s.out[2] * s.out_channels * s.group_in() * s.taps()};
    if (anchor_.has_tail()) cut.most_columns = std::max(kTailFloats / s.out_channels, kMinColumns);
    parallel_pieces(team, s, cut, [&](const ConvPiece& piece, int thread) {
      const ConvArgs of_piece = piece.of(args);
      const int64_t columns = piece.shape.out[2];
      const int64_t strip = anchor_.has_tail()
                                ? std::max<int64_t>(kTailFloats / (columns * s.out_channels), 1)
                                : piece.to - piece.from;
      for (int64_t from = piece.from; from < piece.to; from += strip) {
        const int64_t to = std::min(piece.to, from + strip);
        auto* memory = c.scratch<void>(thread);
        if (depthwise_)
          depthwise_rows(depthwise_kernels_, piece.shape, of_piece, from, to, memory);
        else
          conv_rows(kernels_, blocking, piece.shape, of_piece, from, to, memory);
        finish(c, matrix, piece.pixel(from), piece.pixel(to), thread, own);
      }
    });
    return {};
  }

 private:
  Result<const float*> pack_computed(StepContext& c, const ConvShape& s) const {
    const auto* w = computed_weights(c).data<float>();
    const int64_t floats = depthwise_ ? depthwise_packed_size(s) : conv_packed_size(kernels_, s);
    FERRY_ASSIGN_OR_RETURN(float* packed, room_for_weights(c, floats));
    if (depthwise_) {
      depthwise_pack_weights(s, w, packed);
    } else {
      parallel_range(c.team(), conv_panels(kernels_, s), floats >= kMinParallelValues,
                     [&](int64_t from, int64_t to, int) {
                       conv_pack_panels(kernels_, s, w, packed, from, to);
                     });
    }
    return packed;
  }

  // What ConvArgs::out_begin is a multiple of.
  int64_t channel_unit(const ConvShape& s) const {
    return s.groups == 1 || s.group_out() % kernels_.nr == 0 ? kernels_.nr : s.group_out();
  }

  int64_t own_scratch_bytes(const ConvShape& s) const {
    static const GemmBlocking blocking = gemm_blocking();
    return depthwise_ ? depthwise_scratch_bytes(s) : conv_scratch_bytes(s, blocking);
  }

  const GemmKernels& kernels_;
  const DepthwiseKernels& depthwise_kernels_;
  ConvPlan plan_;
  bool depthwise_;
  std::string tactic_;
};

// What a layer costs, in multiplications and additions of the matrix product. A byte of weights
// from memory takes as long as kPerByte of them, an element that a transform writes as kPerElement.
constexpr double kPerByte = 11, kPerElement = 30;
// A larger tile has larger weights and a larger error: it must save more than this.
constexpr double kWorthwhile = 0.85;

// Sums of few products spend more of their time on what they begin and end with.
double product_cost(const GemmKernels& gemm, double rows, double k, double n, double copies) {
  constexpr double kPerSum = 3;  // products
  const double tiles = std::ceil(rows / gemm.mr);
  const double full = std::min(1.0, (rows / tiles + 2) / gemm.mr);
  return std::max(2 * rows * (k + kPerSum) * n * copies / full, 4 * k * n * copies * kPerByte);
}

// Of tiles of m x m outputs, or m.
double winograd_cost(const GemmKernels& gemm, const ConvShape& s, int64_t m) {
  const auto tiles = static_cast<double>(winograd_num_tiles(s, m));
  const auto points = static_cast<double>(winograd_points(s, m));
  const auto depth = static_cast<double>(winograd_products(s, m)) / points;
  const auto in = static_cast<double>(winograd_depth(s)), out = static_cast<double>(s.group_out());
  const auto groups = static_cast<double>(s.groups);
  return product_cost(gemm, tiles, depth, out, points * groups) +
         kPerElement * points * tiles * (in + out) * groups;
}

// Whether an axis along which the kernel has no extent is padded.
bool pads_across(const ConvPlan& plan) {
  const std::vector<int64_t>& pads = plan.op.pads;
  for (size_t i = 0; i < pads.size(); ++i) {
    const size_t axis = 3 - plan.spatial + i % plan.spatial;
    if (pads[i] != 0 && plan.shape.kernel[axis] == 1) return true;
  }
  return false;
}

// Of the products of a direct convolution, about the share that is computed.
double share_inside(const ConvPlan& plan, const Type& x) {
  Dims dims;
  for (size_t a = 0; a < x.rank(); ++a) {
    const Dim& d = (*x.shape)[a];
    dims.push_back(d.is_constant() ? d.constant() : a == 0 ? 1 : 64);
  }
  const auto known = resolve_conv(plan, dims);
  return known.ok() && known->rows() * known->out[2] > 0 ? conv_inside(*known) : 1;
}

// Tile size of a Winograd convolution, or 0 where direct is better. Part of the numeric half of the
// tactic: it depends on the layer and the instruction set alone.
int64_t winograd_tile(const KernelRequest& request, const ConvPlan& plan, const Type& x) {
  ConvShape s = plan.shape;
  if (request.exact || winograd_refusal(s) != nullptr || pads_across(plan)) return 0;
  if (has_narrow_groups(s.groups, s.group_in(), s.group_out())) return 0;
  const Type& y = request.output_type(0);
  const int64_t usual = plan.spatial == 1 ? 512 : 64;  // where the size is not known
  // Whose products fit 64 bits; what is less work is the same for more.
  constexpr int64_t kMost = 1 << 18;
  for (size_t a = 0; a < plan.spatial; ++a) {
    const bool known = y.has_rank() && (*y.shape)[a + 1].is_constant();
    const int64_t size = known ? std::min((*y.shape)[a + 1].constant(), kMost) : usual;
    s.in[3 - plan.spatial + a] = s.out[3 - plan.spatial + a] = size;
  }
  const auto pixels = static_cast<double>(s.rows() * s.out[2]);
  const auto products = static_cast<double>(s.taps() * s.group_in());
  const GemmKernels& gemm = gemm_kernels(request.isa);
  const bool dilated = s.dilation[0] > 1 || s.dilation[1] > 1 || s.dilation[2] > 1;
  double best = product_cost(gemm, pixels, products, static_cast<double>(s.group_out()),
                             static_cast<double>(s.groups)) *
                (dilated ? share_inside(plan, x) : 1) * kWorthwhile;
  const ConvShape shape = winograd_shape(s);
  int64_t tile = 0;
  for (const int64_t m : winograd_sizes(shape).m) {
    if (m == 0) break;
    const double cost = winograd_cost(gemm, shape, m);
    if (cost >= best) continue;
    best = cost * kWorthwhile;
    tile = m;
  }
  return tile;
}

// Weights or a bias that are not constant are packed by each run.
Result<KernelOffer> make_computed(const KernelRequest& request, const FusedAnchor& anchor) {
  const Conv& op = *anchor.anchor->op.as<Conv>();
  if (op.planar_input || op.planar_output || anchor.then) {
    return KernelOffer(std::string("weights or bias are not constant"));
  }
  const std::optional<Dims> w =
      constant_dims(*request.type(static_cast<size_t>(anchor.inputs[1])).shape);
  if (!w || w->count() == 0) return KernelOffer(std::string("the weights' sizes are not known"));
  auto kernel =
      std::make_unique<ConvStep>(request.isa, make_conv_plan(op, *w), std::vector<float>(), anchor);
  kernel->compute_weights();
  kernel->set_tactic("weights are packed by each run");
  return KernelOffer(std::move(kernel));
}

Result<KernelOffer> make(const KernelRequest& request, const FusedAnchor& anchor) {
  const Conv& op = *anchor.anchor->op.as<Conv>();
  if (!op.channels_last) return KernelOffer(std::string("planar layout"));
  if (!request.outputs_planned) return KernelOffer(std::string("output size depends on data"));
  const Type& x = request.type(static_cast<size_t>(anchor.inputs[0]));
  if (x.dtype != DType::kFloat32) return KernelOffer(std::string("not f32"));
  const Type& w_type = request.type(static_cast<size_t>(anchor.inputs[1]));
  if (!x.has_rank() || x.rank() < 3 || x.rank() > 5 || !w_type.has_rank() ||
      w_type.rank() != x.rank()) {
    return KernelOffer(std::string("not one to three spatial axes"));
  }
  const Tensor* w = request.constant(static_cast<size_t>(anchor.inputs[1]));
  std::optional<std::vector<float>> bias = constant_bias(request, anchor.inputs);
  if (w == nullptr || !bias) return make_computed(request, anchor);
  ConvPlan plan = make_conv_plan(op, w->dims());
  const PlanarKernel planar = op.planar_input && op.planar_output ? planar_kernel(op, w->dims())
                                                                  : PlanarKernel::kUnavailable;
  if (planar == PlanarKernel::kDepthwise || planar == PlanarKernel::kProduct) {
    if (anchor.then) return KernelOffer(std::string("a second convolution follows"));
    return make_planar_conv_step(request, std::move(plan), *std::move(bias), anchor);
  }
  if (op.planar_input || op.planar_output) {
    return make_thin_conv_step(request, std::move(plan), *w, *std::move(bias), anchor);
  }
  if (anchor.then) return KernelOffer(std::string("a second convolution follows"));
  if (is_one_tap(plan.op, w->dims())) {
    const GemmKernels& kernels = gemm_kernels(request.isa);
    FERRY_ASSIGN_OR_RETURN(
        PackedMatrix packed,
        pack_matrix(request, static_cast<size_t>(anchor.inputs[1]), kernels,
                    {.k = w->dim(1), .n = w->dim(0), .row_stride = 1, .col_stride = w->dim(1)}));
    return KernelOffer(make_matrix_step(request.isa, std::move(packed), *std::move(bias), anchor));
  }
  const int64_t m = winograd_tile(request, plan, x);
  if (m > 0 && !request.prefer_memory) {
    FERRY_ASSIGN_OR_RETURN(
        auto step, make_winograd_step(request, std::move(plan), m, *std::move(bias), anchor));
    return KernelOffer(std::move(step));
  }
  const double growth =
      m == 0 ? 1
             : static_cast<double>(winograd_packed_size(gemm_kernels(request.isa), plan.shape, m)) /
                   static_cast<double>(w->count());
  auto kernel = std::make_unique<ConvStep>(request.isa, std::move(plan), *std::move(bias), anchor);
  if (m > 0) {
    kernel->set_tactic(
        fmt::format("direct, as memory is preferred: winograd takes {:.1f} x the weights", growth));
  }
  FERRY_RETURN_IF_ERROR(kernel->pack(request));
  return KernelOffer(std::move(kernel));
}

}  // namespace

void register_conv_cpu(KernelRegistry& r) { add_anchor_kernel(r, "Conv", "conv_f32", make); }

}  // namespace ferry
