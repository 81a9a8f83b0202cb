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

// Points of a transform with as many along an axis, all but that at infinity, and what their powers
// are scaled with on the side of the weights.
struct Point {
  double at, scale;
};
constexpr Point kPoints4[] = {{0, 1}, {1, 0.5}, {-1, 0.5}};
constexpr Point kPoints6[] = {
    {0, 1.0 / 4}, {1, -1.0 / 6}, {-1, -1.0 / 6}, {2, 1.0 / 24}, {-2, 1.0 / 24}};
constexpr Point kPoints8[] = {{0, 1},         {1, -2.0 / 9},    {-1, -2.0 / 9},   {2, 1.0 / 90},
                              {-2, 1.0 / 90}, {0.5, 32.0 / 45}, {-0.5, 32.0 / 45}};

int64_t round_up(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

// Quarters of the image that a stride parts it into, in the order in which a point's input lies:
// odd rows, all even, odd columns, all odd; of columns alone the first two. An odd axis has one tap
// less of the kernel, which the point at infinity does not see, so that each point sums up
// neighbours.
struct Quarter {
  int64_t row, column;
};
constexpr Quarter kQuarters[4] = {{1, 0}, {0, 0}, {0, 1}, {1, 1}};

int64_t num_quarters(const ConvShape& shape) {
  return shape.stride[1] == 1 ? 1 : is_winograd_line(shape) ? 2 : 4;
}

// Taps of the kernel along an axis, at most, that see the pixels of one quarter.
int64_t quarter_taps(const ConvShape& shape) {
  return (shape.kernel[1] + shape.stride[1] - 1) / shape.stride[1];
}

// What one output sums up at a point, in a quarter of the image: the channels of its group in every
// slice of the kernel.
int64_t quarter_depth(const ConvShape& shape) { return shape.kernel[0] * shape.group_in(); }

// The quarters that count at one point.
struct QuarterRange {
  int64_t first, count;
};
QuarterRange quarters_at(const ConvShape& shape, int64_t side, int64_t point) {
  if (shape.stride[1] == 1) return {0, 1};
  const bool line = is_winograd_line(shape);
  const bool last_row = (line ? point : point / side) == side - 1;
  const bool last_column = line || point % side == side - 1;
  return {last_row ? 1 : 0, (last_row ? 1 : 2) * (last_column ? 1 : 2)};
}

// Packed weights of one group at a point that sees so many quarters.
int64_t point_size(const GemmKernels& gemm, const ConvShape& shape, int64_t quarters) {
  return round_up(gemm_packed_size(gemm, quarters * quarter_depth(shape), shape.group_out()), 16);
}

// Packed weights of one group at the points in front of `end`.
int64_t points_size(const GemmKernels& gemm, const ConvShape& shape, int64_t side, int64_t end) {
  int64_t size = 0;
  for (int64_t p = 0; p < end; ++p)
    size += point_size(gemm, shape, quarters_at(shape, side, p).count);
  return size;
}

// The transform of one axis of the kernel: all taps, or with a stride those of the even or the odd
// pixels.
WinogradTaps taps_of(const ConvShape& shape, int64_t side, int64_t odd) {
  const Point* points = side == 4 ? kPoints4 : side == 6 ? kPoints6 : kPoints8;
  const int64_t stride = shape.stride[1], infinity = side - 1;
  WinogradTaps taps;
  for (int64_t i = 0; i < infinity; ++i) {
    double power = points[i].scale;
    for (int64_t t = odd; t < shape.kernel[1]; t += stride, power *= points[i].at)
      taps.at[i][t] = power;
  }
  const int64_t last = odd + (quarter_taps(shape) - 1) * stride;
  if (last < shape.kernel[1]) taps.at[infinity][last] = 1;
  return taps;
}

// Sets of outputs along an axis that are the dilation apart; and tiles of m outputs of the largest.
int64_t sets_along(const ConvShape& shape, int axis) {
  return std::min(shape.dilation[axis], shape.out[axis]);
}
int64_t tiles_of_set(const ConvShape& shape, int axis, int64_t m) {
  const int64_t dilation = shape.dilation[axis];
  return ((shape.out[axis] + dilation - 1) / dilation + m - 1) / m;
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
  const int64_t last = winograd_depth(shape) - shape.group_in();
  return round_up(last + round_up(shape.group_in(), 16), 16);
}

// The one axis that a kernel has an extent along, or -1.
int axis_of_line(const ConvShape& shape) {
  int axis = -1;
  for (int d = 0; d < 3; ++d) {
    if (shape.kernel[d] == 1) continue;
    if (axis >= 0) return -1;
    axis = d;
  }
  return axis;
}

const char* refusal_of_line(const ConvShape& shape, int axis) {
  for (int d = 0; d < 3; ++d) {
    if (d != axis && shape.stride[d] != 1) return "a stride across the kernel";
  }
  if (shape.kernel[axis] > 7) return "a kernel of more than 7";
  if (shape.stride[axis] > 2) return "a stride above 2";
  if (shape.stride[axis] == 1) return nullptr;
  if (shape.dilation[axis] != 1) return "a stride and a dilation";
  return shape.kernel[axis] % 2 == 0 ? "a stride and an even kernel" : nullptr;
}

}  // namespace

const char* winograd_refusal(const ConvShape& shape) noexcept {
  if (const int axis = axis_of_line(shape); axis >= 0) return refusal_of_line(shape, axis);
  for (int d = 1; d < 3; ++d) {
    if (shape.kernel[d] != 3) return "a kernel other than 3x3";
    if (shape.stride[d] != shape.stride[1]) return "strides that differ";
    if (shape.stride[d] > 2) return "a stride above 2";
    if (shape.stride[d] == 2 && shape.dilation[d] != 1) return "a stride and a dilation";
  }
  return nullptr;
}

ConvShape winograd_shape(const ConvShape& shape) noexcept {
  const int axis = axis_of_line(shape);
  if (axis < 0) return shape;
  ConvShape s;
  s.in_channels = shape.in_channels, s.out_channels = shape.out_channels, s.groups = shape.groups;
  s.batch = shape.batch;
  for (int d = 0; d < axis; ++d) s.batch *= shape.out[d];
  for (int d = axis + 1; d < 3; ++d) s.in[2] *= shape.in[d], s.out[2] *= shape.out[d];
  s.in[1] = shape.in[axis], s.out[1] = shape.out[axis];
  s.kernel[1] = shape.kernel[axis], s.stride[1] = shape.stride[axis];
  s.dilation[1] = shape.dilation[axis], s.pad[1] = shape.pad[axis];
  return s;
}

WinogradSizes winograd_sizes(const ConvShape& shape) noexcept {
  if (!is_winograd_line(shape)) {
    return shape.stride[1] == 1 ? WinogradSizes{{2, 4, 0}} : WinogradSizes{{3, 5, 0}};
  }
  WinogradSizes sizes = {};
  int n = 0;
  for (const int64_t side : {4, 6, 8}) {
    const int64_t m = side + 1 - quarter_taps(shape);
    if (m >= 2 && m <= 5) sizes.m[n++] = m;
  }
  return sizes;
}

int64_t winograd_side(const ConvShape& shape, int64_t m) noexcept {
  return m + quarter_taps(shape) - 1;
}

int64_t winograd_points(const ConvShape& shape, int64_t m) noexcept {
  const int64_t side = winograd_side(shape, m);
  return is_winograd_line(shape) ? side : side * side;
}

int64_t winograd_depth(const ConvShape& shape) noexcept {
  return num_quarters(shape) * quarter_depth(shape);
}

int64_t winograd_products(const ConvShape& shape, int64_t m) noexcept {
  const int64_t side = winograd_side(shape, m), points = winograd_points(shape, m);
  int64_t quarters = 0;
  for (int64_t p = 0; p < points; ++p) quarters += quarters_at(shape, side, p).count;
  return quarters * quarter_depth(shape);
}

int64_t winograd_num_tiles(const ConvShape& shape, int64_t m) noexcept {
  const int64_t m_w = is_winograd_line(shape) ? 1 : m;
  return shape.batch * shape.out[0] * sets_along(shape, 1) * sets_along(shape, 2) *
         tiles_of_set(shape, 1, m) * tiles_of_set(shape, 2, m_w);
}

WinogradPlan winograd_plan(const GemmKernels& gemm, const GemmBlocking& blocking,
                           const ConvShape& shape, int64_t m) noexcept {
  WinogradPlan plan;
  plan.m = m;
  plan.m_w = is_winograd_line(shape) ? 1 : m;
  plan.points = winograd_points(shape, m);
  plan.sets_h = sets_along(shape, 1), plan.sets_w = sets_along(shape, 2);
  plan.tiles_h = tiles_of_set(shape, 1, m), plan.tiles_w = tiles_of_set(shape, 2, plan.m_w);
  plan.tiles = winograd_num_tiles(shape, m);
  plan.block_outputs =
      std::min(round_up(shape.group_out(), gemm.nr), round_up(kBlockOutputs, gemm.nr));
  // Both transformed sides of a block stay within the rows' share of L2.
  const int64_t tile_bytes =
      plan.points * (channels_pitch(shape) + plan.block_outputs) * int64_t{sizeof(float)};
  plan.block_tiles = std::max<int64_t>(blocking.rows_bytes / tile_bytes, gemm.mr);
  const int64_t weight_bytes =
      points_size(gemm, shape, winograd_side(shape, m), plan.points) * int64_t{sizeof(float)};
  if (spilling_pays(blocking, plan.tiles, plan.block_tiles, tile_bytes, weight_bytes)) {
    plan.block_tiles = std::max<int64_t>(plan.block_tiles, kManyTiles);
  }
  return plan;
}

int64_t winograd_packed_size(const GemmKernels& gemm, const ConvShape& shape, int64_t m) noexcept {
  const int64_t points = winograd_points(shape, m);
  return shape.groups * points_size(gemm, shape, winograd_side(shape, m), points);
}

void winograd_pack_weights(Isa isa, const ConvShape& shape, int64_t m, const float* weights,
                           int64_t o0, int64_t o1, float* packed) noexcept {
  const WinogradPackers& packers = FERRY_SELECT_ISA_TABLE(isa, kWinogradPackers);
  const GemmKernels& gemm = gemm_kernels(isa);
  const int64_t side = winograd_side(shape, m), points = winograd_points(shape, m);
  const auto pack = is_winograd_line(shape) ? packers.line
                    : side == 4             ? packers.side4
                    : side == 6             ? packers.side6
                                            : packers.side8;
  const int64_t group_size = points_size(gemm, shape, side, points);
  const int64_t each = quarter_depth(shape), outputs = shape.group_out();
  const WinogradTaps taps[] = {taps_of(shape, side, 0), taps_of(shape, side, 1)};
  for (int64_t o = o0; o < o1;) {
    const int64_t group = o / outputs, within = o % outputs;
    const int64_t cols = std::min<int64_t>(gemm.nr, outputs - within);
    const int64_t width = std::min<int64_t>(gemm.nr, round_up(cols, gemm.lanes));
    for (int64_t q = 0; q < num_quarters(shape); ++q) {
      float* at[WinogradTaps::kMost * WinogradTaps::kMost] = {};
      float* of_point = packed + group * group_size;
      for (int64_t p = 0; p < points; ++p) {
        const QuarterRange range = quarters_at(shape, side, p);
        if (q >= range.first && q < range.first + range.count)
          at[p] = of_point + (within * range.count + (q - range.first) * width) * each;
        of_point += point_size(gemm, shape, range.count);
      }
      const bool strided = shape.stride[1] > 1;
      pack({.down = &taps[strided ? kQuarters[q].row : 0],
            .across = &taps[strided ? kQuarters[q].column : 0],
            .weights = weights + o * shape.group_in() * shape.taps(),
            .channels = shape.group_in(),
            .slices = shape.kernel[0],
            .cols = cols,
            .width = width,
            .taps = shape.kernel[1],
            .points = points,
            .at = at});
    }
    o += cols;
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
  t.dilation_h = 2, t.dilation_w = shape.stride[2];
  for (int64_t q = 0; q < num_quarters(shape); ++q) {
    t.pad_h = shape.pad[1] - kQuarters[q].row, t.pad_w = shape.pad[2] - kQuarters[q].column;
    transform();
    t.v += quarter_depth(shape);
  }
}

const WinogradKernels::Transforms& transforms_of(const WinogradKernels& kernels,
                                                 const ConvShape& shape, int64_t m) {
  if (is_winograd_line(shape)) {
    const int64_t points = winograd_points(shape, m);
    return points == 4 ? kernels.line4 : points == 6 ? kernels.line6 : kernels.line8;
  }
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
  const WinogradKernels::Transforms& transforms = transforms_of(kernels, shape, plan.m);
  const int64_t side = winograd_side(shape, plan.m);
  const int64_t blocks = (tile1 - tile0 + plan.block_tiles - 1) / plan.block_tiles;
  if (blocks <= 0) return;
  const int64_t outputs = shape.group_out(), each = quarter_depth(shape);
  const int64_t group_size = points_size(gemm, shape, side, plan.points);
  const int64_t out_end = args.out_end < 0 ? shape.out_channels : args.out_end;
  const int64_t most = (tile1 - tile0 + blocks - 1) / blocks;
  WinogradTiles t;
  t.tile_h = plan.m, t.tile_w = plan.m_w;
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
    t.x = args.x + group * t.channels;
    for (t.first = tile0; t.first < tile1; t.first += t.count) {
      t.count = std::min(most, tile1 - t.first);
      transform_input(transforms, shape, plan.points, t);
      g.m = t.count;
      for (int64_t o = begin; o < end; o += plan.block_outputs) {
        t.outputs = std::min(plan.block_outputs, end - o);
        g.n = t.outputs;
        const float* weights = args.weights + group * group_size;
        for (int64_t p = 0; p < plan.points; ++p) {
          const QuarterRange range = quarters_at(shape, side, p);
          g.k = range.count * each;
          g.a = t.v + p * t.v_point_stride + range.first * each;
          g.packed_b = weights + (o - group * outputs) * g.k;
          weights += point_size(gemm, shape, range.count);
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
