// SPDX-License-Identifier: Apache-2.0
// For operators that move elements without looking at them (Transpose, Slice, Concat, ...): any
// element type, packed ones through a copy with one byte per element.
#pragma once

#include "ir/eval.h"
#include "tensor/packed.h"
#include "tensor/visit.h"

namespace ferry {

Status unpack_in_ranges(EvalContext& c, const Tensor& packed, Tensor& bytes);
Status pack_in_ranges(EvalContext& c, const Tensor& bytes, Tensor& packed);

// The tensor itself, or its raw bits one per byte (u8) when its type is packed.
inline Result<Tensor> unpacked(EvalContext& c, const Tensor& t) {
  if (!is_packed(t.dtype())) return t;
  FERRY_ASSIGN_OR_RETURN(Tensor bytes, Tensor::allocate(DType::kUInt8, t.dims(), c.budget()));
  FERRY_RETURN_IF_ERROR(unpack_in_ranges(c, t, bytes));
  return bytes;
}

// Output `i` while it is written: `tensor` is the output, or a u8 stand-in when the type is packed.
struct MovedOutput {
  Tensor tensor;
  Tensor packed;
  Status finish(EvalContext& c) {
    return packed.defined() ? pack_in_ranges(c, tensor, packed) : Status();
  }
};
inline Result<MovedOutput> moved_output(EvalContext& c, size_t i, DType dtype, const Dims& dims) {
  MovedOutput out;
  FERRY_ASSIGN_OR_RETURN(out.tensor, c.output(i, dtype, dims));
  if (is_packed(dtype)) {
    out.packed = out.tensor;
    FERRY_ASSIGN_OR_RETURN(out.tensor, Tensor::allocate(DType::kUInt8, dims, c.budget()));
  }
  return out;
}

// Runs move(TypeTag<T>, x elements, y elements) for input tensor `x` into output i of `dims`.
template <class F>
Status move_elements(EvalContext& c, const Tensor& x, size_t i, const Dims& dims, F&& move) {
  FERRY_ASSIGN_OR_RETURN(const Tensor from, unpacked(c, x));
  FERRY_ASSIGN_OR_RETURN(MovedOutput to, moved_output(c, i, x.dtype(), dims));
  FERRY_RETURN_IF_ERROR(visit_storage(from.dtype(), [&]<class T>(TypeTag<T> tag) -> Status {
    return move(tag, from.data<T>(), to.tensor.data<T>());
  }));
  return to.finish(c);
}

}  // namespace ferry
