// SPDX-License-Identifier: Apache-2.0
#include "kernels/winograd/winograd.h"

#include <algorithm>

namespace ferry {

FERRY_DECLARE_ISA_TABLE(WinogradKernels, kWinograd)

const WinogradKernels& winograd_kernels(Isa isa) noexcept {
  return FERRY_SELECT_ISA_TABLE(isa, kWinograd);
}

namespace {

// Output channels between two passes over the transformed input.
constexpr int64_t kBlockOutputs = 128;
// Tiles that are worth a pass over weights in memory.
constexpr int64_t kManyTiles = 96;

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

// What one output sums up at each point: the channels of its group in every slice of the kernel.
int64_t depth(const ConvShape& shape) { return shape.kernel[0] * shape.group_in(); }

// Packed weights of one group at one point.
int64_t point_size(const GemmKernels& gemm, const ConvShape& shape) {
  return round_up(gemm_packed_size(gemm, depth(shape), shape.group_out()), 16);
}

// One panel: G g G^T of the 3x3 kernels of `cols` output channels, spread over the points.
// What is summed up goes slice by slice, channel by channel.
// Neighbouring output channels are neighbours in the panel, so they come innermost, kTogether of
// them: the points lie a power of two apart, where their lines displace each other.
template <int kTogether, int kSize>
void pack_panel(const double (&rows)[kSize][3], const float* weights, int64_t channels,
                int64_t slices, int64_t cols, int64_t width, int64_t point_stride, float* panel) {
  for (int64_t k = 0; k < slices * channels; ++k, panel += width) {
    const int64_t kernel = k % channels * slices + k / channels;
    for (int64_t first = 0; first < width; first += kTogether) {
      double g[9][kTogether] = {}, half[3][kTogether];
      for (int64_t o = 0; o < std::min<int64_t>(kTogether, cols - first); ++o) {
        const float* from = weights + ((first + o) * slices * channels + kernel) * 9;
        for (int t = 0; t < 9; ++t) g[t][o] = from[t];
      }
      for (int i = 0; i < kSize; ++i) {
        for (int j = 0; j < 3; ++j) {
          for (int o = 0; o < kTogether; ++o)
            half[j][o] = rows[i][0] * g[j][o] + rows[i][1] * g[3 + j][o] + rows[i][2] * g[6 + j][o];
        }
        for (int j = 0; j < kSize; ++j) {
          float* to = panel + (i * kSize + j) * point_stride + first;
          for (int o = 0; o < kTogether; ++o) {
            to[o] = static_cast<float>(half[0][o] * rows[j][0] + half[1][o] * rows[j][1] +
                                       half[2][o] * rows[j][2]);
          }
        }
      }
    }
  }
}

// Of the set with the most outputs.
int64_t tiles_of_set(int64_t out, int64_t dilation, int64_t m) {
  return ((out + dilation - 1) / dilation + m - 1) / m;
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
    if (shape.stride[d] != 1) return "a stride other than 1";
  }
  return nullptr;
}

WinogradPlan winograd_plan(const GemmKernels& gemm, const GemmBlocking& blocking,
                           const ConvShape& shape, int64_t m) noexcept {
  WinogradPlan plan;
  plan.m = m;
  plan.points = (m + 2) * (m + 2);
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
  // Weights that leave the cache between two blocks cost more than a block that spills.
  const int64_t weight_bytes = plan.points * point_size(gemm, shape) * int64_t{sizeof(float)};
  if (weight_bytes > blocking.rows_bytes) {
    plan.block_tiles = std::max<int64_t>(plan.block_tiles, kManyTiles);
  }
  return plan;
}

int64_t winograd_packed_size(const GemmKernels& gemm, const ConvShape& shape, int64_t m) noexcept {
  return shape.groups * (m + 2) * (m + 2) * point_size(gemm, shape);
}

void winograd_pack_weights(const GemmKernels& gemm, const ConvShape& shape, int64_t m,
                           const float* weights, int64_t o0, int64_t o1, float* packed) noexcept {
  const int64_t stride = point_size(gemm, shape), channels = shape.group_in();
  const int64_t slices = shape.kernel[0], outputs = shape.group_out();
  const int64_t group_size = (m + 2) * (m + 2) * stride;
  for (int64_t o = o0; o < o1;) {
    const int64_t group = o / outputs, within = o % outputs;
    const int64_t cols = std::min<int64_t>(gemm.nr, outputs - within);
    const int64_t width = std::min<int64_t>(gemm.nr, round_up(cols, gemm.lanes));
    const float* from = weights + o * slices * channels * 9;
    float* panel = packed + group * group_size + within * slices * channels;
    const auto pack = [&](const auto& rows) {
      if (width % 8 == 0) {
        pack_panel<8>(rows, from, channels, slices, cols, width, stride, panel);
      } else {
        pack_panel<4>(rows, from, channels, slices, cols, width, stride, panel);
      }
    };
    if (m == 2) pack(kWeights2);
    if (m == 4) pack(kWeights4);
    if (m == 6) pack(kWeights6);
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

}  // namespace

void winograd_tiles(const WinogradKernels& kernels, const GemmKernels& gemm,
                    const GemmBlocking& blocking, const WinogradPlan& plan, const ConvShape& shape,
                    const ConvArgs& args, int64_t tile0, int64_t tile1, void* scratch) noexcept {
  const WinogradKernels::Transforms& transforms = plan.m == 2   ? kernels.f2
                                                  : plan.m == 4 ? kernels.f4
                                                                : kernels.f6;
  const int64_t blocks = (tile1 - tile0 + plan.block_tiles - 1) / plan.block_tiles;
  if (blocks <= 0) return;
  const int64_t outputs = shape.group_out();
  const int64_t out_end = args.out_end < 0 ? shape.out_channels : args.out_end;
  const bool volume = shape.in[0] != 1 || shape.kernel[0] != 1 || shape.out[0] != 1;
  const int64_t most = (tile1 - tile0 + blocks - 1) / blocks;
  WinogradTiles t;
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
  g.k = depth(shape);
  g.lda = t.v_pitch, g.ldc = t.m_pitch;
  // Output channels are cut into ranges only where there is one group.
  for (int64_t group = args.out_begin / outputs; group * outputs < out_end; ++group) {
    const int64_t begin = std::max(args.out_begin, group * outputs),
                  end = std::min(out_end, (group + 1) * outputs);
    const float* weights = args.weights + group * plan.points * point_size(gemm, shape);
    t.x = args.x + group * t.channels;
    for (t.first = tile0; t.first < tile1; t.first += t.count) {
      t.count = std::min(most, tile1 - t.first);
      if (volume) {
        transform_slices(transforms, shape, plan.points, t);
      } else {
        transforms.input(t);
      }
      g.m = t.count;
      for (int64_t o = begin; o < end; o += plan.block_outputs) {
        t.outputs = std::min(plan.block_outputs, end - o);
        g.n = t.outputs;
        for (int64_t p = 0; p < plan.points; ++p) {
          g.a = t.v + p * t.v_point_stride;
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
