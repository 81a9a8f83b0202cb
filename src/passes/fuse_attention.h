// SPDX-License-Identifier: Apache-2.0
// Attention by its meaning, however it is spelled:
//   softmax(s q k^T + mask) v                              ⇒ Attention(q, k, v, mask), scale = s
//   Attention of q or k times a constant, moved since      ⇒ Attention of q and k, another scale
//   Attention of heads that transposes moved outside       ⇒ Attention of heads inside, [B, S, H D]
//   Attention of keys and values whose heads are repeated    ⇒ Attention of fewer key heads
// The factor s may be spread over q, k and their product, the masks be added or chosen by Where,
// keys be transposed directly or with their leading axes merged, ranks be 4 or 3, and rows without
// a number be replaced by zeros.
// Refuses scores or probabilities that others use, broadcasting between heads, masks that do not
// span the keys, and types other than f32 and 16-bit floats. Of 16-bit floats, masks that do more
// than hide are refused too.
//
// The result is for our own kernels: which NaN a row of nothing but masked keys gives is not
// expressed by the ONNX operator.
#pragma once

#include "passes/pass.h"

namespace ferry {

Pass fuse_attention();

// The first of these for 16-bit floats alone, before their nodes are widened one by one: the scores
// and their weights are then rounded to 16 bits no more.
Pass fuse_half_attention();

}  // namespace ferry
