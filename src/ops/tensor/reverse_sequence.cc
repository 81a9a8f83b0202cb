// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/reverse_sequence.h"

#include <algorithm>

#include "ops/in_pieces.h"
#include "ops/move.h"
#include "ops/registry.h"

namespace ferry {
namespace {

Status infer(const ReverseSequence& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(Type x, c.tensor(0, types::kAll, 2));
  FERRY_ASSIGN_OR_RETURN(const Type lengths, c.tensor(1, {DType::kInt64}, 1, 1));
  const bool axes_fit =
      (op.batch_axis == 0 && op.time_axis == 1) || (op.batch_axis == 1 && op.time_axis == 0);
  if (!axes_fit) {
    return invalid_model("batch_axis is {}, time_axis {}; wanted are 0 and 1", op.batch_axis,
                         op.time_axis);
  }
  if (x.shape && lengths.shape &&
      Dim::known_different((*x.shape)[static_cast<size_t>(op.batch_axis)], (*lengths.shape)[0])) {
    return shape_mismatch("sequence_lens is {} for x {}", lengths.to_string(), x.to_string());
  }
  c.set_type(0, std::move(x));
  return {};
}

Status eval(const ReverseSequence& op, EvalContext& c) {
  const Tensor &x = c.input(0), &lengths = c.input(1);
  if (x.rank() < 2 || lengths.count() != x.dim(static_cast<size_t>(op.batch_axis))) {
    return shape_mismatch("sequence_lens is {} for x {}", lengths.describe(), x.describe());
  }
  const int64_t times = x.dim(static_cast<size_t>(op.time_axis)), batches = lengths.count();
  const int64_t inner = x.dims().count(2, x.rank());
  const int64_t time_step = (op.time_axis == 0 ? batches : 1) * inner;
  const int64_t batch_step = (op.batch_axis == 0 ? times : 1) * inner;
  return move_elements(c, x, 0, x.dims(), [&]<class T>(TypeTag<T>, const T* from, T* to) -> Status {
    PollEvery polls(c);
    for (int64_t b = 0; b < batches; ++b) {
      const int64_t n = lengths.data<int64_t>()[b];
      if (n < 0 || n > times) {
        return invalid_argument("sequence_lens[{}] is {}, wanted is 0 to {}", b, n, times);
      }
      for (int64_t t = 0; t < times; ++t) {
        FERRY_RETURN_IF_ERROR(polls.spend(64));
        const int64_t source = t < n ? n - 1 - t : t;
        FERRY_RETURN_IF_ERROR(copy_in_pieces(polls, from + b * batch_step + source * time_step,
                                             inner, to + b * batch_step + t * time_step));
      }
    }
    return {};
  });
}

}  // namespace

void register_reverse_sequence(OpRegistry& r) {
  r.op<ReverseSequence>("ReverseSequence")
      .since(28)
      .inputs(2)
      .attr("batch_axis", &ReverseSequence::batch_axis)
      .attr("time_axis", &ReverseSequence::time_axis)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
