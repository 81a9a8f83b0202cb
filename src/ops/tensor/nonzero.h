// SPDX-License-Identifier: Apache-2.0
// y[a, i] = the position along axis a of the i-th non-zero element of x, in row-major order.
//   x: any with a zero (strings: empty)   y: i64[rank, count]
// ONNX NonZero-13.
#pragma once

namespace ferry {

struct NonZero {};

}  // namespace ferry
