// SPDX-License-Identifier: Apache-2.0
#include "ops_cpu/thin_conv_step.h"

#include <algorithm>

#include "base/status.h"
#include "kernels/conv/thin_input.h"
#include "kernels/conv/thin_output.h"
#include "ops_cpu/anchor_step.h"
#include "ops_cpu/conv_pieces.h"
#include "ops_cpu/row_stage.h"
#include "plan/planar_regions.h"

namespace ferry {
namespace {

// Rows of the output that one thread takes at a time: enough to pay for the halo above and below.
constexpr int64_t kMinRows = 8;
// A row is cut at multiples of as many columns.
constexpr int64_t kColumns = 64;
constexpr int64_t kTailFloats = kTailStripBytes / int64_t{sizeof(float)};

// Pieces whose results fit into the cache.
ConvCut cut_of(const ConvShape& s) {
  ConvCut cut = {.work = s.rows() * s.out[2] * s.out_channels * s.in_channels * s.taps()};
  cut.rows = kMinRows;
  cut.columns = kColumns;
  cut.most_columns = std::max(kTailFloats / s.out_channels, kColumns);
  return cut;
}

// Rows of a piece that are computed before what follows: of one image at most.
int64_t strip_rows(const ConvShape& s) {
  const int64_t row_floats = std::max<int64_t>(s.out[2] * s.out_channels, 1);
  return std::min(std::max(kMinRows, kTailFloats / row_floats), s.out[1]);
}

PlanarInput planes_of(const ConvShape& s, const float* x) {
  return {x, s.in_channels * s.in[1] * s.in[2], s.in[1] * s.in[2], s.in[2]};
}

class ThinInputStep final : public AnchorStep, public RowStage {
 public:
  ThinInputStep(Isa isa, ConvPlan plan, std::vector<float> bias, FusedAnchor anchor)
      : AnchorStep(isa, std::move(bias), std::move(anchor), false),
        gemm_(gemm_kernels(isa)),
        planes_(thin_output_kernels(isa)),
        plan_(std::move(plan)) {
    set_reduction(gemm_, plan_.shape.taps() * plan_.shape.in_channels);
    if (plan_.op.planar_output) keep_residual();
  }

  Status pack(const KernelRequest& request) {
    return pack_weights(request, weights_label(name(), plan_.shape),
                        thin_input_packed_size(gemm_, plan_.shape),
                        [&gemm = gemm_, shape = plan_.shape](const Tensor& w, float* to) {
                          thin_input_pack_weights(gemm, shape, w.data<float>(), to);
                        });
  }

  std::string name() const override { return "thin_input_f32"; }

  // Only as the first stage: its input is in planes, where the step has it.
  Result<ConvShape> row_shape(const Dims& x, Dims& y) const override {
    FERRY_ASSIGN_OR_RETURN(const ConvShape s, resolve_conv(plan_, x));
    y = Dims{s.batch, s.out[1], s.out[2], s.out_channels};
    return s;
  }
  int64_t row_scratch_bytes(const ConvShape& s) const override {
    static const GemmBlocking blocking = gemm_blocking();
    return scratch_with_tail(thin_input_scratch_bytes(s, blocking));
  }
  void run_rows(const StepContext& c, const ConvShape& s, int64_t n, int64_t r0, int64_t r1,
                const RowRing&, const RowRing& y, void* scratch) const noexcept override {
    static const GemmBlocking blocking = gemm_blocking();
    ConvArgs args;
    args.y_pitch = y.pitch;
    args.residual_pitch = residual_pitch(c);
    args.weights = weights();
    set_epilogue(c, args);
    const PlanarInput in = planes_of(s, first_input(c).data<float>());
    const int64_t image = n * s.out[1];
    for_each_piece(y, r0, r1, [&](int64_t from, int64_t to) {
      args.y = y.row(from);
      args.y_first = image + from;
      thin_input_rows(gemm_, blocking, s, in, args, image + from, image + to, scratch);
      finish_tile(c, {args.y, s.out_channels, y.pitch, args.y_first * s.out[2]},
                  (to - from) * s.out[2], scratch, thin_input_scratch_bytes(s, blocking));
    });
  }
  void renumber_inputs(const std::vector<int>& to) override { anchor_.renumber_inputs(to); }

  Status run(StepContext& c) const override {
    static const GemmBlocking blocking = gemm_blocking();
    const Tensor& x = first_input(c);
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.planned_output(0));
    FERRY_ASSIGN_OR_RETURN(const ConvShape s, resolve_conv(plan_, x));
    if (y.count() == 0) return {};
    if (plan_.op.planar_output) return run_to_planes(c, s, x, y);
    const ConvArgs args = conv_args(c, x, y);  // but for x, which is in planes
    const TailMatrix matrix{args.y, s.out_channels, s.out_channels};
    const PlanarInput in = planes_of(s, x.data<float>());
    const ConvCut cut = cut_of(s);
    const int64_t own = piece_scratch_bytes(s, cut);
    FERRY_RETURN_IF_ERROR(reserve(c, own));
    parallel_pieces(c.team(), s, cut, [&](const ConvPiece& piece, int thread) {
      const ConvArgs of_piece = piece.of(args);
      const int64_t strip = anchor_.has_tail() ? strip_rows(s) : piece.to - piece.from;
      for (int64_t from = piece.from; from < piece.to; from += strip) {
        const int64_t to = std::min(piece.to, from + strip);
        thin_input_rows(gemm_, blocking, piece.shape, in, of_piece, from, to,
                        c.scratch<void>(thread));
        finish(c, matrix, piece.pixel(from), piece.pixel(to), thread, own);
      }
    });
    return {};
  }

 private:
  int64_t piece_scratch_bytes(const ConvShape& s, const ConvCut& cut) const {
    static const GemmBlocking blocking = gemm_blocking();
    ConvShape widest = s;
    widest.out[2] = widest_piece(s, cut);
    return thin_input_scratch_bytes(widest, blocking);
  }

  // Tiles of pixels, [row][channel], are turned into planes while they are in the cache.
  Status run_to_planes(StepContext& c, const ConvShape& s, const Tensor& x, Tensor& y) const {
    static const GemmBlocking blocking = gemm_blocking();
    const PlanarInput in = planes_of(s, x.data<float>());
    const ConvCut cut = cut_of(s);
    const int64_t strip = strip_rows(s);
    const int64_t tile_at = (piece_scratch_bytes(s, cut) + 63) / 64 * 64;
    const int64_t tile_floats = strip * widest_piece(s, cut) * s.out_channels;
    const int64_t own = tile_at + tile_floats * int64_t{sizeof(float)};
    FERRY_RETURN_IF_ERROR(reserve(c, own));
    ConvArgs args;
    args.weights = weights();
    set_epilogue(c, args);
    args.y_pitch = s.out_channels;
    args.residual = nullptr;
    if (anchor_.residual >= 0) args.lo = -kInfinity, args.hi = kInfinity;
    auto* to = y.data<float>();
    parallel_pieces(c.team(), s, cut, [&](const ConvPiece& piece, int thread) {
      for (int64_t from = piece.from, end; from < piece.to; from = end) {
        const int64_t image = from / s.out[1];
        end = std::min({piece.to, from + strip, (image + 1) * s.out[1]});
        ConvArgs tile = args;
        tile.y = reinterpret_cast<float*>(c.scratch<char>(thread) + tile_at);
        tile.y_first = from;
        thin_input_rows(gemm_, blocking, piece.shape, in, tile, from, end, c.scratch<void>(thread));
        turn_tile(c, s, piece, tile.y, to, from, end, thread, own);
      }
    });
    return {};
  }

  // Rows [from, end) of a piece, of one image, from a tile to their planes, and what follows.
  void turn_tile(const StepContext& c, const ConvShape& s, const ConvPiece& piece,
                 const float* tile, float* y, int64_t from, int64_t end, int thread,
                 int64_t own) const {
    const int64_t plane = s.out[1] * s.out[2], n = (end - from) * piece.shape.out[2];
    const int64_t image = from / s.out[1], row = from % s.out[1];
    const int64_t column = piece.pixel(from) % s.out[2];
    const int64_t at = image * s.out_channels * plane + row * s.out[2] + column;
    planes_.transpose(tile, s.out_channels, n, s.out_channels, y + at, plane);
    const float* extra = residual(c);
    for (int64_t o = 0; o < s.out_channels; ++o) {
      float* line = y + at + o * plane;
      for (int64_t i = 0; extra != nullptr && i < n; ++i) {
        const float v = line[i] + extra[at + o * plane + i];
        line[i] = v < anchor_.lo ? anchor_.lo : v > anchor_.hi ? anchor_.hi : v;
      }
      const int64_t first = (image * s.out_channels + o) * s.out[1] + row;
      finish(c, {y, s.out[2], s.out[2]}, first, first + end - from, column,
             column + piece.shape.out[2], thread, own);
    }
  }

  static constexpr float kInfinity = std::numeric_limits<float>::infinity();

  const GemmKernels& gemm_;
  const ThinOutputKernels& planes_;
  ConvPlan plan_;
};

class ThinOutputStep final : public AnchorStep {
 public:
  ThinOutputStep(Isa isa, ConvPlan plan, std::vector<float> bias, FusedAnchor anchor)
      : AnchorStep(isa, std::move(bias), std::move(anchor), false),
        kernels_(thin_output_kernels(isa)),
        plan_(std::move(plan)) {}

  Status pack(const KernelRequest& request) {
    return pack_weights(request, weights_label(name(), plan_.shape),
                        thin_output_packed_size(plan_.shape),
                        [shape = plan_.shape](const Tensor& w, float* to) {
                          thin_output_pack_weights(shape, w.data<float>(), to);
                        });
  }

  std::string name() const override { return "thin_output_f32"; }

  Status run(StepContext& c) const override {
    static const GemmBlocking blocking = gemm_blocking();
    const Tensor& x = first_input(c);
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.planned_output(0));
    FERRY_ASSIGN_OR_RETURN(const ConvShape s, resolve_conv(plan_, x));
    if (y.count() == 0) return {};
    const ThinOutputArgs args = arguments(c, s, x, y);
    FERRY_RETURN_IF_ERROR(reserve(c, thin_output_scratch_bytes(s, blocking)));
    Team& team = c.team();
    parallel_pieces(team, s, cut_of(s), [&](const ConvPiece& piece, int thread) {
      ThinOutputArgs of_piece = args;
      const int64_t column = piece.pixel(piece.from) % s.out[2];
      of_piece.y += column;
      if (args.residual != nullptr) of_piece.residual += column;
      thin_output_rows(kernels_, blocking, piece.shape, of_piece, piece.from, piece.to,
                       c.scratch<void>(thread));
    });
    if (!anchor_.has_tail()) return {};
    const int64_t lines = s.rows() * s.out_channels;
    parallel_range(team, lines, lines * s.out[2] >= kMinParallelValues,
                   [&](int64_t from, int64_t to, int thread) {
                     finish(c, {args.y, s.out[2], s.out[2]}, from, to, thread, 0);
                   });
    return {};
  }

 private:
  ThinOutputArgs arguments(const StepContext& c, const ConvShape& s, const Tensor& x,
                           Tensor& y) const {
    ThinOutputArgs args;
    args.x = x.data<float>();
    args.image_stride = s.in_channels * s.in[1] * s.in[2];
    const bool last = plan_.op.x_last();
    args.pixel_stride = last ? s.in_channels : 1;
    args.row_stride = args.pixel_stride * s.in[2];
    args.channel_stride = last ? 1 : s.in[1] * s.in[2];
    args.y = y.data<float>();
    args.y_row_stride = s.out[2];
    args.y_channel_stride = s.out[1] * s.out[2];
    args.y_image_stride = s.out_channels * args.y_channel_stride;
    args.weights = weights();
    args.bias = bias_.empty() ? nullptr : bias_.data();
    args.residual = residual(c);
    args.lo = anchor_.lo;
    args.hi = anchor_.hi;
    return args;
  }

  const ThinOutputKernels& kernels_;
  ConvPlan plan_;
};

}  // namespace

Result<KernelOffer> make_thin_conv_step(const KernelRequest& request, ConvPlan plan,
                                        const Tensor& w, std::vector<float> bias,
                                        const FusedAnchor& anchor) {
  if (plan.op.planar_output && gives_planes(plan.op, w.dims())) {
    auto step =
        std::make_unique<ThinOutputStep>(request.isa, std::move(plan), std::move(bias), anchor);
    FERRY_RETURN_IF_ERROR(step->pack(request));
    return KernelOffer(std::move(step));
  }
  if (!plan.op.planar_output) {
    FERRY_ASSIGN_OR_RETURN(auto shifted,
                           make_shifted_winograd_step(request, plan, w, bias, anchor));
    if (shifted) return KernelOffer(std::move(shifted));
  }
  if (anchor.then) return KernelOffer(std::string("a second convolution follows"));
  auto step =
      std::make_unique<ThinInputStep>(request.isa, std::move(plan), std::move(bias), anchor);
  FERRY_RETURN_IF_ERROR(step->pack(request));
  return KernelOffer(std::move(step));
}

}  // namespace ferry
