// SPDX-License-Identifier: Apache-2.0
// The pieces of a long row, for the files that are compiled once per instruction set. Sums go on
// from piece to piece as they are: no bit depends on where a piece ends.
#pragma once

#include "kernels/pause.h"
#include "kernels/vec.h"

namespace ferry::FERRY_ISA {

// Values of one row: tens of microseconds, and a multiple of all that a loop takes in one turn.
inline constexpr int64_t kPiece = 64 << 10;

FERRY_INLINE bool leaves_off(const Pause& pause) {
  return pause.leaves_off != nullptr && pause.leaves_off(pause.of);
}

// Calls f(from, to) for pieces that cover [0, n); false when it left off.
template <class F>
FERRY_INLINE bool in_pieces(int64_t n, int64_t piece, const Pause& pause, F&& f) {
  for (int64_t from = 0; from < n; from += piece) {
    if (from > 0 && leaves_off(pause)) return false;
    f(from, smaller(n, from + piece));
  }
  return true;
}

}  // namespace ferry::FERRY_ISA
