// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/bit_cast.h"

#include "ops/registry.h"

namespace ferry {
namespace {

Status check(DType from, DType to) {
  if (dtype_bits(from) != 0 && dtype_bits(from) == dtype_bits(to)) return {};
  return invalid_model("{} has not the bits of {}", dtype_name(from), dtype_name(to));
}

Status infer(const BitCast& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(Type x, c.tensor(0));
  FERRY_RETURN_IF_ERROR(check(x.dtype, op.to));
  x.dtype = op.to;
  c.set_type(0, std::move(x));
  return {};
}

Status eval(const BitCast& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_RETURN_IF_ERROR(check(x.dtype(), op.to));
  if (op.to == DType::kBool) {
    // A bool in memory is 0 or 1.
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, op.to, x.dims()));
    for (int64_t i = 0; i < x.count(); ++i) y.data<bool>()[i] = x.data<uint8_t>()[i] != 0;
    return {};
  }
  return c.set_output(0, Tensor::share(op.to, x.dims(), const_cast<void*>(x.raw()), x.owner()));
}

}  // namespace

void register_bit_cast(OpRegistry& r) {
  r.op<BitCast>("BitCast").since(26).required("to", &BitCast::to).infer(infer).reference(eval);
}

}  // namespace ferry
