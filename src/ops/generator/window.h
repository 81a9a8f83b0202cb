// SPDX-License-Identifier: Apache-2.0
// HannWindow, HammingWindow, BlackmanWindow: y[i] = c0 - c1 cos(2 pi i / n) + c2 cos(4 pi i / n)
// with n = size, or size - 1 for a symmetric window.
//   size: i32 or i64, one element   y: [size]
// ONNX versions 17.
#pragma once

#include "ferry/types.h"

namespace ferry {

enum class WindowKind : uint8_t { kHann, kHamming, kBlackman };

struct WindowFunction {
  WindowKind kind = WindowKind::kHann;
  DType output_datatype = DType::kFloat32;
  bool periodic = true;
};

}  // namespace ferry
