// SPDX-License-Identifier: Apache-2.0
// Runs the body while a condition holds, at most `trips` times, handing values from one iteration
// to the next and stacking others.
//   node: (trips: i64, optional; condition: bool, optional; v...) -> (v..., scans...)
//   body: (iteration: i64, condition: bool, v...) -> (condition: bool, v..., scans...)
// Each scan output is stacked along a new first axis. ONNX Loop-25.
#pragma once

namespace ferry {

struct Loop {};

}  // namespace ferry
