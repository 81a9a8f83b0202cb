// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/cast.h"

#include "ops/in_ranges.h"
#include "ops/known.h"
#include "ops/registry.h"
#include "ops/tensor/cast_elements.h"

namespace ferry {
namespace {

constexpr TypeSet kAllowed = types::kNumeric | types::kBool | types::kString | types::kFloat8 |
                             types::kPacked | TypeSet{DType::kFloat8E8M0};

Status infer_as(InferContext& c, DType to, const std::string& round_mode) {
  FERRY_ASSIGN_OR_RETURN(Type x, c.tensor(0, kAllowed));
  if (!kAllowed.contains(to)) {
    return unsupported_type("cast to {}; allowed are {}", dtype_name(to), kAllowed.to_string());
  }
  if (round_mode != "up" && round_mode != "down" && round_mode != "nearest") {
    return invalid_model("round_mode is '{}', wanted is up, down or nearest", round_mode);
  }
  x.dtype = to;
  if (auto values = c.partly_known(0)) {
    bool all = true;
    for (Dim& d : *values) {
      if (to != DType::kBool) continue;
      all = all && (d.is_constant() || d.lower_bound() > 0);
      d = d.is_constant(0) ? 0 : 1;
    }
    if (all) set_known_if_fits(c, 0, to, *std::move(values));
  }
  c.set_type(0, std::move(x));
  return {};
}

Status eval_as(EvalContext& c, const CastOptions& options) {
  const Tensor& x = c.input(0);
  if (x.dtype() == options.to) return c.set_output(0, c.value(0));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, options.to, x.dims()));
  // Parts of whole bytes, whatever the width of an element.
  const auto part_of = [](const Tensor& t, int64_t from, int64_t to) {
    const size_t bits = t.dtype() == DType::kString ? 8 * sizeof(std::string)
                                                    : static_cast<size_t>(dtype_bits(t.dtype()));
    const auto* begin = static_cast<const char*>(t.raw()) + static_cast<size_t>(from) * bits / 8;
    return Tensor::borrow(t.dtype(), {to - from}, begin);
  };
  return in_ranges(c, x.count(), 8, [&](int64_t from, int64_t to) {
    Tensor part = part_of(y, from, to);
    return cast_elements(part_of(x, from, to), part, options, c.budget());
  });
}

Status infer(const Cast& op, InferContext& c) { return infer_as(c, op.to, op.round_mode); }
Status eval(const Cast& op, EvalContext& c) {
  return eval_as(c, {op.to, op.saturate, op.round_mode});
}

Status infer_like(const CastLike& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type like, c.tensor(1, kAllowed));
  return infer_as(c, like.dtype, op.round_mode);
}
Status eval_like(const CastLike& op, EvalContext& c) {
  return eval_as(c, {c.input(1).dtype(), op.saturate, op.round_mode});
}

}  // namespace

void register_cast(OpRegistry& r) {
  r.op<Cast>("Cast")
      .since(28)
      .required("to", &Cast::to)
      .attr("saturate", &Cast::saturate)
      .attr("round_mode", &Cast::round_mode)
      .infer(infer)
      .reference(eval);
  r.op<CastLike>("CastLike")
      .since(25)
      .inputs(2)
      .attr("saturate", &CastLike::saturate)
      .attr("round_mode", &CastLike::round_mode)
      .infer(infer_like)
      .reference(eval_like);
}

}  // namespace ferry
