// SPDX-License-Identifier: Apache-2.0
#include "ops/math/det.h"

#include <cmath>

#include "ops/in_pieces.h"
#include "ops/registry.h"
#include "ops/working_array.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

Status infer(const Det&, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(Type x, c.tensor(0, types::kFloating, 2));
  if (x.shape) {
    const Dim &n = (*x.shape)[x.rank() - 2], &m = x.shape->back();
    if (Dim::known_different(n, m)) {
      return shape_mismatch("x {} has no square matrices", to_string(*x.shape));
    }
    x.shape->resize(x.rank() - 2);
  }
  c.set_type(0, std::move(x));
  return {};
}

// Gaussian elimination with partial pivoting; `a` is overwritten.
Result<double> determinant(PollEvery& polls, double* a, size_t n) {
  double det = 1;
  for (size_t k = 0; k < n; ++k) {
    size_t pivot = k;
    for (size_t i = k + 1; i < n; ++i) {
      if (std::fabs(a[i * n + k]) > std::fabs(a[pivot * n + k])) pivot = i;
    }
    if (a[pivot * n + k] == 0) return 0.0;
    if (pivot != k) {
      for (size_t j = 0; j < n; ++j) std::swap(a[k * n + j], a[pivot * n + j]);
      det = -det;
    }
    det *= a[k * n + k];
    for (size_t i = k + 1; i < n; ++i) {
      FERRY_RETURN_IF_ERROR(polls.spend(static_cast<int64_t>(n - k)));
      const double factor = a[i * n + k] / a[k * n + k];
      for (size_t j = k; j < n; ++j) a[i * n + j] -= factor * a[k * n + j];
    }
  }
  return det;
}

Status eval(const Det&, EvalContext& c) {
  const Tensor& x = c.input(0);
  if (x.rank() < 2 || x.dim(x.rank() - 2) != x.dims().back()) {
    return shape_mismatch("x {} has no square matrices", x.describe());
  }
  const int64_t n = x.dims().back();
  FERRY_ASSIGN_OR_RETURN(Tensor y,
                         c.output(0, x.dtype(), Dims(std::span(x.dims().begin(), x.rank() - 2))));
  return visit_floating(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    FERRY_ASSIGN_OR_RETURN(auto a, WorkingArray<double>::make(c, y.count() > 0 ? n * n : 0));
    PollEvery polls(c);
    for (int64_t i = 0; i < y.count(); ++i) {
      const T* from = x.data<T>() + i * n * n;
      FERRY_RETURN_IF_ERROR(in_pieces(polls, n * n, 2, [&](int64_t begin, int64_t end) {
        for (int64_t k = begin; k < end; ++k)
          a[size_t(k)] = static_cast<double>(static_cast<compute_t<T>>(from[k]));
      }));
      FERRY_ASSIGN_OR_RETURN(const double det,
                             determinant(polls, a.data(), static_cast<size_t>(n)));
      y.data<T>()[i] = T(static_cast<compute_t<T>>(det));
    }
    return {};
  });
}

}  // namespace

void register_det(OpRegistry& r) { r.op<Det>("Det").since(22).infer(infer).reference(eval); }

}  // namespace ferry
