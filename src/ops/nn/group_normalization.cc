// SPDX-License-Identifier: Apache-2.0
#include "ops/nn/group_normalization.h"

#include <cmath>

#include "ops/nn/parameters.h"
#include "ops/registry.h"

namespace ferry {
namespace {

Status check_groups(int64_t channels, int64_t groups) {
  if (groups >= 0 && (groups == 0 || channels % groups == 0)) return {};
  return invalid_model("{} channels do not divide into {} groups", channels, groups);
}

Status infer(const GroupNormalization& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, types::kFloating, 2));
  if (op.num_groups < 1 && c.op().is("GroupNormalization")) {
    return invalid_model("attribute 'num_groups' is {}, wanted is at least 1", op.num_groups);
  }
  if (x.has_rank() && (*x.shape)[1].is_constant()) {
    FERRY_RETURN_IF_ERROR(check_groups((*x.shape)[1].constant(), op.num_groups));
  }
  for (size_t i = 1; i < 3; ++i) {
    FERRY_ASSIGN_OR_RETURN(const Type t, c.tensor(i, types::kFloating, 1, 1));
    FERRY_RETURN_IF_ERROR(c.same_dtype(0, i));
    if (x.has_rank() && t.has_rank() && Dim::known_different((*x.shape)[1], (*t.shape)[0])) {
      return shape_mismatch("input {} is {}, wanted is one value per channel of x {}", i,
                            t.to_string(), x.to_string());
    }
  }
  c.set_type(0, x);
  return {};
}

template <class T>
void normalize_group(const T* x, T* y, int64_t channels, int64_t inner, double epsilon,
                     const double* scale, const double* bias) {
  using C = compute_t<T>;
  const int64_t count = channels * inner;
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < count; ++i) sum += double(C(x[i]));
  const double mean = sum / double(count);
  for (int64_t i = 0; i < count; ++i)
    squares += (double(C(x[i])) - mean) * (double(C(x[i])) - mean);
  const double factor = 1 / std::sqrt(squares / double(count) + epsilon);
  for (int64_t ch = 0; ch < channels; ++ch) {
    for (int64_t i = 0; i < inner; ++i, ++x, ++y) {
      *y = T(static_cast<C>((double(C(*x)) - mean) * factor * scale[ch] + bias[ch]));
    }
  }
}

Status eval(const GroupNormalization& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  if (x.rank() < 2) return shape_mismatch("x is {}, wanted is rank 2 or more", x.describe());
  const int64_t channels = x.dim(1), inner = x.dims().count(2, x.rank());
  FERRY_RETURN_IF_ERROR(check_groups(channels, op.num_groups));
  FERRY_ASSIGN_OR_RETURN(const auto scale, channel_values(c.input(1), channels, "scale"));
  FERRY_ASSIGN_OR_RETURN(const auto bias, channel_values(c.input(2), channels, "bias"));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
  const int64_t groups = op.num_groups == 0 ? channels : op.num_groups;
  const int64_t per_group = groups == 0 ? 0 : channels / groups;
  if (x.count() == 0) return {};
  return visit_floating(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    for (int64_t n = 0; n < x.dim(0); ++n) {
      for (int64_t g = 0; g < groups; ++g) {
        FERRY_RETURN_IF_ERROR(c.poll());
        const int64_t at = (n * channels + g * per_group) * inner;
        normalize_group(x.data<T>() + at, y.data<T>() + at, per_group, inner, double(op.epsilon),
                        scale.data() + g * per_group, bias.data() + g * per_group);
      }
    }
    return {};
  });
}

}  // namespace

void register_group_normalization(OpRegistry& r) {
  using Norm = GroupNormalization;
  r.op<Norm>("GroupNormalization")
      .since(21)
      .inputs(3)
      .required("num_groups", &Norm::num_groups)
      .attr("epsilon", &Norm::epsilon)
      .attr("stash_type", &Norm::stash_type)
      .infer(infer)
      .reference(eval);
  r.op<Norm>("InstanceNormalization")
      .since(22)
      .inputs(3)
      .attr("epsilon", &Norm::epsilon)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
