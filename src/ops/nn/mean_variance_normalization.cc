// SPDX-License-Identifier: Apache-2.0
#include "ops/nn/mean_variance_normalization.h"

#include <cmath>

#include "ops/nn/window.h"
#include "ops/poll_every.h"
#include "ops/working_array.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

using Mvn = MeanVarianceNormalization;

Result<std::vector<bool>> reduced_axes(const Mvn& op, size_t rank) {
  std::vector<bool> reduced(rank, false);
  for (int64_t a : op.axes) {
    FERRY_ASSIGN_OR_RETURN(const int64_t axis, InferContext::axis(a, rank));
    reduced[static_cast<size_t>(axis)] = true;
  }
  return reduced;
}

Status infer(const Mvn& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(Type x, c.tensor(0, types::kFloating));
  if (x.has_rank()) FERRY_RETURN_IF_ERROR(reduced_axes(op, x.rank()).status());
  c.set_type(0, std::move(x));
  return {};
}

Status eval(const Mvn& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(const std::vector<bool> reduced, reduced_axes(op, x.rank()));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
  if (x.count() == 0) return {};
  // Strides of the statistics: 0 along reduced axes.
  Dims strides = x.dims();
  int64_t kept = 1;
  for (size_t a = x.rank(); a-- > 0;) {
    strides[a] = reduced[a] ? 0 : kept;
    if (!reduced[a]) kept *= x.dim(a);
  }
  const double count = double(x.count()) / double(kept);
  FERRY_ASSIGN_OR_RETURN(auto mean, WorkingArray<double>::filled(c, kept, 0));
  FERRY_ASSIGN_OR_RETURN(auto var, WorkingArray<double>::filled(c, kept, 0));
  return visit_floating(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    using C = compute_t<T>;
    const T* from = x.data<T>();
    T* to = y.data<T>();
    const auto each = [&](auto&& f) -> Status {
      Dims at = Dims::filled(x.rank(), 0);
      PollEvery polls(c);
      for (int64_t i = 0; i < x.count(); ++i, next_position(at, x.dims())) {
        FERRY_RETURN_IF_ERROR(polls.spend(16));
        int64_t k = 0;
        for (size_t a = 0; a < x.rank(); ++a) k += at[a] * strides[a];
        f(i, static_cast<size_t>(k), double(C(from[i])));
      }
      return {};
    };
    FERRY_RETURN_IF_ERROR(each([&](int64_t, size_t k, double v) { mean[k] += v; }));
    FERRY_RETURN_IF_ERROR(in_ranges(c, kept, 8, [&](int64_t first, int64_t last) {
      for (int64_t k = first; k < last; ++k) mean[static_cast<size_t>(k)] /= count;
    }));
    FERRY_RETURN_IF_ERROR(
        each([&](int64_t, size_t k, double v) { var[k] += (v - mean[k]) * (v - mean[k]); }));
    return each([&](int64_t i, size_t k, double v) {
      to[i] = T(static_cast<C>((v - mean[k]) / (std::sqrt(var[k] / count) + 1e-9)));
    });
  });
}

}  // namespace

void register_mean_variance_normalization(OpRegistry& r) {
  r.op<Mvn>("MeanVarianceNormalization")
      .since(13)
      .attr("axes", &Mvn::axes)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
