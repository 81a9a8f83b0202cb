// SPDX-License-Identifier: Apache-2.0
#include "ops/sequence/sequence_argument.h"

#include "ops/arguments.h"

namespace ferry {

Result<Type> sequence_element(const InferContext& c, size_t i) {
  const Type* t = &c.type(i);
  if (t->kind == Type::Kind::kOptional) t = t->element.get();
  if (t->kind == Type::Kind::kSequence) return *t->element;
  return invalid_model("input {} is {}, a sequence was wanted", i, c.type(i).to_string());
}

Result<const Sequence*> read_sequence(const EvalContext& c, size_t i) {
  const Value& v = c.value(i);
  if (v.is_sequence()) return &v.sequence();
  return invalid_argument("input {} is {}, a sequence was wanted", i, v.describe());
}

Result<Tensor> tensor_at(const Sequence& s, size_t k) {
  if (s[k].is_tensor()) return s[k].tensor();
  return invalid_argument("element {} is {}, a tensor was wanted", k, s[k].describe());
}

Result<size_t> read_position(const EvalContext& c, size_t i, size_t n, size_t limit) {
  FERRY_ASSIGN_OR_RETURN(const int64_t given, read_int(c.input(i), "the position"));
  const auto count = static_cast<int64_t>(n), last = static_cast<int64_t>(limit);
  if (given < -count || given > last) {
    return invalid_argument("position {} outside [{}, {}] of a sequence of {}", given, -count, last, n);
  }
  return static_cast<size_t>(given < 0 ? given + count : given);
}

}  // namespace ferry
