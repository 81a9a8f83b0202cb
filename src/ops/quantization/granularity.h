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

  // Elements begin + i of x for i in [0, n), to which element scale + i * step of scale and zero
  // point belongs; step is 0 or 1.
  struct Run {
    int64_t begin, n, scale, step;
  };
  // x is the runs [0, runs()), one after the other.
  int64_t runs() const { return runs_; }
  Run run(int64_t index) const;

 private:
  enum class Kind : uint8_t { kTensor, kAxis, kBlock };
  Kind kind_ = Kind::kTensor;
  int64_t length_ = 1, inner_ = 1, block_ = 1, blocks_ = 1, runs_ = 1;
};

}  // namespace ferry
