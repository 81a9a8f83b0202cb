// SPDX-License-Identifier: Apache-2.0
#include "kernels/conv/conv_transpose.h"

#include <algorithm>
#include <cstring>

namespace ferry {
namespace {

// Pointers per block, so that the table stays in the first cache levels.
constexpr int64_t kTableEntries = 8192;
constexpr int64_t kMinPixels = 48;

int64_t round_up(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

int64_t zeros_size(const ConvShape& shape) {
  return round_up(std::max<int64_t>(shape.in_channels, 1), 16);
}

// The taps of one dimension that reach outputs with remainder (o + pad) % stride: k0, k0 + step,
// ...
struct PhaseTaps {
  int64_t first, step, count;

  PhaseTaps(const ConvShape& s, int dim, int64_t phase) : first(0), step(1), count(0) {
    int64_t previous = 0;
    for (int64_t k = 0; k < s.kernel[dim]; ++k) {
      if (k * s.dilation[dim] % s.stride[dim] != phase) continue;
      if (count == 0) first = k;
      if (count == 1) step = k - previous;
      previous = k;
      ++count;
    }
  }
};

// One class of output pixels: a remainder per dimension.
struct Phase {
  PhaseTaps taps[3];

  Phase(const ConvShape& s, const int64_t (&remainder)[3])
      : taps{{s, 0, remainder[0]}, {s, 1, remainder[1]}, {s, 2, remainder[2]}} {}
  int64_t count() const { return taps[0].count * taps[1].count * taps[2].count; }
};

// Calls visit(remainders) in a fixed order.
template <class Visit>
void for_each_phase(const ConvShape& s, const Visit& visit) {
  for (int64_t d = 0; d < s.stride[0]; ++d) {
    for (int64_t h = 0; h < s.stride[1]; ++h) {
      for (int64_t w = 0; w < s.stride[2]; ++w) visit({d, h, w});
    }
  }
}

int64_t phase_size(const GemmKernels& kernels, const ConvShape& s, const Phase& phase) {
  return round_up(gemm_packed_size(kernels, phase.count() * s.group_in(), s.group_out()), 16);
}

int64_t block_pixels(const ConvShape& s) {
  return std::max(kTableEntries / std::max<int64_t>(s.taps(), 1), kMinPixels);
}

// Collects pixels of one phase with their row pointers and runs the product when the block is full.
class PhaseRunner {
 public:
  PhaseRunner(const GemmKernels& kernels, const GemmBlocking& blocking, const ConvShape& shape,
              const ConvArgs& args, void* scratch)
      : kernels_(kernels),
        blocking_{.panel_bytes = blocking.panel_bytes,
                  .rows_bytes = std::numeric_limits<int64_t>::max()},
        s_(shape),
        args_(args),
        capacity_(block_pixels(shape)),
        table_(static_cast<const float**>(scratch)),
        index_(reinterpret_cast<int32_t*>(table_ + capacity_ * shape.taps())) {}

  void run(const int64_t (&remainder)[3], const float* panels, int64_t row0, int64_t row1) {
    const Phase phase(s_, remainder);
    base_pixel_ = row0 * s_.out[2];
    for (int64_t row = row0; row < row1; ++row) {
      const int64_t h = row % s_.out[1], d = row / s_.out[1] % s_.out[0],
                    n = row / (s_.out[1] * s_.out[0]);
      if ((h + s_.pad[1]) % s_.stride[1] != remainder[1]) continue;
      if ((d + s_.pad[0]) % s_.stride[0] != remainder[0]) continue;
      const int64_t first = (remainder[2] - s_.pad[2] % s_.stride[2] + s_.stride[2]) % s_.stride[2];
      for (int64_t w = first; w < s_.out[2]; w += s_.stride[2]) {
        add(phase, n, d, h, w, row * s_.out[2] + w - base_pixel_);
        if (count_ == capacity_) flush(phase, panels);
      }
    }
    flush(phase, panels);
  }

 private:
  // The input coordinate that tap `k` brings to output `o`, or -1.
  int64_t input_at(int dim, int64_t o, int64_t k) const {
    const int64_t i = (o + s_.pad[dim] - k * s_.dilation[dim]) / s_.stride[dim];
    return o + s_.pad[dim] < k * s_.dilation[dim] || i >= s_.in[dim] ? -1 : i;
  }

  void add(const Phase& phase, int64_t n, int64_t d, int64_t h, int64_t w, int64_t out_pixel) {
    const float** out = table_ + count_ * phase.count();
    for (int64_t a = 0; a < phase.taps[0].count; ++a) {
      const int64_t id = input_at(0, d, phase.taps[0].first + a * phase.taps[0].step);
      for (int64_t b = 0; b < phase.taps[1].count; ++b) {
        const int64_t ih = input_at(1, h, phase.taps[1].first + b * phase.taps[1].step);
        const float* row = id < 0 || ih < 0 ? nullptr
                                            : args_.x + ((n * s_.in[0] + id) * s_.in[1] + ih) *
                                                            s_.in[2] * args_.x_pitch;
        for (int64_t c = 0; c < phase.taps[2].count; ++c) {
          const int64_t iw = input_at(2, w, phase.taps[2].first + c * phase.taps[2].step);
          *out++ = row == nullptr || iw < 0 ? args_.weights : row + iw * args_.x_pitch;
        }
      }
    }
    index_[count_++] = static_cast<int32_t>(out_pixel);
  }

  void flush(const Phase& phase, const float* panels) {
    if (count_ == 0) return;
    for (int64_t group = 0; group < s_.groups; ++group) {
      const int64_t column = group * s_.group_out();
      GemmArgs g;
      g.m = count_, g.n = s_.group_out(), g.k = s_.group_in(), g.taps = phase.count();
      g.a_rows = table_, g.a_offset = group * s_.group_in();
      g.packed_b = panels + group * phase_size(kernels_, s_, phase);
      g.c = args_.y + base_pixel_ * args_.y_pitch + column, g.ldc = args_.y_pitch;
      g.out_index = index_;
      if (args_.bias != nullptr) g.bias = args_.bias + column;
      if (args_.residual != nullptr)
        g.residual = args_.residual + base_pixel_ * args_.residual_pitch + column;
      g.ldr = args_.residual_pitch;
      g.lo = args_.lo, g.hi = args_.hi, g.chain = args_.chain;
      gemm_tile(kernels_, blocking_, g, 0, g.m, 0, g.n);
    }
    count_ = 0;
  }

  const GemmKernels& kernels_;
  const GemmBlocking blocking_;
  const ConvShape& s_;
  const ConvArgs& args_;
  const int64_t capacity_;
  const float** table_;
  int32_t* index_;
  int64_t count_ = 0;
  int64_t base_pixel_ = 0;
};

}  // namespace

int64_t conv_transpose_packed_size(const GemmKernels& kernels, const ConvShape& shape) noexcept {
  int64_t size = zeros_size(shape);
  for_each_phase(shape, [&](const int64_t(&remainder)[3]) {
    size += shape.groups * phase_size(kernels, shape, Phase(shape, remainder));
  });
  return size;
}

void conv_transpose_pack_weights(const GemmKernels& kernels, const ConvShape& shape,
                                 const float* weights, float* packed, const Pause& pause) noexcept {
  std::memset(packed, 0, static_cast<size_t>(zeros_size(shape)) * sizeof(float));
  packed += zeros_size(shape);
  const int64_t k = shape.group_in(), n = shape.group_out(), taps = shape.taps();
  for_each_phase(shape, [&](const int64_t(&remainder)[3]) {
    const Phase phase(shape, remainder);
    for (int64_t group = 0; group < shape.groups; ++group) {
      int64_t row = 0;
      for (int64_t a = 0; a < phase.taps[0].count; ++a) {
        const int64_t kd = phase.taps[0].first + a * phase.taps[0].step;
        for (int64_t b = 0; b < phase.taps[1].count; ++b) {
          const int64_t kh = phase.taps[1].first + b * phase.taps[1].step;
          for (int64_t c = 0; c < phase.taps[2].count; ++c, row += k) {
            if (pause.leaves_off != nullptr && pause.leaves_off(pause.of)) return;
            const int64_t kw = phase.taps[2].first + c * phase.taps[2].step;
            const float* tap =
                weights + group * k * n * taps + (kd * shape.kernel[1] + kh) * shape.kernel[2] + kw;
            kernels.pack_b(tap, n * taps, taps, k, n, 0, n, row, phase.count() * k, packed);
          }
        }
      }
      packed += phase_size(kernels, shape, phase);
    }
  });
}

int64_t conv_transpose_scratch_bytes(const ConvShape& shape) noexcept {
  const int64_t entry = shape.taps() * int64_t{sizeof(const float*)} + int64_t{sizeof(int32_t)};
  return round_up(block_pixels(shape) * entry, 64);
}

void conv_transpose_rows(const GemmKernels& kernels, const GemmBlocking& blocking,
                         const ConvShape& shape, const ConvArgs& args, int64_t row0, int64_t row1,
                         void* scratch) noexcept {
  PhaseRunner runner(kernels, blocking, shape, args, scratch);
  const float* panels = args.weights + zeros_size(shape);
  for_each_phase(shape, [&](const int64_t(&remainder)[3]) {
    runner.run(remainder, panels, row0, row1);
    panels += shape.groups * phase_size(kernels, shape, Phase(shape, remainder));
  });
}

}  // namespace ferry
