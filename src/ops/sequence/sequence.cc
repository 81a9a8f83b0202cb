// SPDX-License-Identifier: Apache-2.0
#include "ops/sequence/sequence.h"

#include "ops/arguments.h"
#include "ops/registry.h"
#include "ops/sequence/sequence_argument.h"

namespace ferry {
namespace {

Status check_position(const InferContext& c, size_t i) {
  if (!c.has_input(i)) return {};
  FERRY_RETURN_IF_ERROR(c.tensor(i, types::kIndices, 0, 1).status());
  return check_scalar(c, i);
}

Status infer_empty(const SequenceEmpty& op, InferContext& c) {
  c.set_type(0, Type::sequence_of(Type::tensor(op.dtype)));
  return {};
}
Status eval_empty(const SequenceEmpty&, EvalContext& c) { return c.set_output(0, Value(Sequence{})); }

Status infer_construct(const SequenceConstruct&, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(Type element, c.tensor(0));
  for (size_t i = 1; i < c.num_inputs(); ++i) {
    FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(i));
    FERRY_ASSIGN_OR_RETURN(element, merge_types(element, x, ""));
  }
  c.set_type(0, Type::sequence_of(std::move(element)));
  return {};
}
Status eval_construct(const SequenceConstruct&, EvalContext& c) {
  Sequence s;
  for (size_t i = 0; i < c.num_inputs(); ++i) s.push_back(c.value(i));
  return c.set_output(0, Value(std::move(s)));
}

Status infer_insert(const SequenceInsert&, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type element, sequence_element(c, 0));
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(1));
  FERRY_RETURN_IF_ERROR(check_position(c, 2));
  FERRY_ASSIGN_OR_RETURN(Type merged, merge_types(element, x, ""));
  c.set_type(0, Type::sequence_of(std::move(merged)));
  return {};
}
Status eval_insert(const SequenceInsert&, EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Sequence* from, read_sequence(c, 0));
  size_t at = from->size();
  if (c.has_input(2)) {
    FERRY_ASSIGN_OR_RETURN(at, read_position(c, 2, from->size(), from->size()));
  }
  Sequence s = *from;
  s.insert(s.begin() + static_cast<std::ptrdiff_t>(at), c.value(1));
  return c.set_output(0, Value(std::move(s)));
}

Status infer_erase(const SequenceErase&, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(Type element, sequence_element(c, 0));
  FERRY_RETURN_IF_ERROR(check_position(c, 1));
  c.set_type(0, Type::sequence_of(std::move(element)));
  return {};
}
Status eval_erase(const SequenceErase&, EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Sequence* from, read_sequence(c, 0));
  if (from->empty()) return invalid_argument("the sequence has no elements");
  size_t at = from->size() - 1;
  if (c.has_input(1)) {
    FERRY_ASSIGN_OR_RETURN(at, read_position(c, 1, from->size(), at));
  }
  Sequence s = *from;
  s.erase(s.begin() + static_cast<std::ptrdiff_t>(at));
  return c.set_output(0, Value(std::move(s)));
}

Status infer_at(const SequenceAt&, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(Type element, sequence_element(c, 0));
  FERRY_RETURN_IF_ERROR(check_position(c, 1));
  c.set_type(0, std::move(element));
  return {};
}
Status eval_at(const SequenceAt&, EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Sequence* s, read_sequence(c, 0));
  if (s->empty()) return invalid_argument("the sequence has no elements");
  FERRY_ASSIGN_OR_RETURN(const size_t at, read_position(c, 1, s->size(), s->size() - 1));
  return c.set_output(0, (*s)[at]);
}

Status infer_length(const SequenceLength&, InferContext& c) {
  FERRY_RETURN_IF_ERROR(sequence_element(c, 0).status());
  c.set_tensor(0, DType::kInt64, Shape{});
  return {};
}
Status eval_length(const SequenceLength&, EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Sequence* s, read_sequence(c, 0));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, DType::kInt64, {}));
  *y.data<int64_t>() = static_cast<int64_t>(s->size());
  return {};
}

}  // namespace

void register_sequence(OpRegistry& r) {
  r.op<SequenceEmpty>("SequenceEmpty").since(11).inputs(0).attr("dtype", &SequenceEmpty::dtype)
      .infer(infer_empty).reference(eval_empty);
  r.op<SequenceConstruct>("SequenceConstruct").since(11).inputs(1, Arity::kAny)
      .infer(infer_construct).reference(eval_construct);
  r.op<SequenceInsert>("SequenceInsert").since(11).inputs(2, 3).infer(infer_insert).reference(eval_insert);
  r.op<SequenceErase>("SequenceErase").since(11).inputs(1, 2).infer(infer_erase).reference(eval_erase);
  r.op<SequenceAt>("SequenceAt").since(11).inputs(2).infer(infer_at).reference(eval_at);
  r.op<SequenceLength>("SequenceLength").since(11).infer(infer_length).reference(eval_length);
}

}  // namespace ferry
