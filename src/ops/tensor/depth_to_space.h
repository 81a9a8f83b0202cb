// SPDX-License-Identifier: Apache-2.0
// DepthToSpace moves blocks of channels to squares of pixels, SpaceToDepth back. The channel axis
// reads as [row, column, depth] (DCR) or [depth, row, column] (CRD).
//   DepthToSpace  x: [n, c b b, h, w] any   y: [n, c, h b, w b]     b = blocksize
//   SpaceToDepth  x: [n, c, h b, w b]       y: [n, c b b, h, w]
// ONNX DepthToSpace-28, SpaceToDepth-28.
#pragma once

#include <cstdint>
#include <string>

namespace ferry {

struct DepthToSpace {
  int64_t blocksize = 0;
  std::string mode = "DCR";
};

struct SpaceToDepth {
  int64_t blocksize = 0;
  std::string mode = "DCR";
};

}  // namespace ferry
