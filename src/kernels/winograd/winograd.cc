// SPDX-License-Identifier: Apache-2.0
#include "kernels/winograd/winograd.h"

#include <algorithm>

#include "kernels/winograd/winograd_pack.h"

namespace ferry {

FERRY_DECLARE_ISA_TABLE(WinogradKernels, kWinograd)

const WinogradKernels& winograd_kernels(Isa isa) noexcept {
  return FERRY_SELECT_ISA_TABLE(isa, kWinograd);
}

namespace {

// Output channels between two passes over the transformed input.
constexpr int64_t kBlockOutputs = 128;
// Tiles that are worth a pass over weights which leave the cache between two blocks.
constexpr int64_t kManyTiles = 96;

// G, named after m without a stride.
constexpr double kWeights2[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
constexpr double kWeights4[6][3] = {{1.0 / 4, 0, 0},
                                    {-1.0 / 6, -1.0 / 6, -1.0 / 6},
                                    {-1.0 / 6, 1.0 / 6, -1.0 / 6},
                                    {1.0 / 24, 1.0 / 12, 1.0 / 6},
                                    {1.0 / 24, -1.0 / 12, 1.0 / 6},
                                    {0, 0, 1}};
constexpr double kWeights6[8][3] = {{1, 0, 0},
                                    {-2.0 / 9, -2.0 / 9, -2.0 / 9},
                                    {-2.0 / 9, 2.0 / 9, -2.0 / 9},
                                    {1.0 / 90, 1.0 / 45, 2.0 / 45},
                                    {1.0 / 90, -1.0 / 45, 2.0 / 45},
                                    {32.0 / 45, 16.0 / 45, 8.0 / 45},
                                    {32.0 / 45, -16.0 / 45, 8.0 / 45},
                                    {0, 0, 1}};

int64_t round_up(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

// Quarters of the image that a stride parts it into, in the order in which a point's input lies:
// odd rows, all even, odd columns, all odd. An odd axis has one tap of the kernel, which the point
// at infinity does not see, so that each point sums up neighbours.
struct Quarter {
  int64_t row, column;
};
constexpr Quarter kQuarters[4] = {{1, 0}, {0, 0}, {0, 1}, {1, 1}};

int64_t num_quarters(const ConvShape& shape) { return shape.stride[1] == 1 ? 1 : 4; }

// What one output sums up at a point, in a quarter of the image: the channels of its group in every
// slice of the kernel.
int64_t quarter_depth(const ConvShape& shape) { return shape.kernel[0] * shape.group_in(); }
int64_t depth(const ConvShape& shape) { return num_quarters(shape) * quarter_depth(shape); }

// The quarters that count at one point.
struct QuarterRange {
  int64_t first, count;
};
QuarterRange quarters_at(const ConvShape& shape, int64_t side, int64_t point) {
  if (shape.stride[1] == 1) return {0, 1};
  const bool last_row = point / side == side - 1, last_column = point % side == side - 1;
  return {last_row ? 1 : 0, (last_row ? 1 : 2) * (last_column ? 1 : 2)};
}

// Packed weights of one group at one point.
int64_t point_size(const GemmKernels& gemm, const ConvShape& shape) {
  return round_up(gemm_packed_size(gemm, depth(shape), shape.group_out()), 16);
}

// The transform of one axis of the kernel: all taps, or those of the even or odd pixels.
template <int kSize>
struct Taps {
  double rows[kSize][3];
};
template <int kSize>
Taps<kSize> taps_of(const double (&all)[kSize][3], int64_t stride, int64_t odd) {
  Taps<kSize> taps = {};
  for (int i = 0; i < kSize; ++i) {
    double* row = taps.rows[i];
    if (stride == 1) {
      std::copy_n(all[i], 3, row);
    } else if (odd == 1) {
      row[1] = all[i][0];
    } else {
      row[0] = all[i][0], row[2] = i == kSize - 1 ? all[i][2] : all[i][1];
    }
  }
  return taps;
}

// Of the set with the most outputs.
int64_t tiles_of_set(int64_t out, int64_t dilation, int64_t m) {
  return ((out + dilation - 1) / dilation + m - 1) / m;
}

// Whether kManyTiles, which spill from the cache, take less time than blocks of `block` tiles,
// which pass over the weights more often. Weights stream by at the bandwidth of the last cache, or
// of memory; what spills is waited for, going and coming.
bool spilling_pays(const GemmBlocking& blocking, int64_t tiles, int64_t block, int64_t tile_bytes,
                   int64_t weight_bytes) {
  if (weight_bytes <= blocking.rows_bytes || block >= kManyTiles) return false;
  constexpr double kSpilled = 5, kFromMemory = 6;  // bytes of weights from the last cache
  const auto passes = [&](int64_t each) { return (tiles + each - 1) / each; };
  const double weights = static_cast<double>((passes(block) - passes(kManyTiles)) * weight_bytes) *
                         (weight_bytes <= blocking.far_bytes ? 1 : kFromMemory);
  return weights > kSpilled * 2 * static_cast<double>(tiles * tile_bytes);
}

// With room for the whole vectors of the last slice.
int64_t channels_pitch(const ConvShape& shape) {
  const int64_t last = depth(shape) - shape.group_in();
  return round_up(last + round_up(shape.group_in(), 16), 16);
}

}  // namespace

int64_t winograd_tiles_along(int64_t out, int64_t dilation, int64_t m) noexcept {
  return std::min(dilation, out) * tiles_of_set(out, dilation, m);
}

const char* winograd_refusal(const ConvShape& shape) noexcept {
  for (int d = 1; d < 3; ++d) {
    if (shape.kernel[d] != 3) return "a kernel other than 3x3";
    if (shape.stride[d] != shape.stride[1]) return "strides that differ";
    if (shape.stride[d] > 2) return "a stride above 2";
    if (shape.stride[d] == 2 && shape.dilation[d] != 1) return "a stride and a dilation";
  }
  return nullptr;
}

int64_t winograd_side(const ConvShape& shape, int64_t m) noexcept {
  return m + 3 - shape.stride[1];
}

int64_t winograd_products(const ConvShape& shape, int64_t m) noexcept {
  const int64_t side = winograd_side(shape, m);
  int64_t quarters = 0;
  for (int64_t p = 0; p < side * side; ++p) quarters += quarters_at(shape, side, p).count;
  return quarters * quarter_depth(shape);
}

WinogradPlan winograd_plan(const GemmKernels& gemm, const GemmBlocking& blocking,
                           const ConvShape& shape, int64_t m) noexcept {
  WinogradPlan plan;
  plan.m = m;
  plan.side = winograd_side(shape, m);
  plan.points = plan.side * plan.side;
  plan.sets_h = std::min(shape.dilation[1], shape.out[1]);
  plan.sets_w = std::min(shape.dilation[2], shape.out[2]);
  plan.tiles_h = tiles_of_set(shape.out[1], shape.dilation[1], m);
  plan.tiles_w = tiles_of_set(shape.out[2], shape.dilation[2], m);
  plan.tiles = shape.batch * shape.out[0] * plan.sets_h * plan.sets_w * plan.tiles_h * plan.tiles_w;
  plan.block_outputs =
      std::min(round_up(shape.group_out(), gemm.nr), round_up(kBlockOutputs, gemm.nr));
  // Both transformed sides of a block stay within the rows' share of L2.
  const int64_t tile_bytes =
      plan.points * (channels_pitch(shape) + plan.block_outputs) * int64_t{sizeof(float)};
  plan.block_tiles = std::max<int64_t>(blocking.rows_bytes / tile_bytes, gemm.mr);
  const int64_t weight_bytes = plan.points * point_size(gemm, shape) * int64_t{sizeof(float)};
  if (spilling_pays(blocking, plan.tiles, plan.block_tiles, tile_bytes, weight_bytes)) {
    plan.block_tiles = std::max<int64_t>(plan.block_tiles, kManyTiles);
  }
  return plan;
}

int64_t winograd_packed_size(const GemmKernels& gemm, const ConvShape& shape, int64_t m) noexcept {
  const int64_t side = winograd_side(shape, m);
  return shape.groups * side * side * point_size(gemm, shape);
}

namespace {

// Output channels [o0, o1) with the transform of `all`.
template <int kSize>
void pack_outputs(const double (&all)[kSize][3], void (*pack)(const WinogradPanel&) noexcept,
                  const GemmKernels& gemm, const ConvShape& shape, const float* weights, int64_t o0,
                  int64_t o1, float* packed) {
  const int64_t point = point_size(gemm, shape), each = quarter_depth(shape);
  const int64_t stride = shape.stride[1], outputs = shape.group_out();
  for (int64_t o = o0; o < o1;) {
    const int64_t group = o / outputs, within = o % outputs;
    const int64_t cols = std::min<int64_t>(gemm.nr, outputs - within);
    const int64_t width = std::min<int64_t>(gemm.nr, round_up(cols, gemm.lanes));
    float* const of_group = packed + group * kSize * kSize * point;
    for (int64_t q = 0; q < num_quarters(shape); ++q) {
      const Taps<kSize> down = taps_of(all, stride, kQuarters[q].row),
                        across = taps_of(all, stride, kQuarters[q].column);
      float* at[kSize * kSize] = {};
      for (int64_t p = 0; p < kSize * kSize; ++p) {
        const QuarterRange range = quarters_at(shape, kSize, p);
        if (q < range.first || q >= range.first + range.count) continue;
        at[p] = of_group + p * point + (within * range.count + (q - range.first) * width) * each;
      }
      pack({down.rows, across.rows, weights + o * each * 9, shape.group_in(), shape.kernel[0], cols,
            width, at});
    }
    o += cols;
  }
}

}  // namespace

void winograd_pack_weights(Isa isa, const ConvShape& shape, int64_t m, const float* weights,
                           int64_t o0, int64_t o1, float* packed) noexcept {
  const WinogradPackers& packers = FERRY_SELECT_ISA_TABLE(isa, kWinogradPackers);
  const GemmKernels& gemm = gemm_kernels(isa);
  switch (winograd_side(shape, m)) {
    case 4:
      return pack_outputs(kWeights2, packers.side4, gemm, shape, weights, o0, o1, packed);
    case 6:
      return pack_outputs(kWeights4, packers.side6, gemm, shape, weights, o0, o1, packed);
    default:
      return pack_outputs(kWeights6, packers.side8, gemm, shape, weights, o0, o1, packed);
  }
}

int64_t winograd_scratch_bytes(const WinogradPlan& plan, const ConvShape& shape) noexcept {
  const int64_t tiles = std::min(plan.block_tiles, plan.tiles);
  return plan.points * tiles * (channels_pitch(shape) + plan.block_outputs) *
         int64_t{sizeof(float)};
}

namespace {

// Transforms the tiles of t of a volume: for each slice of the kernel those of the slice of x that
// it lies on, one after the other in the channels of v. The last vector of one reaches into the
// next, which comes later.
void transform_slices(const WinogradKernels::Transforms& transforms, const ConvShape& shape,
                      int64_t points, WinogradTiles t) {
  const int64_t end = t.first + t.count;
  const float* const x = t.x;
  float* const v = t.v;
  for (int64_t from = t.first, to = 0; from < end; from = to) {
    const int64_t image = from / t.tiles_per_image();
    to = std::min(end, (image + 1) * t.tiles_per_image());
    WinogradTiles one = t;
    one.first = from % t.tiles_per_image(), one.count = to - from;
    const int64_t n = image / shape.out[0], d = image % shape.out[0];
    for (int64_t k = 0; k < shape.kernel[0]; ++k) {
      const int64_t slice = d * shape.stride[0] + k * shape.dilation[0] - shape.pad[0];
      one.v = v + (from - t.first) * t.v_pitch + k * t.channels;
      if (slice >= 0 && slice < shape.in[0]) {
        one.x = x + (n * shape.in[0] + slice) * t.in_h * t.in_w * t.x_pitch;
        transforms.input(one);
        continue;
      }
      for (int64_t p = 0; p < points; ++p) {
        float* row = one.v + p * t.v_point_stride;
        for (int64_t i = 0; i < one.count; ++i, row += t.v_pitch)
          std::fill_n(row, t.channels, 0.0f);
      }
    }
  }
}

// Transforms the tiles of t, quarter by quarter. The last vector of one reaches into the next,
// which comes later.
void transform_input(const WinogradKernels::Transforms& transforms, const ConvShape& shape,
                     int64_t points, WinogradTiles t) {
  const bool volume = shape.in[0] != 1 || shape.kernel[0] != 1 || shape.out[0] != 1;
  const auto transform = [&] {
    if (volume) {
      transform_slices(transforms, shape, points, t);
    } else {
      transforms.input(t);
    }
  };
  if (shape.stride[1] == 1) return transform();
  t.dilation_h = t.dilation_w = 2;
  for (const Quarter& q : kQuarters) {
    t.pad_h = shape.pad[1] - q.row, t.pad_w = shape.pad[2] - q.column;
    transform();
    t.v += quarter_depth(shape);
  }
}

const WinogradKernels::Transforms& transforms_of(const WinogradKernels& kernels, int64_t m) {
  switch (m) {
    case 2:
      return kernels.f2;
    case 3:
      return kernels.f3;
    case 4:
      return kernels.f4;
    case 5:
      return kernels.f5;
    default:
      return kernels.f6;
  }
}

}  // namespace

void winograd_tiles(const WinogradKernels& kernels, const GemmKernels& gemm,
                    const GemmBlocking& blocking, const WinogradPlan& plan, const ConvShape& shape,
                    const ConvArgs& args, int64_t tile0, int64_t tile1, void* scratch) noexcept {
  const WinogradKernels::Transforms& transforms = transforms_of(kernels, plan.m);
  const int64_t blocks = (tile1 - tile0 + plan.block_tiles - 1) / plan.block_tiles;
  if (blocks <= 0) return;
  const int64_t outputs = shape.group_out();
  const int64_t out_end = args.out_end < 0 ? shape.out_channels : args.out_end;
  const int64_t most = (tile1 - tile0 + blocks - 1) / blocks;
  WinogradTiles t;
  t.tile = plan.m;
  t.in_h = shape.in[1], t.in_w = shape.in[2], t.out_h = shape.out[1], t.out_w = shape.out[2];
  t.pad_h = shape.pad[1], t.pad_w = shape.pad[2];
  t.dilation_h = shape.dilation[1], t.dilation_w = shape.dilation[2];
  t.sets_h = plan.sets_h, t.sets_w = plan.sets_w;
  t.tiles_h = plan.tiles_h, t.tiles_w = plan.tiles_w;
  t.x_pitch = args.x_pitch, t.channels = shape.group_in();
  t.v = static_cast<float*>(scratch);
  t.v_pitch = channels_pitch(shape), t.v_point_stride = most * t.v_pitch;
  float* m = t.v + plan.points * t.v_point_stride;
  t.m = m;
  t.m_pitch = plan.block_outputs, t.m_point_stride = most * t.m_pitch;
  t.y_pitch = args.y_pitch, t.residual_pitch = args.residual_pitch;
  t.lo = args.lo, t.hi = args.hi;

  GemmArgs g;
  g.lda = t.v_pitch, g.ldc = t.m_pitch;
  // Output channels are cut into ranges only where there is one group.
  for (int64_t group = args.out_begin / outputs; group * outputs < out_end; ++group) {
    const int64_t begin = std::max(args.out_begin, group * outputs),
                  end = std::min(out_end, (group + 1) * outputs);
    const float* weights = args.weights + group * plan.points * point_size(gemm, shape);
    t.x = args.x + group * t.channels;
    for (t.first = tile0; t.first < tile1; t.first += t.count) {
      t.count = std::min(most, tile1 - t.first);
      transform_input(transforms, shape, plan.points, t);
      g.m = t.count;
      for (int64_t o = begin; o < end; o += plan.block_outputs) {
        t.outputs = std::min(plan.block_outputs, end - o);
        g.n = t.outputs;
        for (int64_t p = 0; p < plan.points; ++p) {
          const QuarterRange range = quarters_at(shape, plan.side, p);
          g.k = range.count * quarter_depth(shape);
          g.a = t.v + p * t.v_point_stride + range.first * quarter_depth(shape);
          g.packed_b = weights + p * point_size(gemm, shape) + (o - group * outputs) * g.k;
          g.c = m + p * t.m_point_stride;
          gemm_tile(gemm, blocking, g, 0, g.m, 0, g.n);
        }
        t.y = args.y + o;
        t.bias = args.bias == nullptr ? nullptr : args.bias + o;
        t.residual = args.residual == nullptr ? nullptr : args.residual + o;
        transforms.output(t);
      }
    }
  }
}

}  // namespace ferry
