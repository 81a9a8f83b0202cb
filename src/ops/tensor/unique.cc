// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/unique.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <functional>
#include <numeric>

#include "ops/arguments.h"
#include "ops/in_pieces.h"
#include "ops/in_ranges.h"
#include "ops/polled_sort.h"
#include "ops/registry.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

constexpr TypeSet kAllowed = types::kNumeric | types::kBool | types::kComplex | types::kString;

Status infer(const Unique& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, kAllowed));
  std::optional<Shape> shape = c.fresh_shape(0, 1);
  Dim count = c.fresh_dim(0, 0), all = Dim::invalid();
  if (op.axis) {
    shape = x.shape;
    if (shape) {
      FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(*op.axis, x.rank()));
      all = (*shape)[axis];
      count = (*shape)[axis] = c.fresh_dim(0, axis);
    } else {
      count = Dim::invalid();
    }
  } else if (x.shape) {
    all = 1;
    for (const Dim& d : *x.shape) all = all * d;
  }
  c.set_tensor(0, x.dtype, std::move(shape));
  c.set_tensor(1, DType::kInt64, Shape{count});
  c.set_tensor(2, DType::kInt64, Shape{all});
  c.set_tensor(3, DType::kInt64, Shape{count});
  return {};
}

// -1, 0, 1; a total order with NaN last.
template <class T>
int compare(const T& a, const T& b) {
  if constexpr (is_floating_v<T>) {
    const auto u = static_cast<compute_t<T>>(a), v = static_cast<compute_t<T>>(b);
    if (std::isnan(u) || std::isnan(v)) return int{std::isnan(u)} - int{std::isnan(v)};
    return int{u > v} - int{u < v};
  } else {
    return int{b < a} - int{a < b};
  }
}
template <class T>
int compare(const std::complex<T>& a, const std::complex<T>& b) {
  const int real = compare(a.real(), b.real());
  return real != 0 ? real : compare(a.imag(), b.imag());
}

// Slices of x along an axis; an element's axis has outer = inner = 1.
struct Slices {
  int64_t outer, n, inner;
};

// -1, 0, 1 for two of n slices.
using Compare = std::function<int(int64_t, int64_t)>;

template <class T>
Compare comparing(const Tensor& x, const Slices& s) {
  return [data = x.data<T>(), s](int64_t i, int64_t j) {
    for (int64_t o = 0; o < s.outer; ++o) {
      for (int64_t k = 0; k < s.inner; ++k) {
        const int64_t base = o * s.n * s.inner + k;
        const int order = compare(data[base + i * s.inner], data[base + j * s.inner]);
        if (order != 0) return order;
      }
    }
    return 0;
  };
}

Result<Compare> compare_of(const Tensor& x, const Slices& s) {
  switch (x.dtype()) {
    case DType::kBool:
      return comparing<bool>(x, s);
    case DType::kString:
      return comparing<std::string>(x, s);
    case DType::kComplex64:
      return comparing<std::complex<float>>(x, s);
    case DType::kComplex128:
      return comparing<std::complex<double>>(x, s);
    default:
      break;
  }
  Compare found;
  FERRY_RETURN_IF_ERROR(visit_numeric(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    found = comparing<T>(x, s);
    return {};
  }));
  return found;
}

struct Groups {
  std::vector<int64_t> first, inverse, counts;
};

Result<Groups> group(EvalContext& c, const Compare& compare_slices, int64_t slices, bool sorted) {
  const auto n = static_cast<size_t>(slices);
  FERRY_ASSIGN_OR_RETURN(auto order, WorkingArray<int64_t>::make(c, slices));
  FERRY_RETURN_IF_ERROR(in_ranges(c, slices, 1, [&](int64_t from, int64_t to) {
    std::iota(order.begin() + from, order.begin() + to, from);
  }));
  FERRY_RETURN_IF_ERROR(polled_stable_sort(
      c, std::span(order), 16, [&](int64_t i, int64_t j) { return compare_slices(i, j) < 0; }));
  PollEvery polls(c);
  Groups g;
  FERRY_RETURN_IF_ERROR(resize_in_ranges(c, g.inverse, slices));
  for (size_t k = 0; k < n; ++k) {
    FERRY_RETURN_IF_ERROR(polls.spend(16));
    if (k == 0 || compare_slices(order[k - 1], order[k]) != 0) {
      g.first.push_back(order[k]);
      g.counts.push_back(0);
    }
    g.inverse[static_cast<size_t>(order[k])] = static_cast<int64_t>(g.first.size()) - 1;
    ++g.counts.back();
  }
  if (sorted) return g;
  const auto groups = static_cast<int64_t>(g.first.size());
  FERRY_ASSIGN_OR_RETURN(auto by_first, WorkingArray<size_t>::make(c, groups));
  FERRY_RETURN_IF_ERROR(in_ranges(c, groups, 1, [&](int64_t from, int64_t to) {
    std::iota(by_first.begin() + from, by_first.begin() + to, static_cast<size_t>(from));
  }));
  FERRY_RETURN_IF_ERROR(polled_stable_sort(
      c, std::span(by_first), 4, [&](size_t a, size_t b) { return g.first[a] < g.first[b]; }));
  Groups out;
  FERRY_ASSIGN_OR_RETURN(auto place, WorkingArray<int64_t>::make(c, groups));
  for (size_t k = 0; k < by_first.size(); ++k) {
    FERRY_RETURN_IF_ERROR(polls.spend(16));
    place[by_first[k]] = static_cast<int64_t>(k);
    out.first.push_back(g.first[by_first[k]]);
    out.counts.push_back(g.counts[by_first[k]]);
  }
  FERRY_RETURN_IF_ERROR(in_ranges(c, slices, 4, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i) {
      auto& inverse = g.inverse[static_cast<size_t>(i)];
      inverse = place[static_cast<size_t>(inverse)];
    }
  }));
  out.inverse = std::move(g.inverse);
  return out;
}

Status write_indices(EvalContext& c, size_t i, const std::vector<int64_t>& values) {
  if (!c.has_output(i)) return {};
  FERRY_ASSIGN_OR_RETURN(Tensor t,
                         c.output(i, DType::kInt64, Dims{static_cast<int64_t>(values.size())}));
  return in_ranges(c, t.count(), 1, [&](int64_t from, int64_t to) {
    std::copy(values.begin() + from, values.begin() + to, t.data<int64_t>() + from);
  });
}

// Slices `places` of x, one after another.
template <class T>
Status copy_slices(EvalContext& c, const Tensor& x, const Slices& s,
                   const std::vector<int64_t>& places, Tensor& y) {
  T* to = y.data<T>();
  PollEvery polls(c);
  for (int64_t o = 0; o < s.outer; ++o) {
    for (int64_t i : places) {
      FERRY_RETURN_IF_ERROR(
          copy_in_pieces(polls, x.data<T>() + (o * s.n + i) * s.inner, s.inner, to));
      to += s.inner;
    }
  }
  return {};
}

// Slices without elements are all alike, however many there are.
Status write_empty(EvalContext& c, const Tensor& x, size_t axis) {
  const int64_t n = x.dim(axis), unique = n > 0 ? 1 : 0;
  Dims dims = x.dims();
  dims[axis] = unique;
  FERRY_RETURN_IF_ERROR(c.output(0, x.dtype(), dims).status());
  const auto fill = [&](size_t i, int64_t count, int64_t value) -> Status {
    if (!c.has_output(i)) return {};
    FERRY_ASSIGN_OR_RETURN(Tensor t, c.output(i, DType::kInt64, Dims{count}));
    return in_ranges(c, count, 1, [&](int64_t from, int64_t to) {
      std::fill(t.data<int64_t>() + from, t.data<int64_t>() + to, value);
    });
  };
  FERRY_RETURN_IF_ERROR(fill(1, unique, 0));
  FERRY_RETURN_IF_ERROR(fill(2, n, 0));
  return fill(3, unique, n);
}

Status eval(const Unique& op, EvalContext& c) {
  Tensor x = c.input(0);
  if (!op.axis) x = x.reshaped({x.count()});
  FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op.axis.value_or(0), x.rank()));
  if (x.count() == 0) return write_empty(c, x, axis);
  const Slices s{x.dims().count(0, axis), x.dim(axis), x.dims().count(axis + 1, x.rank())};
  FERRY_ASSIGN_OR_RETURN(const Compare compare, compare_of(x, s));
  FERRY_ASSIGN_OR_RETURN(const Groups g, group(c, compare, s.n, op.sorted));
  Dims dims = x.dims();
  dims[axis] = static_cast<int64_t>(g.first.size());
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), dims));
  FERRY_RETURN_IF_ERROR(visit_storage(
      x.dtype(), [&]<class T>(TypeTag<T>) { return copy_slices<T>(c, x, s, g.first, y); }));
  FERRY_RETURN_IF_ERROR(write_indices(c, 1, g.first));
  FERRY_RETURN_IF_ERROR(write_indices(c, 2, g.inverse));
  return write_indices(c, 3, g.counts);
}

}  // namespace

void register_unique(OpRegistry& r) {
  r.op<Unique>("Unique")
      .since(28)
      .outputs(1, 4)
      .attr("axis", &Unique::axis)
      .attr("sorted", &Unique::sorted)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
