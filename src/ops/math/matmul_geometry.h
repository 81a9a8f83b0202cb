// SPDX-License-Identifier: Apache-2.0
// Shapes of matrix products as numpy.matmul has them, shared by MatMul and its integer relatives.
#pragma once

#include "ir/infer.h"

namespace ferry {

// Shape of the product; nullopt when a rank is not known. Requires ranks of at least 1.
// Errors: kShapeMismatch.
Result<std::optional<Shape>> matmul_shape(const Type& a, const Type& b);

// The same for concrete operands: a stack of [m, k] by [k, n] matrices. Strides of a and b count
// matrices, one per axis of `batch`.
struct MatMulSizes {
  int64_t m = 0, k = 0, n = 0;
  Dims batch, out;
  Dims a_strides, b_strides;
};
Result<MatMulSizes> matmul_sizes(const Tensor& a, const Tensor& b);

}  // namespace ferry
