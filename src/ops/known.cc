// SPDX-License-Identifier: Apache-2.0
#include "ops/known.h"

#include <limits>

#include "ops/walk.h"
#include "tensor/size.h"

namespace ferry {
namespace {

bool fits(const Dim& d, DType dtype) {
  if (!d.is_constant()) return dtype == DType::kInt32 || dtype == DType::kInt64;
  const int64_t v = d.constant();
  const auto in = [v]<class T>(T) {
    if constexpr (std::is_same_v<T, uint64_t>)
      return v >= 0;
    else
      return v >= std::numeric_limits<T>::min() && v <= std::numeric_limits<T>::max();
  };
  switch (dtype) {
    case DType::kInt64:
      return true;
    case DType::kInt32:
      return in(int32_t{});
    case DType::kInt16:
      return in(int16_t{});
    case DType::kInt8:
      return in(int8_t{});
    case DType::kUInt64:
      return in(uint64_t{});
    case DType::kUInt32:
      return in(uint32_t{});
    case DType::kUInt16:
      return in(uint16_t{});
    case DType::kUInt8:
      return in(uint8_t{});
    case DType::kBool:
      return v == 0 || v == 1;
    default:
      return false;
  }
}

}  // namespace

void set_known_if_fits(InferContext& c, size_t i, DType dtype, KnownInts values) {
  for (const Dim& d : values) {
    if (!d.is_invalid() && !fits(d, dtype)) return;
  }
  c.set_known(i, std::move(values));
}

std::optional<KnownInts> known_expanded(const InferContext& c, size_t i, const Dims& to) {
  const Type& t = c.type(i);
  if (!t.has_rank()) return std::nullopt;
  const std::optional<Dims> from = constant_dims(*t.shape);
  if (!from) return std::nullopt;
  std::optional<KnownInts> known = c.known(i);
  if (!known || *from == to) return known;
  const Result<int64_t> count = checked_count(to);
  if (!count.ok() || *count > static_cast<int64_t>(kMaxKnownInts) || from->size() > to.size()) {
    return std::nullopt;
  }
  const Dims strides = broadcast_strides(*from, to), dense = dense_strides(to);
  KnownInts out;
  for (int64_t n = 0; n < *count; ++n) {
    int64_t at = 0;
    for (size_t a = 0; a < to.size(); ++a) at += n / dense[a] % to[a] * strides[a];
    if (at >= static_cast<int64_t>(known->size())) return std::nullopt;
    out.push_back((*known)[static_cast<size_t>(at)]);
  }
  return out;
}

void propagate_known(InferContext& c, DType dtype, const std::optional<Shape>& shape,
                     const std::function<std::optional<Dim>(std::span<const Dim>)>& f) {
  if (!shape) return;
  const std::optional<Dims> dims = constant_dims(*shape);
  if (!dims) return;
  std::vector<KnownInts> inputs;
  for (size_t i = 0; i < c.num_inputs(); ++i) {
    std::optional<KnownInts> known = known_expanded(c, i, *dims);
    if (!known) return;
    inputs.push_back(*std::move(known));
  }
  KnownInts out;
  std::vector<Dim> args(inputs.size());
  for (size_t n = 0; n < (inputs.empty() ? 0 : inputs[0].size()); ++n) {
    for (size_t i = 0; i < inputs.size(); ++i) args[i] = inputs[i][n];
    std::optional<Dim> d = f(args);
    if (!d) return;
    out.push_back(*std::move(d));
  }
  set_known_if_fits(c, 0, dtype, std::move(out));
}

std::optional<Dim> truncated_div(const Dim& a, const Dim& b) {
  if (a.is_constant() && b.is_constant()) {
    if (b.is_constant(0) || b.is_constant(-1)) {
      return b.is_constant(0) ? std::nullopt : std::optional<Dim>(Dim(0) - a);
    }
    return Dim(a.constant() / b.constant());
  }
  if (b.lower_bound() < 0) return std::nullopt;
  if (a.lower_bound() >= 0) return floor_div(a, b);
  // Rounded down where a is positive, up where it is negative.
  return max(floor_div(a, b), min(ceil_div(a, b), 0));
}

std::optional<Dim> truncated_mod(const Dim& a, const Dim& b) {
  if (a.is_constant() && b.is_constant()) {
    if (b.is_constant(0)) return std::nullopt;
    return b.is_constant(-1) ? Dim(0) : Dim(a.constant() % b.constant());
  }
  if (b.lower_bound() < 0) return std::nullopt;
  if (a.lower_bound() >= 0) return mod(a, b);
  return a - *truncated_div(a, b) * b;
}

std::optional<bool> known_equal(const Dim& a, const Dim& b) {
  if (a == b) return true;
  if (Dim::known_different(a, b)) return false;
  return std::nullopt;
}

std::optional<bool> known_less(const Dim& a, const Dim& b) {
  if (Dim::known_at_least(a, b)) return false;
  if (Dim::known_at_least(b, a + 1)) return true;
  return std::nullopt;
}

}  // namespace ferry
