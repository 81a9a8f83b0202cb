// SPDX-License-Identifier: Apache-2.0
#include "ops/math/matmul_geometry.h"

#include "ops/arguments.h"
#include "ops/walk.h"

namespace ferry {

Result<std::optional<Shape>> matmul_shape(const Type& a, const Type& b) {
  if (!a.shape || !b.shape) return std::optional<Shape>();
  Shape x = *a.shape, y = *b.shape;
  if (a.rank() == 1) x.insert(x.begin(), Dim(1));
  if (b.rank() == 1) y.push_back(Dim(1));
  const Dim &k_a = x.back(), &k_b = y[y.size() - 2];
  if (Dim::known_different(k_a, k_b)) {
    return shape_mismatch("inner dimensions differ: {} of a {} against {} of b {}", k_a.to_string(),
                          to_string(*a.shape), k_b.to_string(), to_string(*b.shape));
  }
  const Dim m = x[x.size() - 2], n = y.back();
  x.resize(x.size() - 2);
  y.resize(y.size() - 2);
  FERRY_ASSIGN_OR_RETURN(Shape shape, broadcast_shapes(x, y));
  if (a.rank() > 1) shape.push_back(m);
  if (b.rank() > 1) shape.push_back(n);
  return std::optional<Shape>(std::move(shape));
}

Result<MatMulSizes> matmul_sizes(const Tensor& a, const Tensor& b) {
  if (a.rank() == 0 || b.rank() == 0) {
    return shape_mismatch("inputs are {} and {}, wanted is rank 1 or more", a.describe(),
                          b.describe());
  }
  Dims x = a.dims(), y = b.dims();
  if (a.rank() == 1) x = {1, x[0]};
  if (b.rank() == 1) y = {y[0], 1};
  MatMulSizes s;
  s.m = x[x.size() - 2];
  s.k = x.back();
  s.n = y.back();
  if (s.k != y[y.size() - 2]) {
    return shape_mismatch("inner dimensions differ: {} against {}", a.describe(), b.describe());
  }
  // The stacks of matrices, without the matrices.
  x.resize(x.size() - 2);
  y.resize(y.size() - 2);
  FERRY_ASSIGN_OR_RETURN(s.batch, broadcast_dims(x, y));
  s.a_strides = broadcast_strides(x, s.batch);
  s.b_strides = broadcast_strides(y, s.batch);
  s.out = s.batch;
  if (a.rank() > 1) s.out.push_back(s.m);
  if (b.rank() > 1) s.out.push_back(s.n);
  return s;
}

}  // namespace ferry
