// SPDX-License-Identifier: Apache-2.0
// What kernels ask in the middle of a row: whether the run has been stopped.
#pragma once

#include "base/thread_pool.h"
#include "kernels/pause.h"

namespace ferry {

// Borrows `team`; any thread may ask.
inline Pause pause_of(const Team& team) {
  return {[](const void* of) { return static_cast<const Team*>(of)->stopped(); }, &team};
}

}  // namespace ferry
