// SPDX-License-Identifier: Apache-2.0
// Expand: y = x broadcast with `shape`, in both directions.
// Tile: y = x repeated repeats[a] times along every axis a.
//   x: any   shape: i64[n]   repeats: i64[rank]
// ONNX Expand-13, Tile-13.
#pragma once

namespace ferry {

struct Expand {};
struct Tile {};

}  // namespace ferry
