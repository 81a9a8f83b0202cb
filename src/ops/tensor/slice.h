// SPDX-License-Identifier: Apache-2.0
// y = x[starts : ends : steps] along `axes`, as numpy slices with clamped ends.
//   x: any   starts, ends, axes, steps: i32 or i64 [n]; axes default to 0..n-1, steps to 1
// ONNX Slice-13.
#pragma once

namespace ferry {

struct Slice {};

}  // namespace ferry
