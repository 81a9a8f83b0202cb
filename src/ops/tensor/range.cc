// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/range.h"

#include <cmath>

#include "base/int128.h"
#include "ops/arguments.h"
#include "ops/convert.h"
#include "ops/in_ranges.h"
#include "ops/known.h"
#include "ops/registry.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

constexpr TypeSet kAllowed =
    types::kFloating | TypeSet{DType::kInt16, DType::kInt32, DType::kInt64};

template <class T>
Result<int64_t> number_of_elements(T start, T limit, T delta) {
  if (delta == 0) return invalid_argument("delta is 0");
  if constexpr (std::is_integral_v<T>) {
    const auto span = static_cast<int128>(limit) - start, step = static_cast<int128>(delta);
    int128 n = span / step;
    if (n * step != span && (span < 0) == (step < 0)) ++n;
    if (n > INT64_MAX) return limit_exceeded("the range has over 2^63 elements");
    return n > 0 ? static_cast<int64_t>(n) : 0;
  } else {
    const double n = std::ceil((static_cast<double>(limit) - static_cast<double>(start)) /
                               static_cast<double>(delta));
    if (std::isnan(n)) return invalid_argument("start, limit or delta has no finite value");
    if (n >= 0x1p62) return limit_exceeded("the range has over 2^62 elements");
    return n > 0 ? static_cast<int64_t>(n) : 0;
  }
}

// From constants of any type, or symbolic integers with a constant delta.
std::optional<Dim> known_count(const InferContext& c, Status& status) {
  const Tensor *start = c.constant(0), *limit = c.constant(1), *delta = c.constant(2);
  const bool constant = start != nullptr && limit != nullptr && delta != nullptr &&
                        start->count() == 1 && limit->count() == 1 && delta->count() == 1;
  if (constant) {
    const Result<int64_t> count = range_count(*start, *limit, *delta);
    status = count.status();
    return count.ok() ? std::optional(Dim(*count)) : std::nullopt;
  }
  const auto a = c.known(0), b = c.known(1), step = c.known(2);
  if (!a || !b || !step || a->size() != 1 || b->size() != 1 || step->size() != 1) {
    return std::nullopt;
  }
  const Dim& by = (*step)[0];
  if (!by.is_constant() || by.is_constant(0) || by.is_constant(INT64_MIN)) return std::nullopt;
  const Dim n = by.constant() > 0 ? ceil_div((*b)[0] - (*a)[0], by)
                                  : ceil_div((*a)[0] - (*b)[0], Dim(0) - by);
  return Dim::known_at_least(n, 0) ? n : max(n, 0);
}

Status infer(const Range&, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type start, c.tensor(0, kAllowed));
  for (size_t i = 0; i < 3; ++i) {
    FERRY_RETURN_IF_ERROR(c.tensor(i, kAllowed).status());
    FERRY_RETURN_IF_ERROR(c.same_dtype(0, i));
    FERRY_RETURN_IF_ERROR(check_scalar(c, i));
  }
  Status status;
  const std::optional<Dim> count = known_count(c, status);
  FERRY_RETURN_IF_ERROR(status);
  c.set_tensor(0, start.dtype, Shape{count.value_or(c.fresh_dim(0, 0))});
  const auto first = c.known(0), step = c.known(2);
  if (count && first && step && count->is_constant() &&
      count->constant() <= static_cast<int64_t>(kMaxKnownInts)) {
    KnownInts values;
    for (int64_t i = 0; i < count->constant(); ++i)
      values.push_back((*first)[0] + (*step)[0] * Dim(i));
    set_known_if_fits(c, 0, start.dtype, std::move(values));
  }
  return {};
}

Status eval(const Range&, EvalContext& c) {
  const Tensor &start = c.input(0), &limit = c.input(1), &delta = c.input(2);
  for (size_t i = 0; i < 3; ++i) {
    if (c.input(i).count() != 1) {
      return invalid_argument("input {} is {}, wanted is one element", i, c.input(i).describe());
    }
  }
  FERRY_ASSIGN_OR_RETURN(const int64_t n, range_count(start, limit, delta));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, start.dtype(), Dims{n}));
  return visit_numeric(start.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    using C = compute_t<T>;
    const C a = C(*start.data<T>()), step = C(*delta.data<T>());
    return in_ranges(c, n, 1, [&](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; ++i) {
        if constexpr (std::is_integral_v<C>) {
          y.data<T>()[i] = static_cast<T>(wrap_add<int64_t>(a, wrap_mul<int64_t>(i, step)));
        } else {
          y.data<T>()[i] = T(a + static_cast<C>(i) * step);
        }
      }
    });
  });
}

}  // namespace

Result<int64_t> range_count(const Tensor& start, const Tensor& limit, const Tensor& delta) {
  int64_t count = 0;
  FERRY_RETURN_IF_ERROR(visit_numeric(start.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    using C = compute_t<T>;
    FERRY_ASSIGN_OR_RETURN(count, number_of_elements<C>(C(*start.data<T>()), C(*limit.data<T>()),
                                                        C(*delta.data<T>())));
    return {};
  }));
  return count;
}

void register_range(OpRegistry& r) {
  r.op<Range>("Range")
      .since(27)
      .inputs(3)
      .attr("stash_type", &Range::stash_type)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
