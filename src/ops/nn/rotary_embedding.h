// SPDX-License-Identifier: Apache-2.0
// Rotates pairs of elements of every head by the angle of their position; the pairs are (i, i +
// R/2) or, interleaved, (2i, 2i + 1), over the first R = rotary_embedding_dim elements.
//   x: [B, H, S, D] or [B, S, H D]   cos_cache, sin_cache: [positions, R/2] with position_ids,
//   else [B or 1, S, R/2]   position_ids: i64 [B, S]   f16 bf16 f32   y: shape and type of x
// ONNX RotaryEmbedding-23, and caches of one batch for all, which PyTorch writes: the
// specification's own computation broadcasts them.
#pragma once

#include <cstdint>
#include <optional>

namespace ferry {

struct RotaryEmbedding {
  bool interleaved = false;
  std::optional<int64_t> num_heads;  // with 3-D x
  int64_t rotary_embedding_dim = 0;  // 0: all of D
};

}  // namespace ferry
