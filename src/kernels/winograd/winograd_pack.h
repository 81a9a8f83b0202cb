// SPDX-License-Identifier: Apache-2.0
// Transforms the weights of Winograd's convolutions, a panel at a time.
#pragma once

#include <cstdint>

#include "kernels/isa.h"

namespace ferry {

// The transform of one axis of a kernel: of each point the weights of its taps.
struct WinogradTaps {
  static constexpr int kMost = 8;  // points, and taps
  double at[kMost][kMost] = {};
};

// The kernels of `cols` output channels that lie side by side in a panel `width` wide, zeros behind
// them. What is summed up goes slice by slice, channel by channel; row k of the panel at a point is
// at[point] + k * width. Where that is null the point is left out.
struct WinogradPanel {
  const WinogradTaps *down, *across;
  const float* weights;  // [cols][channels][slices][3][3], or [taps] of a kernel along one axis
  int64_t channels, slices, cols, width;
  int64_t taps, points;  // of a kernel along one axis
  float* const* at;
};

// G g G^T for all g of a panel, of transforms with as many points along an axis; G g for kernels
// along one axis.
struct WinogradPackers {
  void (*side4)(const WinogradPanel& panel) noexcept;
  void (*side6)(const WinogradPanel& panel) noexcept;
  void (*side8)(const WinogradPanel& panel) noexcept;
  void (*line)(const WinogradPanel& panel) noexcept;
};
FERRY_DECLARE_ISA_TABLE(WinogradPackers, kWinogradPackers)

}  // namespace ferry
