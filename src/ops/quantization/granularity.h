// SPDX-License-Identifier: Apache-2.0
// Which scale and zero point belong to which element: one for the whole tensor, one per position of
// an axis, or one per block along an axis.
#pragma once

#include "ir/infer.h"

namespace ferry {

// Errors: kInvalidModel, kShapeMismatch when a scale of this type cannot belong to x.
Status check_granularity(const Type& x, const Type& scale, int64_t axis, int64_t block_size);

// x seen as [outer, length, inner] around the axis.
class Granularity {
 public:
  static Result<Granularity> make(const Tensor& x, const Tensor& scale, int64_t axis,
                                  int64_t block_size);

  int64_t outer() const { return outer_; }
  int64_t length() const { return length_; }
  int64_t inner() const { return inner_; }
  // The element of scale and zero point for (o, k, i).
  int64_t operator()(int64_t o, int64_t k, int64_t i) const {
    switch (kind_) {
      case Kind::kTensor:
        return 0;
      case Kind::kAxis:
        return k;
      case Kind::kBlock:
        return (o * blocks_ + k / block_) * inner_ + i;
    }
    return 0;
  }

 private:
  enum class Kind : uint8_t { kTensor, kAxis, kBlock };
  Kind kind_ = Kind::kTensor;
  int64_t outer_ = 1, length_ = 1, inner_ = 1, block_ = 1, blocks_ = 1;
};

}  // namespace ferry
