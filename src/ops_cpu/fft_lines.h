// SPDX-License-Identifier: Apache-2.0
// Transforms many lines of a tensor over a team, a few side by side at a time.
#pragma once

#include "base/status.h"
#include "ops_cpu/fft_plan.h"
#include "plan/step_kernel.h"

namespace ferry {

// The plan for a length that may change from run to run; it lies in the step's state until the next
// call. Errors: those of a run that is stopped.
Result<const FftPlan*> fft_plan(StepContext& c, int64_t length, bool inverse, bool real);

// Where lines lie, in floats: `inner` of them inner_step apart, the next ones outer_step later.
struct FftLayout {
  int64_t inner = 1, outer_step = 0, inner_step = 0, point_step = 0, parts = 1;
  int64_t begin(int64_t line) const {
    return line / inner * outer_step + line % inner * inner_step;
  }
};

struct FftSource {
  const float* x;
  FftLayout layout;
  int64_t points;                 // of a line, cut or filled up with zeros to the plan's length
  const float* window = nullptr;  // a factor for each point
  bool half = false;              // the other half of a spectrum mirrors what there is
};

struct FftSink {
  float* y;
  FftLayout layout;
  int64_t points;  // the first ones of the transform
};

Status fft_lines(StepContext& c, const FftKernels& kernels, const FftPlan& plan, int64_t count,
                 const FftSource& source, const FftSink& sink);

}  // namespace ferry
