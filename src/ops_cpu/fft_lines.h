// SPDX-License-Identifier: Apache-2.0
// Transforms many lines over a team, a few side by side at a time.
#pragma once

#include <algorithm>
#include <memory>

#include "base/status.h"
#include "ops_cpu/fft_plan.h"
#include "ops_cpu/parallel.h"
#include "plan/step_kernel.h"

namespace ferry {

// Lines side by side fill vectors; more would leave the cache.
inline constexpr int64_t kFftLines = 16;

struct FftState final : StepState {
  FftState(int64_t length, bool inverse, bool real) : plan(length, inverse, real) {}
  FftPlan plan;
};

// The plan for a length that may change from run to run.
inline const FftPlan& fft_plan(StepContext& c, int64_t length, bool inverse, bool real) {
  auto* state = static_cast<FftState*>(c.state().get());
  if (state == nullptr || state->plan.length() != length) {
    auto made = std::make_unique<FftState>(length, inverse, real);
    state = made.get();
    c.state() = std::move(made);
  }
  return state->plan;
}

// Where a thread reads lines into, before they are transformed.
struct FftTarget {
  float *re, *im;
  int64_t lines;  // side by side
};

// For each of `count` lines: read(line, l, target) fills point i of it at i * lines + l;
// write(line, l, lines, result) takes it.
template <class Read, class Write>
Status fft_lines(StepContext& c, const FftKernels& kernels, const FftPlan& plan, int64_t count,
                 const Read& read, const Write& write) {
  const int64_t lines = std::min(count, kFftLines), size = 2 * plan.points() * lines;
  FERRY_RETURN_IF_ERROR(
      c.reserve_scratch(c.team().size(), 2 * size * static_cast<int64_t>(sizeof(float))));
  const int64_t blocks = (count + lines - 1) / lines;
  parallel_range(c.team(), blocks, count * plan.length() >= kMinParallelValues,
                 [&](int64_t b0, int64_t b1, int thread) {
                   auto* x = c.scratch<float>(thread);
                   for (int64_t b = b0; b < b1; ++b) {
                     const int64_t first = b * lines, used = std::min(lines, count - first);
                     if (used < lines) std::fill_n(x, size, 0.0f);
                     for (int64_t l = 0; l < used; ++l) {
                       read(first + l, l, FftTarget{x, x + size / 2, lines});
                     }
                     const float* result = plan.run(kernels, lines, x, x + size);
                     for (int64_t l = 0; l < used; ++l) write(first + l, l, lines, result);
                   }
                 });
  return {};
}

}  // namespace ferry
