// SPDX-License-Identifier: Apache-2.0
#include "ops/quantization/granularity.h"

#include <algorithm>

#include "base/status.h"

namespace ferry {

Status check_granularity(const Type& x, const Type& scale, int64_t axis, int64_t block_size) {
  if (block_size < 0) {
    return invalid_model("attribute 'block_size' is {}, wanted is at least 0", block_size);
  }
  if (!x.has_rank() || !scale.has_rank() || scale.rank() == 0) return {};
  const Shape &s = *scale.shape, &d = *x.shape;
  if (scale.rank() == 1 && s[0].is_constant(1)) return {};
  const auto misfit = [&] {
    return shape_mismatch("the scale is {} for x {} with axis {} and blocks of {}",
                          scale.to_string(), x.to_string(), axis, block_size);
  };
  if (block_size == 0) {
    if (scale.rank() != 1) return misfit();
    if (!s[0].is_constant()) return {};
    FERRY_ASSIGN_OR_RETURN(const int64_t a, InferContext::axis(axis, x.rank()));
    return Dim::known_different(s[0], d[size_t(a)]) ? misfit() : Status();
  }
  if (scale.rank() != x.rank()) return misfit();
  FERRY_ASSIGN_OR_RETURN(const int64_t a, InferContext::axis(axis, x.rank()));
  for (size_t i = 0; i < d.size(); ++i) {
    const Dim wanted = static_cast<int64_t>(i) == a ? ceil_div(d[i], Dim(block_size)) : d[i];
    if (Dim::known_different(s[i], wanted)) return misfit();
  }
  return {};
}

Result<Granularity> Granularity::make(const Tensor& x, const Tensor& scale, int64_t axis,
                                      int64_t block_size) {
  Granularity g;
  if (scale.count() == 1 && scale.rank() <= 1) {
    g.inner_ = x.count();
    return g;
  }
  FERRY_ASSIGN_OR_RETURN(const int64_t signed_axis, InferContext::axis(axis, x.rank()));
  const auto a = static_cast<size_t>(signed_axis);
  const int64_t outer = x.dims().count(0, a);
  g.length_ = x.dim(a);
  g.inner_ = x.dims().count(a + 1, x.rank());
  g.kind_ = block_size == 0 ? Kind::kAxis : Kind::kBlock;
  Dims wanted{g.length_};
  if (block_size != 0) {
    if (block_size < 0) return invalid_model("attribute 'block_size' is {}", block_size);
    g.block_ = block_size;
    g.blocks_ = g.length_ / block_size + (g.length_ % block_size != 0 ? 1 : 0);
    wanted = x.dims();
    wanted[a] = g.blocks_;
  }
  // The last axis: whole rows, or blocks of them; else what lies inside one position.
  g.runs_ = outer * (g.inner_ > 1 ? g.length_ : block_size == 0 ? 1 : g.blocks_);
  if (scale.dims() == wanted) return g;
  return shape_mismatch("the scale is {} for x {}, wanted is {}", scale.describe(), x.describe(),
                        wanted.to_string());
}

Granularity::Run Granularity::run(int64_t index) const {
  if (kind_ == Kind::kTensor) return {0, inner_, 0, 0};
  if (inner_ > 1) {
    const int64_t k = index % length_, begin = index * inner_;
    if (kind_ == Kind::kAxis) return {begin, inner_, k, 0};
    return {begin, inner_, (index / length_ * blocks_ + k / block_) * inner_, 1};
  }
  if (kind_ == Kind::kAxis) return {index * length_, length_, 0, 1};
  const int64_t k = index % blocks_ * block_;
  return {index / blocks_ * length_ + k, std::min(block_, length_ - k), index, 0};
}

}  // namespace ferry
