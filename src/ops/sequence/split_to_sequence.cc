// SPDX-License-Identifier: Apache-2.0
#include "ops/sequence/split_to_sequence.h"

#include <algorithm>

#include "ops/arguments.h"
#include "ops/in_pieces.h"
#include "ops/move.h"
#include "ops/poll_every.h"
#include "ops/registry.h"
#include "ops/sequence/sequence_argument.h"
#include "ops/small_tensors.h"
#include "ops/tensor/concatenate.h"
#include "ops/working_array.h"

namespace ferry {
namespace {

Status infer_split(const SplitToSequence& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(Type x, c.tensor(0, types::kAll, 1));
  if (c.has_input(1)) FERRY_RETURN_IF_ERROR(c.tensor(1, types::kIndices, 0, 1).status());
  if (x.shape) {
    FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op.axis, x.rank()));
    const auto at = x.shape->begin() + static_cast<std::ptrdiff_t>(axis);
    if (c.has_input(1))
      *at = Dim::invalid();
    else if (op.keepdims)
      *at = 1;
    else
      x.shape->erase(at);
  }
  c.set_type(0, Type::sequence_of(std::move(x)));
  return {};
}

// The sizes of the parts of an axis of `n` elements.
Result<Ints> part_sizes(EvalContext& c, int64_t n) {
  int64_t chunk = 1;
  if (c.has_input(1)) {
    FERRY_ASSIGN_OR_RETURN(Ints split, read_ints(c.input(1), "split"));
    if (c.input(1).rank() == 1) {
      int64_t sum = 0;
      for (int64_t s : split) {
        if (s < 0 || s > n - sum) {
          return invalid_argument("split does not add up to the {} elements of the axis", n);
        }
        sum += s;
      }
      if (sum != n) return invalid_argument("split adds up to {}, the axis has {}", sum, n);
      return split;
    }
    FERRY_ASSIGN_OR_RETURN(chunk, read_int(c.input(1), "split"));
    if (chunk < 1) return invalid_argument("split is {}, wanted is 1 or more", chunk);
  }
  // The parts themselves take more memory than their elements, if there are elements at all.
  struct Part {
    std::byte bytes[sizeof(Value)];
  };
  const int64_t parts = n / chunk + (n % chunk != 0 ? 1 : 0);
  FERRY_RETURN_IF_ERROR(WorkingArray<Part>::make(c, parts).status());
  Ints sizes;
  PollEvery polls(c);
  for (int64_t left = n; left > 0; left -= sizes.back()) {
    FERRY_RETURN_IF_ERROR(polls.spend(1));
    sizes.push_back(std::min(chunk, left));
  }
  return sizes;
}

Status eval_split(const SplitToSequence& op, EvalContext& c) {
  const Tensor& packed = c.input(0);
  if (packed.rank() == 0) return shape_mismatch("x is a scalar");
  FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op.axis, packed.rank()));
  FERRY_ASSIGN_OR_RETURN(const Tensor x, unpacked(c, packed));
  FERRY_ASSIGN_OR_RETURN(const Ints sizes, part_sizes(c, x.dim(axis)));
  const bool drops_axis = !op.keepdims && !c.has_input(1);
  const int64_t outer = x.dims().count(0, axis), row = x.dims().count(axis, x.rank());
  const int64_t inner = x.dims().count(axis + 1, x.rank());
  Sequence parts;
  reserve_many(parts, static_cast<int64_t>(sizes.size()));
  SmallTensors memory(c);
  int64_t at = 0;
  PollEvery polls(c);
  for (int64_t size : sizes) {
    FERRY_RETURN_IF_ERROR(polls.spend(256));
    Dims dims;
    for (size_t a = 0; a < x.rank(); ++a) {
      if (a != axis)
        dims.push_back(x.dim(a));
      else if (!drops_axis)
        dims.push_back(size);
    }
    FERRY_ASSIGN_OR_RETURN(Tensor y, memory.allocate(packed.dtype(), dims));
    Tensor bytes = y;
    if (is_packed(packed.dtype())) {
      FERRY_ASSIGN_OR_RETURN(bytes, Tensor::allocate(DType::kUInt8, dims, c.budget()));
    }
    const int64_t n = size * inner;
    FERRY_RETURN_IF_ERROR(visit_storage(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
      for (int64_t o = 0; o < outer && n > 0; ++o) {
        FERRY_RETURN_IF_ERROR(
            copy_in_pieces(polls, x.data<T>() + o * row + at, n, bytes.data<T>() + o * n));
      }
      return {};
    }));
    if (is_packed(packed.dtype())) pack_bits(bytes, y);
    parts.emplace_back(std::move(y));
    at += n;
  }
  return c.set_output(0, Value(std::move(parts)));
}

Status infer_concat(const ConcatFromSequence& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(Type x, sequence_element(c, 0));
  if (!x.is_tensor())
    return invalid_model("the elements are {}, wanted are tensors", x.to_string());
  if (x.shape) {
    FERRY_ASSIGN_OR_RETURN(const size_t axis,
                           normalize_axis(op.axis, x.rank() + (op.new_axis ? 1 : 0)));
    const auto at = x.shape->begin() + static_cast<std::ptrdiff_t>(axis);
    if (op.new_axis)
      x.shape->insert(at, Dim::invalid());
    else
      *at = Dim::invalid();
  }
  c.set_type(0, std::move(x));  // invalid dims become fresh ones
  return {};
}

Status eval_concat(const ConcatFromSequence& op, EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Sequence* s, read_sequence(c, 0));
  if (s->empty()) return invalid_argument("the sequence has no elements");
  std::vector<Tensor> parts;
  for (size_t k = 0; k < s->size(); ++k) {
    FERRY_ASSIGN_OR_RETURN(Tensor t, tensor_at(*s, k));
    parts.push_back(std::move(t));
  }
  const size_t rank = parts[0].rank() + (op.new_axis ? 1 : 0);
  FERRY_RETURN_IF_ERROR(check_rank(rank));
  FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op.axis, rank));
  for (Tensor& t : parts) {
    if (!op.new_axis) continue;
    if (t.rank() + 1 != rank) {
      return shape_mismatch("elements have ranks {} and {}", rank - 1, t.rank());
    }
    Dims dims(std::span(t.dims().begin(), axis));
    dims.push_back(1);
    for (size_t a = axis; a < t.rank(); ++a) dims.push_back(t.dim(a));
    t = t.reshaped(dims);
  }
  return concatenate(c, parts, axis, 0);
}

}  // namespace

void register_split_to_sequence(OpRegistry& r) {
  r.op<SplitToSequence>("SplitToSequence")
      .since(24)
      .inputs(1, 2)
      .attr("axis", &SplitToSequence::axis)
      .attr("keepdims", &SplitToSequence::keepdims)
      .infer(infer_split)
      .reference(eval_split);
  r.op<ConcatFromSequence>("ConcatFromSequence")
      .since(11)
      .required("axis", &ConcatFromSequence::axis)
      .attr("new_axis", &ConcatFromSequence::new_axis)
      .infer(infer_concat)
      .reference(eval_concat);
}

}  // namespace ferry
