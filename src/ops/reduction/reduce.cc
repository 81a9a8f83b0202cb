// SPDX-License-Identifier: Apache-2.0
#include "ops/reduction/reduce.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/arguments.h"
#include "ops/convert.h"
#include "ops/known.h"
#include "ops/registry.h"
#include "ops/walk.h"
#include "ops/wide.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

using K = ReduceKind;

constexpr TypeSet kWide =
    types::kFloating | TypeSet{DType::kInt32, DType::kInt64, DType::kUInt32, DType::kUInt64};

TypeSet allowed_types(K kind) {
  if (kind == K::kMax || kind == K::kMin) {
    return kWide | TypeSet{DType::kInt8, DType::kUInt8, DType::kBool};
  }
  return kind == K::kLogSum || kind == K::kLogSumExp ? types::kFloating : kWide;
}

}  // namespace

Result<AxisFlags> reduced_axes(const Reduce& op, std::span<const int64_t> axes, size_t rank) {
  AxisFlags reduced(rank, axes.empty() && !op.noop_with_empty_axes ? 1 : 0);
  FERRY_ASSIGN_OR_RETURN(const Axes at, normalize_axes(axes, rank));
  for (size_t a : at) reduced[a] = 1;
  return reduced;
}

namespace {

// Known contents of a vector, or of a scalar.
void set_known_result(const Reduce& op, InferContext& c, const Type& x, bool reduces) {
  const auto values = c.known(0);
  if (!values || values->empty() || x.rank() > 1) return;
  if (!reduces) {
    const bool same = op.kind == K::kSum || op.kind == K::kProd || op.kind == K::kMax ||
                      op.kind == K::kMin || op.kind == K::kMean;
    if (same) c.set_known(0, *values);
    return;
  }
  Dim r = (*values)[0];
  for (size_t i = 1; i < values->size(); ++i) {
    const Dim& v = (*values)[i];
    switch (op.kind) {
      case K::kSum:
        r = r + v;
        break;
      case K::kProd:
        r = r * v;
        break;
      case K::kMax:
        r = max(r, v);
        break;
      case K::kMin:
        r = min(r, v);
        break;
      default:
        return;
    }
  }
  if (op.kind == K::kSum || op.kind == K::kProd || op.kind == K::kMax || op.kind == K::kMin) {
    set_known_if_fits(c, 0, x.dtype, {r});
  }
}

Status infer(const Reduce& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, allowed_types(op.kind)));
  std::optional<std::vector<int64_t>> axes = std::vector<int64_t>();
  if (c.has_input(1)) {
    FERRY_RETURN_IF_ERROR(c.tensor(1, {DType::kInt64}, 0, 1).status());
    axes = c.constant_ints(1);
  }
  std::optional<Shape> shape;
  if (x.shape && axes) {
    FERRY_ASSIGN_OR_RETURN(const AxisFlags reduced, reduced_axes(op, *axes, x.rank()));
    shape.emplace();
    bool any = false;
    for (size_t a = 0; a < x.rank(); ++a) {
      any = any || reduced[a];
      if (!reduced[a])
        shape->push_back((*x.shape)[a]);
      else if (op.keepdims)
        shape->push_back(1);
    }
    set_known_result(op, c, x, any);
  } else if (x.shape && op.keepdims) {
    shape = c.fresh_shape(0, x.rank());
  } else if (x.shape && c.type(1).has_rank() && c.type(1).rank() == 1 &&
             (*c.type(1).shape)[0].is_constant()) {
    // Which axes go is not known, but how many; none means all of them, or none.
    const auto count = static_cast<size_t>((*c.type(1).shape)[0].constant());
    const size_t gone = count > 0 || op.noop_with_empty_axes ? count : x.rank();
    if (gone > x.rank()) {
      return invalid_model("{} axes of {} are reduced", gone, x.to_string());
    }
    shape = c.fresh_shape(0, x.rank() - gone);
  }
  c.set_tensor(0, x.dtype, std::move(shape));
  return {};
}

// One group of elements: f(element) for each in order.
template <class T>
struct Group {
  const T* x;
  Dims dims, strides;  // of the reduced axes
  template <class F>
  void each(EvalContext& c, F f) const {
    (void)for_each_row<1>(c, dims, {strides}, [&](int64_t n, const auto& at, const auto& step) {
      const T* row = x + at[0];
      for (int64_t i = 0; i < n; ++i) f(row[i * step[0]]);
    });
  }
};

template <class T>
T extreme(EvalContext& c, const Group<T>& g, bool want_max) {
  if constexpr (std::is_same_v<T, bool>) {
    bool r = !want_max;
    g.each(c, [&](bool v) { r = want_max ? r || v : r && v; });
    return r;
  } else if constexpr (std::is_integral_v<T>) {
    T r = want_max ? std::numeric_limits<T>::min() : std::numeric_limits<T>::max();
    g.each(c, [&](T v) { r = want_max ? std::max(r, v) : std::min(r, v); });
    return r;
  } else {
    using C = compute_t<T>;
    C r = want_max ? -std::numeric_limits<C>::infinity() : std::numeric_limits<C>::infinity();
    g.each(c, [&](T e) {
      const C v = C(e);
      if (std::isnan(v) || (want_max ? v > r : v < r)) r = std::isnan(r) ? r : v;
    });
    return T(r);
  }
}

template <class T>
wide_t<T> log_sum_exp(EvalContext& c, const Group<T>& g) {
  using W = wide_t<T>;
  const auto top = static_cast<W>(static_cast<compute_t<T>>(extreme(c, g, true)));
  // All -inf, or an inf or NaN: the extreme is the answer.
  if (!std::isfinite(top)) return top;
  W sum = 0;
  g.each(c, [&](T e) { sum += std::exp(static_cast<W>(static_cast<compute_t<T>>(e)) - top); });
  return std::log(sum) + top;
}

template <class T>
T reduce_float(K kind, EvalContext& c, const Group<T>& g, int64_t count) {
  if (kind == K::kMax || kind == K::kMin) return extreme(c, g, kind == K::kMax);
  using W = wide_t<T>;
  W r = kind == K::kProd ? 1 : 0;
  if (kind == K::kLogSumExp) {
    r = log_sum_exp(c, g);
  } else {
    g.each(c, [&](T e) {
      const auto v = static_cast<W>(static_cast<compute_t<T>>(e));
      switch (kind) {
        case K::kProd:
          r = static_cast<double>(r * v);  // beyond its range at the same place
          break;
        case K::kL1:
          r += std::fabs(v);
          break;
        case K::kL2:
        case K::kSumSquare:
          r += v * v;
          break;
        default:
          r += v;
      }
    });
  }
  if (kind == K::kMean) r /= static_cast<W>(count);
  if (kind == K::kL2) r = std::sqrt(r);
  if (kind == K::kLogSum) r = std::log(r);
  return static_cast<T>(static_cast<compute_t<T>>(r));
}

template <class T>
Result<T> reduce_int(K kind, EvalContext& c, const Group<T>& g, int64_t count) {
  if (kind == K::kMax || kind == K::kMin) return extreme(c, g, kind == K::kMax);
  if (kind == K::kMean) {
    if (count == 0) return invalid_argument("the mean of no integers");
    double sum = 0;
    g.each(c, [&](T v) { sum += static_cast<double>(v); });
    return clamp_to_int<T>(sum / static_cast<double>(count));
  }
  T r = kind == K::kProd ? T(1) : T(0);
  double squares = 0;
  g.each(c, [&](T v) {
    switch (kind) {
      case K::kProd:
        r = wrap_mul(r, v);
        break;
      case K::kL1:
        r = wrap_add(r, v < 0 ? wrap_sub(T(0), v) : v);
        break;
      case K::kL2:
        squares += static_cast<double>(v) * static_cast<double>(v);
        break;
      case K::kSumSquare:
        r = wrap_add(r, wrap_mul(v, v));
        break;
      default:
        r = wrap_add(r, v);
    }
  });
  return kind == K::kL2 ? clamp_to_int<T>(std::sqrt(squares)) : r;
}

template <class T>
Status run(const Reduce& op, EvalContext& c, const Tensor& x, const AxisFlags& reduced, Tensor& y) {
  const Dims dense = dense_strides(x.dims());
  Dims kept, kept_strides, inner, inner_strides;
  for (size_t a = 0; a < x.rank(); ++a) {
    (reduced[a] ? inner : kept).push_back(x.dim(a));
    (reduced[a] ? inner_strides : kept_strides).push_back(dense[a]);
  }
  T* to = y.data<T>();
  const int64_t count = inner.count();
  // An empty x may have no address to count from.
  if (count == 0) kept_strides = Dims::filled(kept.size(), 0);
  return for_each_row<1>(
      c, kept, {kept_strides}, [&](int64_t n, const auto& at, const auto& step) -> Status {
        for (int64_t i = 0; i < n; ++i, ++to) {
          const Group<T> group{x.data<T>() + at[0] + i * step[0], inner, inner_strides};
          if constexpr (std::is_same_v<T, bool>) {
            *to = extreme(c, group, op.kind == K::kMax);
          } else if constexpr (is_floating_v<T>) {
            *to = reduce_float(op.kind, c, group, count);
          } else {
            FERRY_ASSIGN_OR_RETURN(*to, reduce_int(op.kind, c, group, count));
          }
        }
        return {};
      });
}

Status eval(const Reduce& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  Ints axes;
  if (c.has_input(1)) {
    FERRY_ASSIGN_OR_RETURN(axes, read_ints(c.input(1), "axes"));
  }
  FERRY_ASSIGN_OR_RETURN(const AxisFlags reduced, reduced_axes(op, axes, x.rank()));
  Dims dims;
  for (size_t a = 0; a < x.rank(); ++a) {
    if (!reduced[a])
      dims.push_back(x.dim(a));
    else if (op.keepdims)
      dims.push_back(1);
  }
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), dims));
  if (x.dtype() == DType::kBool) return run<bool>(op, c, x, reduced, y);
  return visit_numeric(x.dtype(),
                       [&]<class T>(TypeTag<T>) { return run<T>(op, c, x, reduced, y); });
}

}  // namespace

void register_reduce(OpRegistry& r) {
  const auto add = [&](const char* name, K kind, int since) {
    Reduce defaults;
    defaults.kind = kind;
    r.op<Reduce>(name, defaults)
        .since(since)
        .inputs(1, 2)
        .attr("keepdims", &Reduce::keepdims)
        .attr("noop_with_empty_axes", &Reduce::noop_with_empty_axes)
        .infer(infer)
        .reference(eval);
  };
  add("ReduceSum", K::kSum, 13);
  add("ReduceMean", K::kMean, 18);
  add("ReduceMax", K::kMax, 20);
  add("ReduceMin", K::kMin, 20);
  add("ReduceProd", K::kProd, 18);
  add("ReduceL1", K::kL1, 18);
  add("ReduceL2", K::kL2, 18);
  add("ReduceLogSum", K::kLogSum, 28);
  add("ReduceLogSumExp", K::kLogSumExp, 28);
  add("ReduceSumSquare", K::kSumSquare, 18);
}

}  // namespace ferry
