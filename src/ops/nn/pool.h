// SPDX-License-Identifier: Apache-2.0
// Reduces a sliding window per channel: its maximum, mean, or Lp norm (sum |x|^p)^(1/p).
//   x: [N, C, spatial...]  f16 bf16 f32 f64, kMax also i8 u8
//   y: [N, C, out...]      indices (kMax): i64 of y's shape
// Padding counts only in the denominator of kAverage, and there only with count_include_pad; a NaN
// in the window is its maximum. `indices` point into x flattened as [N, C, spatial...] in either
// layout; storage_order 1 counts the spatial part in column-major order.
// ONNX MaxPool-22, AveragePool-22, LpPool-22.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ferry {

enum class PoolKind : uint8_t { kMax, kAverage, kLp };

struct Pool {
  PoolKind kind = PoolKind::kMax;
  std::vector<int64_t> kernel_shape;
  std::vector<int64_t> strides;    // empty: ones
  std::vector<int64_t> pads;       // begins, then ends; empty: zeros
  std::vector<int64_t> dilations;  // empty: ones
  std::string auto_pad = "NOTSET";
  bool ceil_mode = false;
  bool count_include_pad = false;  // kAverage
  int64_t storage_order = 0;       // kMax: of the indices
  int64_t p = 2;                   // kLp
  // Not of ONNX, set when planning: x and y are [N, spatial..., C].
  bool channels_last = false;
};

// Windows small enough for kernels that slide over planes; larger ones reach far beyond their
// images.
bool pools_planes(const Pool& op);

// The same over all spatial positions at once: y is [N, C, 1...].
// ONNX GlobalMaxPool-22, GlobalAveragePool-22, GlobalLpPool-22.
struct GlobalPool {
  PoolKind kind = PoolKind::kMax;
  int64_t p = 2;               // kLp
  bool channels_last = false;  // as in Pool
};

}  // namespace ferry
