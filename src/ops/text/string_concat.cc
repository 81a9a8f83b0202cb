// SPDX-License-Identifier: Apache-2.0
#include "ops/text/string_concat.h"

#include "ops/arguments.h"
#include "ops/registry.h"
#include "ops/walk.h"

namespace ferry {
namespace {

Status infer(const StringConcat&, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type a, c.tensor(0, types::kString));
  FERRY_ASSIGN_OR_RETURN(const Type b, c.tensor(1, types::kString));
  std::optional<Shape> shape;
  if (a.shape && b.shape) {
    FERRY_ASSIGN_OR_RETURN(shape, broadcast_shapes(*a.shape, *b.shape));
  }
  c.set_tensor(0, DType::kString, std::move(shape));
  return {};
}

Status eval(const StringConcat&, EvalContext& c) {
  const Tensor &a = c.input(0), &b = c.input(1);
  FERRY_ASSIGN_OR_RETURN(const Dims dims, broadcast_dims(a.dims(), b.dims()));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, DType::kString, dims));
  std::string* out = y.data<std::string>();
  return for_each_row<2>(c, dims, {broadcast_strides(a.dims(), dims), broadcast_strides(b.dims(), dims)},
                         [&](int64_t n, const auto& at, const auto& step) {
    const std::string *u = a.data<std::string>() + at[0], *v = b.data<std::string>() + at[1];
    for (int64_t i = 0; i < n; ++i) *out++ = u[i * step[0]] + v[i * step[1]];
  });
}

}  // namespace

void register_string_concat(OpRegistry& r) {
  r.op<StringConcat>("StringConcat").since(20).inputs(2).infer(infer).reference(eval);
}

}  // namespace ferry
