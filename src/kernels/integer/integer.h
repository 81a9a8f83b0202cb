// SPDX-License-Identifier: Apache-2.0
// Matrix products of 8-bit integers, exact: operands less their zero points are 16-bit, products
// are summed in pairs to 32 bits, which wrap.
//
// Depth is counted in pairs, of which each 32-bit word holds one, the first in its low half. Rows
// of `a` hold one pair after the other; a panel of b, for each pair, that of each of `columns`
// columns.
//
// Where no two neighbours among the weights can leave 16 bits (7 bits each, say), or the processor
// adds four products to 32 bits at once (VNNI), quads of bytes are multiplied instead: those of the
// activations have no sign.
#pragma once

#include <cstdint>

#include "kernels/isa.h"

namespace ferry {

struct IntegerKernels {
  int columns;  // of a panel
  // y[r * y_stride + c] = the product, for `rows` rows of `a`, a_stride apart, and the first `cols`
  // columns of a panel.
  void (*multiply)(const int32_t* a, int64_t a_stride, const int32_t* panel, int64_t pairs,
                   int32_t* y, int64_t y_stride, int64_t rows, int64_t cols) noexcept;
  // The same with quads of bytes in the place of pairs: [0] the bytes of the panel have a sign,
  // those of `a` none; [1] the reverse. Null where pairs take no longer.
  decltype(multiply) multiply_quads[2];
  // Whether quads may have any bytes, or only those whose neighbours stay within 16 bits.
  bool any_quads;
  // y[i] = the quad of x[0][i * step] to x[3][i * step], all bits of `flip` turned over.
  void (*quad_up)(const uint8_t* const* x, int64_t step, uint32_t flip, int32_t* y,
                  int64_t n) noexcept;
  // y[i] = the sum over n rows of products of weights and bytes i * step + t * dilation, t counting
  // the taps in quads; w has pairs of weights 0 and 2, then 1 and 3 of each quad, places[4 * i + t]
  // is i * step + t * dilation, below 16, for i and t below 4. Bytes have no sign, 16 are read from
  // every fourth output on; y is written in whole vectors. Null where taps of pairs take no longer.
  void (*slide)(const uint8_t* const* rows, int64_t n, const int32_t* w, int64_t quads,
                int64_t step, int64_t dilation, const uint8_t* places, int32_t* y,
                int64_t width) noexcept;
  // y[i] = the sum of products of w[t] and taps[t][i], for t in [0, n); reads a panel's columns at
  // once.
  void (*multiply_taps)(const int32_t* w, const int32_t* const* taps, int64_t n, int32_t* y,
                        int64_t width) noexcept;
  // y[i] = the pair of a[i * step] - zero and b[i * step] - zero, or 0 without b; of bytes without
  // a sign, and with one.
  void (*pair_up[2])(const void* a, const void* b, int64_t step, int32_t zero, int32_t* y,
                     int64_t n) noexcept;
  // panel[r * columns + i] = x[r * x_stride + i * step], for `rows` rows and i in [0, n).
  void (*copy_columns)(const int32_t* x, int64_t x_stride, int64_t step, int32_t* panel,
                       int64_t rows, int64_t n) noexcept;
  // y[i] = round((x[i] + bias) * factor) + zero, clamped to [low, high]; `factor` and `bias` are
  // arrays where the step is 1, single values where it is 0. Both 8-bit types: the low byte.
  void (*requantize)(const int32_t* x, int64_t n, const float* factor, const int32_t* bias,
                     int64_t step, float zero, float low, float high, uint8_t* y) noexcept;
};
FERRY_DECLARE_ISA_TABLE(IntegerKernels, kIntegerKernels)

const IntegerKernels& integer_kernels(Isa isa) noexcept;

}  // namespace ferry
