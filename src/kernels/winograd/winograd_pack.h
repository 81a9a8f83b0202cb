// SPDX-License-Identifier: Apache-2.0
// Transforms the weights of Winograd's 3x3 convolutions, a panel at a time.
#pragma once

#include <cstdint>

#include "kernels/isa.h"

namespace ferry {

// The kernels of `cols` output channels that lie side by side in a panel `width` wide, zeros behind
// them. What is summed up goes slice by slice, channel by channel; row k of the panel at a point is
// at[point] + k * width. Where that is null the point is left out.
struct WinogradPanel {
  const double (*down)[3];    // the transform of columns of the kernel: [side][3]
  const double (*across)[3];  // of its rows
  const float* weights;       // [cols][channels][slices][3][3]
  int64_t channels, slices, cols, width;
  float* const* at;  // [side * side]
};

// G g G^T for all g of a panel, of transforms with as many points along an axis.
struct WinogradPackers {
  void (*side4)(const WinogradPanel& panel) noexcept;
  void (*side6)(const WinogradPanel& panel) noexcept;
  void (*side8)(const WinogradPanel& panel) noexcept;
};
FERRY_DECLARE_ISA_TABLE(WinogradPackers, kWinogradPackers)

}  // namespace ferry
