// SPDX-License-Identifier: Apache-2.0
// What kernels ask in the middle of a row: whether the run of a step has been stopped.
#pragma once

#include "kernels/pause.h"
#include "plan/step_kernel.h"

namespace ferry {

// Borrows `c`; any thread may ask.
inline Pause pause_of(StepContext& c) {
  return {[](void* of) { return !static_cast<StepContext*>(of)->poll().ok(); }, &c};
}

}  // namespace ferry
