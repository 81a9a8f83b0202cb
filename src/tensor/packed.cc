// SPDX-License-Identifier: Apache-2.0
#include "tensor/packed.h"

#include <cstring>

#include "base/status.h"

namespace ferry {

Result<Tensor> unpack_bits(const Tensor& packed, MemoryBudget* budget) {
  FERRY_ASSIGN_OR_RETURN(Tensor bytes, Tensor::allocate(DType::kUInt8, packed.dims(), budget));
  unpack_bits(packed, bytes);
  return bytes;
}

void unpack_bits(const Tensor& packed, Tensor& bytes) {
  const auto bits = static_cast<unsigned>(dtype_bits(packed.dtype()));
  const unsigned per_byte = 8 / bits;
  const unsigned mask = (1u << bits) - 1;
  const auto* in = packed.data<uint8_t>();
  auto* out = bytes.data<uint8_t>();
  for (int64_t i = 0; i < packed.count(); ++i) {
    const auto slot = static_cast<unsigned>(i % per_byte);
    out[i] = static_cast<uint8_t>((in[i / per_byte] >> (slot * bits)) & mask);
  }
}

void pack_bits(const Tensor& bytes, Tensor& packed) {
  const auto bits = static_cast<unsigned>(dtype_bits(packed.dtype()));
  const unsigned per_byte = 8 / bits;
  const unsigned mask = (1u << bits) - 1;
  auto* out = packed.data<uint8_t>();
  const auto* in = bytes.data<uint8_t>();
  std::memset(out, 0, packed.size_bytes());
  for (int64_t i = 0; i < packed.count(); ++i) {
    const auto slot = static_cast<unsigned>(i % per_byte);
    out[i / per_byte] = static_cast<uint8_t>(out[i / per_byte] | ((in[i] & mask) << (slot * bits)));
  }
}

int packed_int(DType type, uint8_t raw) {
  const int bits = dtype_bits(type);
  const bool is_signed = type == DType::kInt4 || type == DType::kInt2;
  const int v = raw & ((1 << bits) - 1);
  return is_signed && v >= (1 << (bits - 1)) ? v - (1 << bits) : v;
}

}  // namespace ferry
