// SPDX-License-Identifier: Apache-2.0
// The pieces of a long row, for the files that are compiled once per instruction set.
#pragma once

#include "kernels/pause.h"
#include "kernels/vec.h"

namespace ferry::FERRY_ISA {

// Values of one row: tens of microseconds, and a multiple of all that a loop takes in one turn.
inline constexpr int64_t kPiece = 64 << 10;

FERRY_INLINE bool leaves_off(const Pause& pause) {
  return pause.leaves_off != nullptr && pause.leaves_off(pause.of);
}

// What rows of one piece are given instead, whose loops keep their sums in registers.
struct NoPause {};
FERRY_INLINE bool leaves_off(NoPause) { return false; }

// Calls f(NoPause or pause) for rows of n values.
template <class F>
FERRY_INLINE void with_pause(int64_t n, const Pause& pause, F&& f) {
  if (n <= kPiece) {
    f(NoPause());
  } else {
    f(pause);
  }
}

// Calls f(from, to) for pieces that cover [0, n); false when it left off. Sums that go on from
// piece to piece as they are do not depend on where one ends.
template <class F>
FERRY_INLINE bool in_pieces(int64_t n, int64_t piece, const Pause& pause, F&& f) {
  for (int64_t from = 0, to = smaller(n, piece);; from = to, to = smaller(n, from + piece)) {
    f(from, to);
    if (to == n) return true;
    if (leaves_off(pause)) return false;
  }
}

template <class F>
FERRY_INLINE bool in_pieces(int64_t n, int64_t, NoPause, F&& f) {
  f(0, n);
  return true;
}

}  // namespace ferry::FERRY_ISA
