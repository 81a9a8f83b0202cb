// SPDX-License-Identifier: Apache-2.0
#include "ops/arguments.h"

#include <algorithm>

#include "tensor/int_contents.h"
#include "tensor/size.h"

namespace ferry {

Result<Ints> read_ints(const Tensor& t, std::string_view what) {
  if (t.dtype() == DType::kInt64) return Ints(t.elements<int64_t>());
  const auto ints = int_contents(t);
  if (!ints) return invalid_argument("{} is {}, wanted are integers", what, t.describe());
  return Ints(*ints);
}

Result<int64_t> read_int(const Tensor& t, std::string_view what) {
  if (t.count() != 1) {
    return invalid_argument("{} is {}, wanted is one integer", what, t.describe());
  }
  FERRY_ASSIGN_OR_RETURN(const Ints ints, read_ints(t, what));
  return ints[0];
}

Status check_rank(size_t rank) {
  if (rank <= Dims::kMaxRank) return {};
  return limit_exceeded("rank {} is over the limit of {}", rank, Dims::kMaxRank);
}

Result<Dims> make_dims(std::span<const int64_t> dims) {
  FERRY_RETURN_IF_ERROR(check_rank(dims.size()));
  for (int64_t d : dims) {
    if (d < 0) {
      return invalid_argument("{} has a negative dimension", Dims(dims).to_string());
    }
  }
  return Dims(dims);
}

Result<Dims> broadcast_dims(const Dims& a, const Dims& b) {
  const Dims& longer = a.size() >= b.size() ? a : b;
  const Dims& shorter = a.size() >= b.size() ? b : a;
  Dims out = longer;
  const size_t offset = longer.size() - shorter.size();
  for (size_t i = 0; i < shorter.size(); ++i) {
    const int64_t x = longer[offset + i], y = shorter[i];
    if (x != y && x != 1 && y != 1) {
      return shape_mismatch("{} and {} do not broadcast: {} against {} at axis {} from the end",
                            a.to_string(), b.to_string(), x, y, shorter.size() - i);
    }
    out[offset + i] = x == 1 ? y : x;
  }
  return out;
}

Result<size_t> normalize_axis(int64_t axis, size_t rank) {
  FERRY_ASSIGN_OR_RETURN(const int64_t a, InferContext::axis(axis, rank));
  return static_cast<size_t>(a);
}

Result<Axes> normalize_axes(std::span<const int64_t> axes, size_t rank) {
  Axes out;
  for (int64_t axis : axes) {
    FERRY_ASSIGN_OR_RETURN(const size_t a, normalize_axis(axis, rank));
    if (std::find(out.begin(), out.end(), a) != out.end()) {
      return invalid_model("axis {} is named twice", axis);
    }
    out.push_back(a);
  }
  return out;
}

std::optional<int64_t> constant_count(const InferContext& c, size_t i) {
  const Type& t = c.type(i);
  if (!t.has_rank()) return std::nullopt;
  const std::optional<Dims> dims = constant_dims(*t.shape);
  if (!dims) return std::nullopt;
  const Result<int64_t> n = checked_count(*dims);
  if (!n.ok()) return std::nullopt;
  return *n;
}

Status check_scalar(const InferContext& c, size_t i) {
  const Type& t = c.type(i);
  if (!t.has_rank()) return {};
  const std::optional<int64_t> n = constant_count(c, i);
  if (t.rank() > 1 || (n && *n != 1)) {
    return invalid_model("input {} is {}, wanted is one element", i, t.to_string());
  }
  return {};
}

}  // namespace ferry
