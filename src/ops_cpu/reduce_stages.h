// SPDX-License-Identifier: Apache-2.0
// A reduction over any axes as passes over matrices: each group of neighbouring reduced axes is one
// pass from [outer, n, inner] to [outer, inner], the innermost group first.
#pragma once

#include "ops/arguments.h"

namespace ferry {

struct ReduceStage {
  int64_t outer = 1, n = 1, inner = 1;
};
using ReduceStages = SmallVector<ReduceStage, Dims::kMaxRank>;

// None when no axis of more than one element is reduced.
inline ReduceStages reduce_stages(const Dims& dims, const AxisFlags& reduced) {
  ReduceStages stages;
  int64_t inner = 1;
  for (size_t a = dims.size(); a-- > 0;) {
    if (dims[a] == 1) continue;
    if (!reduced[a]) {
      inner *= dims[a];
      continue;
    }
    int64_t n = dims[a];
    for (; a > 0 && (reduced[a - 1] != 0 || dims[a - 1] == 1); --a) n *= dims[a - 1];
    stages.push_back({dims.count(0, a), n, inner});
  }
  return stages;
}

// The dims of the result.
inline Dims reduced_dims(const Dims& dims, const AxisFlags& reduced, bool keepdims) {
  Dims out;
  for (size_t a = 0; a < dims.size(); ++a) {
    if (reduced[a] == 0)
      out.push_back(dims[a]);
    else if (keepdims)
      out.push_back(1);
  }
  return out;
}

}  // namespace ferry
