// SPDX-License-Identifier: Apache-2.0
// Rows of attention operands in either form, [B, H, S, D] or [B, S, H D], as doubles.
#pragma once

#include <vector>

#include "ferry/tensor.h"
#include "ops/nn/attention.h"
#include "ops/nn/parameters.h"
#include "tensor/visit.h"

namespace ferry {

struct HeadLayout {
  int64_t batch = 0, heads = 0, length = 0, width = 0;
  int64_t batch_stride = 0, head_stride = 0, row_stride = 0;

  int64_t row(int64_t b, int64_t h, int64_t s) const {
    return b * batch_stride + h * head_stride + s * row_stride;
  }
  static HeadLayout planar(int64_t batch, int64_t heads, int64_t length, int64_t width) {
    return {batch, heads, length, width, heads * length * width, length * width, width};
  }
  static HeadLayout packed(int64_t batch, int64_t heads, int64_t length, int64_t width) {
    return {batch, heads, length, width, heads * length * width, width, heads * width};
  }
};

// The layout of a tensor of rank 4, or of rank 3 with `heads` given.
// Errors: kShapeMismatch for other ranks, or when the last axis does not divide into heads.
inline Result<HeadLayout> head_layout(const Tensor& t, std::optional<int64_t> heads,
                                      const char* name) {
  if (t.rank() == 4) return HeadLayout::planar(t.dim(0), t.dim(1), t.dim(2), t.dim(3));
  if (t.rank() != 3 || !heads || *heads < 1 || t.dim(2) % *heads != 0) {
    return shape_mismatch("{} is {}, wanted is rank 4, or rank 3 with a width of whole heads", name,
                          t.describe());
  }
  return HeadLayout::packed(t.dim(0), *heads, t.dim(1), t.dim(2) / *heads);
}

// Where the heads of all operands of an attention are.
struct HeadLayouts {
  HeadLayout q, k, v, y;
};

// Errors: kShapeMismatch when the operands do not fit together.
inline Result<HeadLayouts> attention_layouts(const Attention& op, const Tensor& q, const Tensor& k,
                                             const Tensor& v) {
  HeadLayouts at;
  FERRY_ASSIGN_OR_RETURN(at.q, head_layout(q, op.q_num_heads, "q"));
  FERRY_ASSIGN_OR_RETURN(at.k, head_layout(k, op.kv_num_heads, "k"));
  FERRY_ASSIGN_OR_RETURN(at.v, head_layout(v, op.kv_num_heads, "v"));
  const bool fits = q.rank() == k.rank() && q.rank() == v.rank() && at.q.batch == at.k.batch &&
                    at.k.batch == at.v.batch && at.k.heads == at.v.heads &&
                    at.k.length == at.v.length && at.q.width == at.k.width && at.k.heads > 0 &&
                    at.q.heads % at.k.heads == 0;
  if (!fits) {
    return shape_mismatch("q is {}, k {} and v {}, which do not fit together", q.describe(),
                          k.describe(), v.describe());
  }
  at.y = q.rank() == 4 ? HeadLayout::planar(at.q.batch, at.q.heads, at.q.length, at.v.width)
                       : HeadLayout::packed(at.q.batch, at.q.heads, at.q.length, at.v.width);
  return at;
}

}  // namespace ferry
