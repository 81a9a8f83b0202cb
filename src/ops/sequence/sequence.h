// SPDX-License-Identifier: Apache-2.0
// Sequences of tensors of one element type.
//   SequenceEmpty                              -> seq of `dtype`, without elements
//   SequenceConstruct  x0, x1, ...             -> seq
//   SequenceInsert     seq, x, position?       -> seq with x before `position` (default: at the end)
//   SequenceErase      seq, position?          -> seq without that element (default: the last)
//   SequenceAt         seq, position           -> that element
//   SequenceLength     seq                     -> i64 scalar
// Positions count from the back when negative. ONNX versions 11.
#pragma once

#include "ferry/types.h"

namespace ferry {

struct SequenceEmpty {
  DType dtype = DType::kFloat32;
};
struct SequenceConstruct {};
struct SequenceInsert {};
struct SequenceErase {};
struct SequenceAt {};
struct SequenceLength {};

}  // namespace ferry
