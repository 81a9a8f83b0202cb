// SPDX-License-Identifier: Apache-2.0
#include "ops/math/variadic.h"

#include <algorithm>
#include <cmath>

#include "ops/arguments.h"
#include "ops/known.h"
#include "ops/poll_every.h"
#include "ops/registry.h"
#include "ops/walk.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

using K = VariadicKind;

bool selects(K kind) { return kind == K::kMax || kind == K::kMin; }

Status infer(const Variadic& op, InferContext& c) {
  const TypeSet allowed = selects(op.kind) ? types::kNumeric : types::kFloating;
  FERRY_ASSIGN_OR_RETURN(const Type first, c.tensor(0, allowed));
  std::optional<Shape> shape = first.shape;
  for (size_t i = 1; i < c.num_inputs(); ++i) {
    FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(i, allowed));
    FERRY_RETURN_IF_ERROR(c.same_dtype(0, i));
    if (!shape || !x.shape) {
      shape.reset();
      continue;
    }
    FERRY_ASSIGN_OR_RETURN(shape, broadcast_shapes(*shape, *x.shape));
  }
  propagate_known(c, first.dtype, shape, [&](std::span<const Dim> d) -> std::optional<Dim> {
    Dim r = d[0];
    for (const Dim& v : d.subspan(1)) r = op.kind == K::kMax ? max(r, v) : min(r, v);
    return r;
  });
  c.set_tensor(0, first.dtype, std::move(shape));
  return {};
}

template <class C>
C combine(K kind, C a, C b) {
  if constexpr (std::is_floating_point_v<C>) {
    if (!selects(kind)) return a + b;
    if (std::isnan(a)) return a;
    if (std::isnan(b)) return b;
  }
  return kind == K::kMax ? std::max(a, b) : std::min(a, b);
}

template <class T>
Status run(const Variadic& op, EvalContext& c, Tensor& y) {
  using C = compute_t<T>;
  const size_t count = c.num_inputs();
  T* out = y.data<T>();
  // A row of results in the compute type, so that 16-bit sums round once.
  constexpr int64_t kChunk = 256;
  C sums[kChunk];
  std::vector<Tensor> full;
  for (size_t i = 0; i < count; ++i) {
    const Tensor& x = c.input(i);
    if (x.dims() == y.dims()) {
      full.push_back(x);
      continue;
    }
    FERRY_ASSIGN_OR_RETURN(Tensor t, Tensor::allocate(x.dtype(), y.dims(), c.budget()));
    FERRY_RETURN_IF_ERROR(
        copy_strided(c, x.data<T>(), broadcast_strides(x.dims(), y.dims()), t.data<T>(), y.dims()));
    full.push_back(std::move(t));
  }
  PollEvery polls(c);
  for (int64_t begin = 0; begin < y.count(); begin += kChunk) {
    FERRY_RETURN_IF_ERROR(polls.spend(static_cast<int64_t>(count) * kChunk));
    const int64_t n = std::min(kChunk, y.count() - begin);
    for (int64_t i = 0; i < n; ++i) sums[i] = C(full[0].data<T>()[begin + i]);
    for (size_t k = 1; k < count; ++k) {
      const T* x = full[k].data<T>() + begin;
      for (int64_t i = 0; i < n; ++i) sums[i] = combine(op.kind, sums[i], C(x[i]));
    }
    for (int64_t i = 0; i < n; ++i) {
      out[begin + i] =
          T(op.kind == K::kMean ? static_cast<C>(sums[i] / static_cast<C>(count)) : sums[i]);
    }
  }
  return {};
}

Status eval(const Variadic& op, EvalContext& c) {
  Dims dims = c.input(0).dims();
  for (size_t i = 1; i < c.num_inputs(); ++i) {
    FERRY_ASSIGN_OR_RETURN(dims, broadcast_dims(dims, c.input(i).dims()));
  }
  const DType dtype = c.input(0).dtype();
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, dtype, dims));
  return visit_numeric(dtype, [&]<class T>(TypeTag<T>) { return run<T>(op, c, y); });
}

}  // namespace

void register_variadic(OpRegistry& r) {
  const auto add = [&](const char* name, K kind) {
    r.op<Variadic>(name, Variadic{kind})
        .since(13)
        .inputs(1, Arity::kAny)
        .infer(infer)
        .reference(eval);
  };
  add("Max", K::kMax);
  add("Min", K::kMin);
  add("Sum", K::kSum);
  add("Mean", K::kMean);
}

}  // namespace ferry
