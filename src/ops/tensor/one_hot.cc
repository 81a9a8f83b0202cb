// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/one_hot.h"

#include <algorithm>

#include "ops/arguments.h"
#include "ops/convert.h"
#include "ops/in_ranges.h"
#include "ops/poll_every.h"
#include "ops/registry.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

constexpr TypeSet kValues = types::kNumeric | types::kBool | types::kComplex | types::kString;

// A number of any type as an integer.
int64_t as_int64(const Tensor& t, int64_t i) {
  int64_t v = 0;
  (void)visit_numeric(t.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    v = convert_number<int64_t>(static_cast<compute_t<T>>(t.data<T>()[i]));
    return {};
  });
  return v;
}

bool is_nan(const Tensor& t) {
  bool nan = false;
  (void)visit_numeric(t.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    const auto v = static_cast<compute_t<T>>(t.data<T>()[0]);
    nan = v != v;
    return {};
  });
  return nan;
}

Status infer(const OneHot& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type indices, c.tensor(0, types::kNumeric));
  FERRY_RETURN_IF_ERROR(c.tensor(1, types::kNumeric, 0, 1).status());
  FERRY_RETURN_IF_ERROR(check_scalar(c, 1));
  FERRY_ASSIGN_OR_RETURN(const Type values, c.tensor(2, kValues, 1, 1));
  const auto count = constant_count(c, 2);
  if (count && *count != 2) {
    return invalid_model("values is {}, wanted are two elements", values.to_string());
  }
  if (!indices.shape) {
    c.set_tensor(0, values.dtype, std::nullopt);
    return {};
  }
  FERRY_RETURN_IF_ERROR(check_rank(indices.rank() + 1));
  FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op.axis, indices.rank() + 1));
  Dim depth = c.fresh_dim(0, axis);
  if (const Tensor* t = c.constant(1); t != nullptr && t->count() == 1) {
    depth = as_int64(*t, 0);
  } else if (const auto known = c.known(1); known && known->size() == 1) {
    depth = (*known)[0];
  }
  if (depth.is_constant() && depth.constant() < 0) {
    return invalid_model("depth is {}, wanted is 0 or more", depth.constant());
  }
  Shape shape = *indices.shape;
  shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(axis), depth);
  c.set_tensor(0, values.dtype, std::move(shape));
  return {};
}

Status eval(const OneHot& op, EvalContext& c) {
  const Tensor &indices = c.input(0), &values = c.input(2);
  if (c.input(1).count() != 1 || values.count() != 2) {
    return invalid_argument("depth is {} and values {}, wanted are one and two elements",
                            c.input(1).describe(), values.describe());
  }
  const int64_t depth = as_int64(c.input(1), 0);
  if (depth < 0 || is_nan(c.input(1))) {
    return invalid_argument("depth is {}, wanted is 0 or more", depth);
  }
  FERRY_RETURN_IF_ERROR(check_rank(indices.rank() + 1));
  FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op.axis, indices.rank() + 1));
  Dims dims(std::span(indices.dims().begin(), axis));
  dims.push_back(depth);
  for (size_t a = axis; a < indices.rank(); ++a) dims.push_back(indices.dim(a));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, values.dtype(), dims));
  const int64_t inner = dims.count(axis + 1, dims.size());
  return visit_storage(values.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    const T off = values.data<T>()[0], on = values.data<T>()[1];
    FERRY_RETURN_IF_ERROR(in_ranges(c, y.count(), 1, [&](int64_t from, int64_t to) {
      std::fill(y.data<T>() + from, y.data<T>() + to, off);
    }));
    PollEvery polls(c);
    for (int64_t i = 0; i < indices.count(); ++i) {
      FERRY_RETURN_IF_ERROR(polls.spend(16));
      int64_t at = as_int64(indices, i);
      if (at < -depth || at >= depth) continue;
      if (at < 0) at += depth;
      y.data<T>()[(i / inner * depth + at) * inner + i % inner] = on;
    }
    return {};
  });
}

}  // namespace

void register_one_hot(OpRegistry& r) {
  r.op<OneHot>("OneHot")
      .since(28)
      .inputs(3)
      .attr("axis", &OneHot::axis)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
