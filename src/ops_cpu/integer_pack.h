// SPDX-License-Identifier: Apache-2.0
// Operands of exact products of 8-bit integers, in the form that kernels/integer takes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "ferry/tensor.h"
#include "kernels/integer/integer.h"

namespace ferry {

inline bool is_byte(DType type) { return type == DType::kInt8 || type == DType::kUInt8; }

// Element i of an 8-bit tensor.
inline int32_t byte_at(const Tensor& t, int64_t i) {
  return t.dtype() == DType::kInt8 ? t.data<int8_t>()[i] : t.data<uint8_t>()[i];
}

// The pairs that hold `depth` values.
inline int64_t integer_pairs(int64_t depth) { return (depth + 1) / 2; }

// A value as the first (half 0) or the second of a pair.
inline int32_t half_of_pair(int32_t v, int64_t half) {
  const auto bits = static_cast<uint32_t>(static_cast<uint16_t>(v));
  return static_cast<int32_t>(half == 0 ? bits : bits << 16);
}

// A weight as byte `i` of a quad.
inline int32_t byte_of_quad(int32_t v, int64_t i) {
  return static_cast<int32_t>(uint32_t{static_cast<uint8_t>(v)} << (8 * i));
}
// Whether neighbours may stand in a quad for these kernels: each weight has 8 bits, and the sum of
// the two products with any bytes without a sign has 16 where that matters.
inline bool fits_quad(const IntegerKernels& kernels, int32_t a, int32_t b) {
  if (kernels.any_quads) return std::min(a, b) >= -128 && std::max(a, b) < 128;
  return std::max(a, 0) + std::max(b, 0) <= 128 && std::min(a, 0) + std::min(b, 0) >= -128 &&
         a < 128 && b < 128;
}

// Rows of `depth` bytes as rows of pairs of differences from `zero`.
template <class T>
void pack_integer_rows(const T* x, int64_t rows, int64_t depth, int32_t zero, int32_t* to) {
  for (int64_t r = 0; r < rows; ++r, x += depth) {
    for (int64_t k = 0; k + 1 < depth; k += 2) {
      *to++ = half_of_pair(x[k] - zero, 0) | half_of_pair(x[k + 1] - zero, 1);
    }
    if (depth % 2 != 0) *to++ = half_of_pair(x[depth - 1] - zero, 0);
  }
}
inline void pack_integer_rows(const Tensor& x, int64_t begin, int64_t rows, int64_t depth,
                              int32_t zero, int32_t* to) {
  if (x.dtype() == DType::kInt8)
    pack_integer_rows(x.data<int8_t>() + begin, rows, depth, zero, to);
  else
    pack_integer_rows(x.data<uint8_t>() + begin, rows, depth, zero, to);
}

// Rows of `depth` bytes as rows of quads of bytes without a sign.
inline void pack_quad_rows(const Tensor& x, int64_t begin, int64_t rows, int64_t depth,
                           int32_t* to) {
  const auto* from = static_cast<const uint8_t*>(x.raw()) + begin;
  const uint8_t flip = x.dtype() == DType::kInt8 ? 0x80 : 0;
  const int64_t words = (depth + 3) / 4;
  for (int64_t r = 0; r < rows; ++r, from += depth, to += words) {
    to[words - 1] = 0;
    auto* bytes = reinterpret_cast<uint8_t*>(to);
    std::memcpy(bytes, from, static_cast<size_t>(depth));
    for (int64_t k = 0; flip != 0 && k < depth; ++k) bytes[k] ^= flip;
  }
}

// Pairs in a panel of `columns` columns.
inline int64_t integer_panel_size(int64_t depth, int64_t columns) {
  return integer_pairs(depth) * columns;
}

// The first `cols` columns of a [depth, stride] matrix as one panel; `zeros` has one value per
// column.
template <class T>
void pack_integer_panel(const T* x, int64_t stride, int64_t depth, int64_t cols,
                        const int32_t* zeros, int64_t columns, int32_t* to) {
  std::fill_n(to, integer_panel_size(depth, columns), 0);
  for (int64_t k = 0; k < depth; ++k) {
    int32_t* row = to + k / 2 * columns;
    for (int64_t c = 0; c < cols; ++c) {
      row[c] |= half_of_pair(x[k * stride + c] - zeros[c], k % 2);
    }
  }
}

}  // namespace ferry
