// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/shape.h"

#include <algorithm>

#include "ops/registry.h"

namespace ferry {
namespace {

struct AxisRange {
  size_t begin, end;
};
AxisRange selected(const ShapeOf& op, size_t rank) {
  const auto r = static_cast<int64_t>(rank);
  const auto clamped = [r](int64_t a) { return std::clamp<int64_t>(a < 0 ? a + r : a, 0, r); };
  const int64_t begin = clamped(op.start), end = clamped(op.end.value_or(r));
  return {static_cast<size_t>(begin), static_cast<size_t>(std::max(begin, end))};
}

Status infer(const ShapeOf& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0));
  if (!x.shape) {
    c.set_tensor(0, DType::kInt64, c.fresh_shape(0, 1));
    return {};
  }
  const AxisRange axes = selected(op, x.rank());
  c.set_tensor(0, DType::kInt64, Shape{static_cast<int64_t>(axes.end - axes.begin)});
  c.set_known(0, KnownInts(x.shape->begin() + static_cast<std::ptrdiff_t>(axes.begin),
                           x.shape->begin() + static_cast<std::ptrdiff_t>(axes.end)));
  return {};
}

Status eval(const ShapeOf& op, EvalContext& c) {
  const Dims& dims = c.value(0).tensor().dims();
  const AxisRange axes = selected(op, dims.size());
  FERRY_ASSIGN_OR_RETURN(
      Tensor y, c.output(0, DType::kInt64, Dims{static_cast<int64_t>(axes.end - axes.begin)}));
  std::copy(dims.begin() + axes.begin, dims.begin() + axes.end, y.data<int64_t>());
  return {};
}

Status infer_size(const SizeOf&, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0));
  c.set_tensor(0, DType::kInt64, Shape{});
  if (!x.shape) return {};
  Dim count = 1;
  for (const Dim& d : *x.shape) count = count * d;
  c.set_known(0, {count});
  return {};
}

Status eval_size(const SizeOf&, EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, DType::kInt64, {}));
  *y.data<int64_t>() = c.input(0).count();
  return {};
}

}  // namespace

void register_shape(OpRegistry& r) {
  r.op<ShapeOf>("Shape")
      .since(25)
      .attr("start", &ShapeOf::start)
      .attr("end", &ShapeOf::end)
      .infer(infer)
      .reference(eval);
  r.op<SizeOf>("Size").since(25).infer(infer_size).reference(eval_size);
}

}  // namespace ferry
