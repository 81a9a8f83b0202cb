// SPDX-License-Identifier: Apache-2.0
#include "ops/move.h"

#include "ops/in_ranges.h"

namespace ferry {
namespace {

// Elements [from, to) of a tensor whose first one begins a byte.
Tensor part(const Tensor& t, int64_t from, int64_t to) {
  const auto* first = static_cast<const std::byte*>(t.raw()) + from * dtype_bits(t.dtype()) / 8;
  return Tensor::borrow(t.dtype(), Dims{to - from}, static_cast<const void*>(first));
}

}  // namespace

Status unpack_in_ranges(EvalContext& c, const Tensor& packed, Tensor& bytes) {
  return in_ranges(c, packed.count(), 2, [&](int64_t from, int64_t to) -> Status {
    Tensor target = part(bytes, from, to);
    unpack_bits(part(packed, from, to), target);
    return {};
  });
}

Status pack_in_ranges(EvalContext& c, const Tensor& bytes, Tensor& packed) {
  return in_ranges(c, packed.count(), 2, [&](int64_t from, int64_t to) {
    Tensor target = part(packed, from, to);
    pack_bits(part(bytes, from, to), target);
  });
}

}  // namespace ferry
