// SPDX-License-Identifier: Apache-2.0
// Pause: what a kernel asks between the pieces of one long row, whether to leave off. What it has
// written by then is of no use.
#pragma once

namespace ferry {

struct Pause {
  bool (*leaves_off)(const void* of) = nullptr;  // none: never
  const void* of = nullptr;
};

}  // namespace ferry
