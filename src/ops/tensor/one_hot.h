// SPDX-License-Identifier: Apache-2.0
// y = values[1] where the position along the new axis `axis` is that of `indices`, else values[0].
//   indices: any number, negative ones count from `depth`; outside [-depth, depth) none matches
//   depth: one number   values: [2] any   y: indices' dims with `depth` inserted at `axis`
// ONNX OneHot-28.
#pragma once

#include <cstdint>

namespace ferry {

struct OneHot {
  int64_t axis = -1;  // in [-rank - 1, rank]
};

}  // namespace ferry
