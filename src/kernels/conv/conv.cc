// SPDX-License-Identifier: Apache-2.0
#include "kernels/conv/conv.h"

#include <algorithm>
#include <cstring>

namespace ferry {
namespace {

// Pointers per block, so that the table stays in the first cache levels.
constexpr int64_t kTableEntries = 8192;
// Below this many channels the taps of a kernel row are joined into one run of floats: K of 3 or 8
// is all loop overhead.
constexpr int64_t kJoinBelow = 32;

// Below this share of taps inside the image it pays to look for those that are not.
constexpr double kMostInside = 7.0 / 8;

int64_t round_up(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

// Packed weights begin with a row of zeros that stands for every pixel outside the image.
int64_t zeros_size(const ConvShape& shape) {
  return round_up(std::max<int64_t>(shape.in_channels, 1), 16);
}

int64_t group_size(const GemmKernels& kernels, const ConvShape& shape) {
  return round_up(gemm_packed_size(kernels, shape.taps() * shape.group_in(), shape.group_out()),
                  16);
}

// A row of a plain product, or columns of one.
bool is_part_of_row(const ConvShape& s) {
  return s.taps() == 1 && s.stride[2] == 1 && s.pad[2] <= 0 && s.out[2] - s.pad[2] <= s.in[2] &&
         s.stride[0] == 1 && s.stride[1] == 1 && s.pad[0] == 0 && s.pad[1] == 0 &&
         s.in[0] == s.out[0] && s.in[1] == s.out[1];
}

bool is_plain_product(const ConvShape& s) {
  return is_part_of_row(s) && s.pad[2] == 0 && s.in[2] == s.out[2];
}

bool can_join_taps(const ConvShape& s) {
  return s.groups == 1 && s.kernel[2] > 1 && s.dilation[2] == 1 && s.in_channels < kJoinBelow;
}

// Pixels per block: the table, the rows of the input they touch, and (joined) the windows built at
// the borders.
int64_t block_pixels(const ConvShape& s, const GemmBlocking& blocking) {
  const int64_t touched =
      std::max<int64_t>(s.in_channels * s.stride[1] * s.stride[2] * int64_t{sizeof(float)}, 1);
  int64_t pixels =
      std::min(kTableEntries / std::max<int64_t>(s.taps(), 1), blocking.rows_bytes / touched);
  if (can_join_taps(s)) {
    pixels =
        std::min(pixels, blocking.rows_bytes / std::max<int64_t>(s.taps() * s.in_channels * 4, 1));
  }
  return std::max<int64_t>(pixels, 48);
}

// Outputs [first, last) of `out` whose input position o * stride + offset lies inside [0, in).
struct Inside {
  int64_t first, last;
  Inside(int64_t offset, int64_t stride, int64_t in, int64_t out) {
    first = offset >= 0 ? 0 : std::min((-offset + stride - 1) / stride, out);
    last = offset >= in ? 0 : std::min((in - offset + stride - 1) / stride, out);
    last = std::max(last, first);
  }
};

// Position of an output pixel, advanced in row-major order.
struct Cursor {
  int64_t n, d, h, w;

  Cursor(const ConvShape& s, int64_t pixel) {
    w = pixel % s.out[2];
    pixel /= s.out[2];
    h = pixel % s.out[1];
    pixel /= s.out[1];
    d = pixel % s.out[0];
    n = pixel / s.out[0];
  }
  void next_row(const ConvShape& s) {
    w = 0;
    if (++h < s.out[1]) return;
    h = 0;
    if (++d < s.out[0]) return;
    d = 0;
    ++n;
  }
};

class RowTable {
 public:
  RowTable(const ConvShape& shape, const ConvArgs& args, const float* zeros, const float** table)
      : s_(shape), args_(args), zeros_(zeros), table_(table), taps_(shape.taps()) {}

  // One entry per (pixel, tap) for `count` pixels from `pixel` on.
  void fill(int64_t pixel, int64_t count) {
    Cursor at(s_, pixel);
    const float** out = table_;
    while (count > 0) {
      const int64_t run = std::min(count, s_.out[2] - at.w);
      fill_run(at, run, out);
      out += run * taps_;
      count -= run;
      at.next_row(s_);
    }
  }

  // The same with the taps of a kernel row joined: entries per (pixel, kd, kh), each kw * channels
  // floats. Windows that reach over the border of the image are put together in `windows`.
  void fill_joined(int64_t pixel, int64_t count, float* windows) {
    Cursor at(s_, pixel);
    const int64_t rows = s_.kernel[0] * s_.kernel[1];
    const float** out = table_;
    while (count > 0) {
      const int64_t run = std::min(count, s_.out[2] - at.w);
      for (int64_t kd = 0, r = 0; kd < s_.kernel[0]; ++kd) {
        for (int64_t kh = 0; kh < s_.kernel[1]; ++kh, ++r) {
          windows = join_run(input_row(at, kd, kh), at.w, run, rows, out + r, windows);
        }
      }
      out += run * rows;
      count -= run;
      at.next_row(s_);
    }
  }

 private:
  // Null when the row is outside the image.
  const float* input_row(const Cursor& at, int64_t kd, int64_t kh) const {
    const int64_t d = at.d * s_.stride[0] + kd * s_.dilation[0] - s_.pad[0];
    const int64_t h = at.h * s_.stride[1] + kh * s_.dilation[1] - s_.pad[1];
    if (d < 0 || d >= s_.in[0] || h < 0 || h >= s_.in[1]) return nullptr;
    return args_.x + ((at.n * s_.in[0] + d) * s_.in[1] + args_.x_row(h)) * s_.in[2] * args_.x_pitch;
  }

  void fill_run(const Cursor& at, int64_t run, const float** out) const {
    for (int64_t kd = 0; kd < s_.kernel[0]; ++kd) {
      for (int64_t kh = 0; kh < s_.kernel[1]; ++kh) {
        const float* row = input_row(at, kd, kh);
        for (int64_t kw = 0; kw < s_.kernel[2]; ++kw, ++out) {
          const int64_t offset = kw * s_.dilation[2] - s_.pad[2];
          Inside inside(offset, s_.stride[2], s_.in[2], s_.out[2]);
          if (row == nullptr) inside.first = inside.last = 0;
          const int64_t first = std::clamp(inside.first - at.w, int64_t{0}, run);
          const int64_t last = std::clamp(inside.last - at.w, first, run);
          for (int64_t i = 0; i < first; ++i) out[i * taps_] = zeros_;
          for (int64_t i = first; i < last; ++i) {
            out[i * taps_] = row + ((at.w + i) * s_.stride[2] + offset) * args_.x_pitch;
          }
          for (int64_t i = last; i < run; ++i) out[i * taps_] = zeros_;
        }
      }
    }
  }

  float* join_run(const float* row, int64_t w0, int64_t run, int64_t rows, const float** out,
                  float* windows) const {
    const int64_t channels = s_.in_channels, width = s_.kernel[2];
    for (int64_t i = 0; i < run; ++i) {
      const int64_t w = (w0 + i) * s_.stride[2] - s_.pad[2];
      if (row != nullptr && w >= 0 && w + width <= s_.in[2]) {
        out[i * rows] = row + w * channels;
        continue;
      }
      out[i * rows] = windows;
      std::memset(windows, 0, static_cast<size_t>(width * channels) * sizeof(float));
      const int64_t first = std::clamp(-w, int64_t{0}, width),
                    last = std::clamp(s_.in[2] - w, first, width);
      if (row != nullptr && last > first) {
        std::memcpy(windows + first * channels, row + (w + first) * channels,
                    static_cast<size_t>((last - first) * channels) * sizeof(float));
      }
      windows += width * channels;
    }
    return windows;
  }

  const ConvShape& s_;
  const ConvArgs& args_;
  const float* zeros_;
  const float** table_;
  int64_t taps_;
};

GemmArgs epilogue_of(const ConvShape& s, const ConvArgs& args, int64_t pixel, int64_t group) {
  GemmArgs g;
  const int64_t column = group * s.group_out();
  g.n = s.group_out();
  g.c = args.y + (pixel - args.y_first * s.out[2]) * args.y_pitch + column;
  g.ldc = args.y_pitch;
  g.bias = args.bias == nullptr ? nullptr : args.bias + column;
  g.residual =
      args.residual == nullptr ? nullptr : args.residual + pixel * args.residual_pitch + column;
  g.ldr = args.residual_pitch;
  g.lo = args.lo;
  g.hi = args.hi;
  // Whether taps are joined must not show.
  g.chain = can_join_taps(s) ? 0 : args.chain;
  return g;
}

// The wanted channels of one group.
struct GroupRange {
  int64_t begin, end;
  GroupRange(const ConvShape& s, const ConvArgs& args, int64_t group)
      : begin(0), end(s.group_out()) {
    if (args.out_end < 0) return;
    const int64_t first = group * s.group_out();
    begin = std::max(begin, args.out_begin - first);
    end = std::min(end, args.out_end - first);
  }
  bool empty() const { return begin >= end; }
};

}  // namespace

double conv_inside(const ConvShape& s) noexcept {
  double inside = 1;
  for (int d = 0; d < 3; ++d) {
    int64_t within = 0;
    for (int64_t k = 0; k < s.kernel[d]; ++k) {
      const Inside o(k * s.dilation[d] - s.pad[d], s.stride[d], s.in[d], s.out[d]);
      within += o.last - o.first;
    }
    inside *= static_cast<double>(within) / static_cast<double>(s.kernel[d] * s.out[d]);
  }
  return inside;
}

int64_t conv_packed_size(const GemmKernels& kernels, const ConvShape& shape) noexcept {
  return zeros_size(shape) + shape.groups * group_size(kernels, shape);
}

int64_t conv_panels(const GemmKernels& kernels, const ConvShape& shape) noexcept {
  return shape.groups * ((shape.group_out() + kernels.nr - 1) / kernels.nr);
}

void conv_pack_panels(const GemmKernels& kernels, const ConvShape& shape, const float* weights,
                      float* packed, int64_t from, int64_t to) noexcept {
  if (from == 0) std::memset(packed, 0, static_cast<size_t>(zeros_size(shape)) * sizeof(float));
  packed += zeros_size(shape);
  const int64_t k = shape.group_in(), n = shape.group_out(), taps = shape.taps();
  const int64_t in_group = (n + kernels.nr - 1) / kernels.nr;
  for (; from < to; ++from) {
    const int64_t group = from / in_group, column = from % in_group * kernels.nr;
    kernels.pack_taps(weights + (group * n + column) * k * taps, k, taps,
                      std::min<int64_t>(kernels.nr, n - column),
                      packed + group * group_size(kernels, shape) + column * k * taps);
  }
}

void conv_pack_weights(const GemmKernels& kernels, const ConvShape& shape, const float* weights,
                       float* packed) noexcept {
  conv_pack_panels(kernels, shape, weights, packed, 0, conv_panels(kernels, shape));
}

int64_t conv_scratch_bytes(const ConvShape& shape, const GemmBlocking& blocking) noexcept {
  if (is_plain_product(shape)) return 0;
  const int64_t pixels = block_pixels(shape, blocking);
  const int64_t table = round_up(pixels * shape.taps() * int64_t{sizeof(const float*)}, 64);
  const int64_t windows = can_join_taps(shape) ? pixels * shape.taps() * shape.in_channels * 4 : 0;
  return table + windows;
}

void conv_rows(const GemmKernels& kernels, const GemmBlocking& blocking, const ConvShape& shape,
               const ConvArgs& args, int64_t row0, int64_t row1, void* scratch) noexcept {
  const int64_t begin = row0 * shape.out[2], end = row1 * shape.out[2];
  const float* panels = args.weights + zeros_size(shape);
  if (is_plain_product(shape) || (row1 - row0 == 1 && is_part_of_row(shape))) {
    for (int64_t group = 0; group < shape.groups; ++group) {
      const GroupRange wanted(shape, args, group);
      if (wanted.empty()) continue;
      GemmArgs g = epilogue_of(shape, args, begin, group);
      g.m = end - begin;
      g.k = shape.group_in();
      g.a = args.x + (args.x_row(row0) * shape.in[2] - shape.pad[2]) * args.x_pitch +
            group * shape.group_in();
      g.lda = args.x_pitch;
      g.packed_b = panels + group * group_size(kernels, shape);
      gemm_tile(kernels, blocking, g, 0, g.m, wanted.begin, wanted.end);
    }
    return;
  }
  const bool joined = can_join_taps(shape) && args.x_pitch == shape.in_channels;
  const int64_t block = block_pixels(shape, blocking);
  auto* table = static_cast<const float**>(scratch);
  auto* windows =
      reinterpret_cast<float*>(static_cast<char*>(scratch) +
                               round_up(block * shape.taps() * int64_t{sizeof(const float*)}, 64));
  RowTable rows(shape, args, args.weights, table);
  // The block is already sized for L2: a row of A is mostly the same memory as the row before.
  const GemmBlocking whole = {.panel_bytes = blocking.panel_bytes,
                              .rows_bytes = std::numeric_limits<int64_t>::max()};
  const bool sparse = !joined && conv_inside(shape) < kMostInside;
  for (int64_t pixel = begin; pixel < end; pixel += block) {
    const int64_t count = std::min(block, end - pixel);
    if (joined) {
      rows.fill_joined(pixel, count, windows);
    } else {
      rows.fill(pixel, count);
    }
    for (int64_t group = 0; group < shape.groups; ++group) {
      const GroupRange wanted(shape, args, group);
      if (wanted.empty()) continue;
      GemmArgs g = epilogue_of(shape, args, pixel, group);
      g.m = count;
      g.taps = joined ? shape.kernel[0] * shape.kernel[1] : shape.taps();
      g.k = joined ? shape.kernel[2] * shape.in_channels : shape.group_in();
      g.a_rows = table;
      g.zeros = sparse ? args.weights : nullptr;
      g.a_offset = group * shape.group_in();
      g.packed_b = panels + group * group_size(kernels, shape);
      gemm_tile(kernels, whole, g, 0, g.m, wanted.begin, wanted.end);
    }
  }
}

}  // namespace ferry
