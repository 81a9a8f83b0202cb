// SPDX-License-Identifier: Apache-2.0
#include "ops_cpu/fft_lines.h"

#include <algorithm>
#include <array>
#include <memory>

#include "ops_cpu/parallel.h"

namespace ferry {
namespace {

constexpr int64_t kMostLines = 16;  // side by side

struct FftState final : StepState {
  FftState(int64_t length, bool inverse, bool real) : plan(length, inverse, real) {}
  FftPlan plan;
};

// `used` lines from `first` on, in arrays of `lines` side by side.
struct Block {
  int64_t first, used, lines;
  float *re, *im;
};

// Calls run(line of the block, place in the tensor, lines) for lines that lie evenly apart.
template <class F>
void for_even_lines(const FftLayout& layout, const Block& b, const F& run) {
  for (int64_t l = 0, n = 0; l < b.used; l += n) {
    n = std::min(b.used - l, layout.inner - (b.first + l) % layout.inner);
    run(l, layout.begin(b.first + l), n);
  }
}

// Points whose parts alternate, from and to arrays of their parts.
void split(const float* __restrict x, float factor, int64_t n, float* __restrict re,
           float* __restrict im) {
  for (int64_t k = 0; k < n; ++k) {
    re[k] = x[2 * k] * factor;
    im[k] = x[2 * k + 1] * factor;
  }
}
void join(const float* __restrict re, const float* __restrict im, float re_factor, float im_factor,
          int64_t n, float* __restrict y) {
  for (int64_t k = 0; k < n; ++k) {
    y[2 * k] = re[k] * re_factor;
    y[2 * k + 1] = im[k] * im_factor;
  }
}

void read_apart(const FftPlan& plan, const FftSource& s, int64_t points, const Block& b) {
  const int64_t step = s.layout.point_step, apart = s.layout.inner_step;
  for_even_lines(s.layout, b, [&](int64_t l, int64_t at, int64_t n) {
    for (int64_t i = 0; i < points; ++i) {
      const float* x = s.x + at + i * step;
      const float w = s.window == nullptr ? 1 : s.window[i];
      const int64_t to = (plan.pairs() ? i / 2 : i) * b.lines + l;
      if (s.layout.parts == 2 && apart == 2) {
        split(x, w, n, b.re + to, b.im + to);
        continue;
      }
      float* part = plan.pairs() && i % 2 != 0 ? b.im : b.re;
      for (int64_t k = 0; k < n; ++k) part[to + k] = x[k * apart] * w;
      if (plan.pairs()) continue;
      for (int64_t k = 0; k < n; ++k) {
        b.im[to + k] = s.layout.parts == 2 ? x[k * apart + 1] * w : 0;
      }
    }
  });
  if (plan.pairs() && points % 2 != 0) std::fill_n(b.im + points / 2 * b.lines, b.lines, 0.0f);
}

void read(const FftKernels& kernels, const FftPlan& plan, const FftSource& s, const Block& b) {
  const FftLayout& layout = s.layout;
  const int64_t length = plan.length();
  const int64_t points = std::min(s.points, s.half ? length / 2 + 1 : length);
  const bool factors = s.window == nullptr || layout.parts == 1;
  if (layout.point_step == layout.parts && b.lines == kernels.lanes && factors) {
    std::array<const float*, kMostLines> lines{};
    for (int64_t l = 0; l < b.lines; ++l) {
      lines[static_cast<size_t>(l)] = s.x + layout.begin(b.first + std::min(l, b.used - 1));
    }
    const int parts = layout.parts == 2 || plan.pairs() ? 2 : 1;
    kernels.read({lines.data(), points * layout.parts, parts, s.window}, b.re, b.im);
  } else {
    if (b.used < b.lines) {
      std::fill_n(b.re, plan.points() * b.lines, 0.0f);
      std::fill_n(b.im, plan.points() * b.lines, 0.0f);
    }
    read_apart(plan, s, points, b);
  }
  const int64_t filled = plan.pairs() ? (points + 1) / 2 : points;
  const int64_t rest = (plan.points() - filled) * b.lines;
  std::fill_n(b.re + filled * b.lines, rest, 0.0f);
  std::fill_n(b.im + filled * b.lines, rest, 0.0f);
  for (int64_t k = length / 2 + 1; s.half && k < length; ++k) {
    const int64_t to = k * b.lines, from = (length - k) * b.lines;
    for (int64_t l = 0; l < b.lines; ++l) {
      b.re[to + l] = b.re[from + l];
      b.im[to + l] = -b.im[from + l];
    }
  }
}

void write(const FftKernels& kernels, const FftPlan& plan, const FftSink& s, const Block& b) {
  const FftLayout& layout = s.layout;
  const float factor = plan.inverse() ? 1.0f / static_cast<float>(plan.length()) : 1;
  if (layout.point_step == 2 && layout.parts == 2 && b.lines == kernels.lanes) {
    std::array<float*, kMostLines> lines{};
    for (int64_t l = 0; l < b.used; ++l) {
      lines[static_cast<size_t>(l)] = s.y + layout.begin(b.first + l);
    }
    return kernels.write({lines.data(), b.used, s.points, plan.rows(), plan.length(), factor}, b.re,
                         b.im);
  }
  for_even_lines(layout, b, [&](int64_t l, int64_t at, int64_t n) {
    for (int64_t k = 0; k < s.points; ++k) {
      const bool mirrored = k >= plan.rows();
      const int64_t from = (mirrored ? plan.length() - k : k) * b.lines + l;
      float* y = s.y + at + k * layout.point_step;
      const float turn = mirrored ? -factor : factor;
      if (layout.parts == 2 && layout.inner_step == 2) {
        join(b.re + from, b.im + from, factor, turn, n, y);
        continue;
      }
      for (int64_t i = 0; i < n; ++i) y[i * layout.inner_step] = b.re[from + i] * factor;
      for (int64_t i = 0; i < n && layout.parts == 2; ++i) {
        y[i * layout.inner_step + 1] = b.im[from + i] * turn;
      }
    }
  });
}

}  // namespace

Result<const FftPlan*> fft_plan(StepContext& c, int64_t length, bool inverse, bool real) {
  auto* state = static_cast<FftState*>(c.state().get());
  if (state == nullptr || state->plan.length() != length) {
    auto made = std::make_unique<FftState>(length, inverse, real);
    FERRY_RETURN_IF_ERROR(made->plan.make_roots(PollEvery(c)));
    state = made.get();
    c.state() = std::move(made);
  }
  return &state->plan;
}

Status fft_lines(StepContext& c, const FftKernels& kernels, const FftPlan& plan, int64_t count,
                 const FftSource& source, const FftSink& sink) {
  // A vector of lines takes as long as half of one.
  const int64_t side_by_side = 2 * count < kernels.lanes ? count : kernels.lanes;
  const int64_t lines = std::clamp<int64_t>(FftPlan::kMostPoints / plan.length(), 1, side_by_side);
  const int64_t size = plan.room(lines);
  FERRY_RETURN_IF_ERROR(
      c.reserve_scratch(c.team().size(), 4 * size * static_cast<int64_t>(sizeof(float))));
  const int64_t blocks = (count + lines - 1) / lines;
  parallel_range(c.team(), blocks, count * plan.length() >= kMinParallelValues,
                 [&](int64_t b0, int64_t b1, int thread) {
                   auto* x = c.scratch<float>(thread);
                   for (int64_t i = b0; i < b1; ++i) {
                     const int64_t used = std::min(lines, count - i * lines);
                     Block b{i * lines, used, lines, x, x + size};
                     read(kernels, plan, source, b);
                     b.re = plan.run(kernels, c.team(), lines, x, x + 2 * size);
                     b.im = b.re + size;
                     write(kernels, plan, sink, b);
                   }
                 });
  return {};
}

}  // namespace ferry
