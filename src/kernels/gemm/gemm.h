// SPDX-License-Identifier: Apache-2.0
// Matrix product in fp32 with a packed right-hand side and a fused epilogue:
//
//   C[i, j] = clip(sum over t, k of A[i, t, k] * B[t, k, j] + bias[j] + residual[i, j], lo, hi)
//
// A is read in place: rows at a fixed stride, or, for convolutions, one pointer per (row, tap). B
// is packed once into panels of `nr` columns. Every element of C is one chain of multiply-adds,
// from the bias on in the order of (t, k), or a sum of chains of a given length, whatever rectangle
// it is computed in, so any split over threads gives the same bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "kernels/isa.h"

namespace ferry {

struct GemmArgs {
  int64_t m = 0, n = 0;
  int64_t k = 0;     // per tap
  int64_t taps = 1;  // > 1 needs a_rows

  // Row i of A is a + i * lda, or, when a_rows is set, k floats at a_rows[i * taps + t] for every
  // tap t.
  const float* a = nullptr;
  int64_t lda = 0;
  const float* const* a_rows = nullptr;
  int64_t a_offset = 0;  // added to every pointer of a_rows
  // Where pointers of a_rows to nothing but zeros point, or none: taps at which all rows of a tile
  // do are left out, which shows in nothing but the sign of a zero while B is finite.
  const float* zeros = nullptr;
  // Element (i, k) of A is a[i * lda + k_offsets[k]], for images in planes; not with a_rows.
  const int32_t* k_offsets = nullptr;

  const float* packed_b = nullptr;  // pack_b() of taps * k rows and n columns, 64-byte aligned

  float* c = nullptr;
  int64_t ldc = 0;
  // Row i of C and of the residual is row out_index[i] there, or i when there is no index.
  const int32_t* out_index = nullptr;

  const float* bias = nullptr;      // n values, or none
  const float* residual = nullptr;  // m rows of n values, ldr apart, or none; see gemm_visits_once
  int64_t ldr = 0;
  // ReLU is lo = 0. A NaN stays a NaN.
  float lo = -std::numeric_limits<float>::infinity();
  float hi = std::numeric_limits<float>::infinity();
  bool accumulate = false;  // go on with the sums in C
  // Above 0, sums of more than 1.5 times as many products are cut into chains of at most that many
  // (or one tap): rounding errors grow with the length of a chain, not with that of the sum.
  int64_t chain = 0;
};

// One panel of columns times one chunk of the reduction: what an instruction set provides. Row
// pointers are already those of the first row; `tap_begin` and `k_begin` position the chunk within
// A, and b points at its first row. Sums start from the bias, if any, plus C, if load_c; C, if
// add_c, and the rest of the epilogue follow the last product: neutral values where a later chunk
// continues.
struct GemmPanel {
  const float* a;
  int64_t lda;
  const float* const* a_rows;
  int64_t a_offset;
  const float* zeros;
  const int32_t* k_offsets;
  int64_t taps;
  int64_t tap_begin, tap_end;
  int64_t k_begin, k_end;
  const float* b;
  const float* next_b;   // what the call after this one reads, or null: fetched on the way
  int64_t panel_stride;  // floats from one packed panel to the next; used when cols > nr
  // cols <= panels * nr, or <= wide_panels * nr if rows <= wide_rows; with k_offsets <= nr
  int64_t rows, cols;
  float* c;
  int64_t ldc;
  const int32_t* out_index;
  const float* bias;
  const float* residual;
  int64_t ldr;
  float lo, hi;
  bool load_c;  // continue the sums in C
  bool add_c;   // add what is in C to these sums
};

// A few rows of A times columns of a B that is not packed: so few rows would not earn what packing
// costs. The sums are the same chains.
struct GemmRows {
  const float* a;
  int64_t lda;
  const float* b;  // element (k, j) is b[k * ldb + j]
  int64_t ldb;
  int64_t k;
  int64_t rows, cols;  // rows <= wide_rows
  float* c;
  int64_t ldc;
};

struct GemmKernels {
  int mr, nr;                  // register tile
  int wide_rows, wide_panels;  // few rows: this many panels at once
  int panels;                  // more rows: this many
  int lanes;
  void (*panel)(const GemmPanel& p) noexcept;
  void (*few_rows)(const GemmRows& p) noexcept;
  // Rows [row, row + k) of a packed matrix of k_total rows from b[i * row_stride + j * col_stride],
  // columns [n0, n1) of n; n0 is a multiple of nr.
  void (*pack_b)(const float* b, int64_t row_stride, int64_t col_stride, int64_t k, int64_t n,
                 int64_t n0, int64_t n1, int64_t row, int64_t k_total, float* packed) noexcept;
  // A whole packed matrix of taps * k rows from convolution weights [n, k, taps].
  void (*pack_taps)(const float* weights, int64_t k, int64_t taps, int64_t n,
                    float* packed) noexcept;
};

const GemmKernels& gemm_kernels(Isa isa) noexcept;

// Floats that pack_b writes for k_total rows and n columns.
int64_t gemm_packed_size(const GemmKernels& kernels, int64_t k_total, int64_t n) noexcept;

// Packs a whole B: k x n with element (i, j) at b[i * row_stride + j * col_stride].
void gemm_pack_b(const GemmKernels& kernels, const float* b, int64_t row_stride, int64_t col_stride,
                 int64_t k, int64_t n, float* packed) noexcept;

// Cache budgets in bytes. They shape the loops, never the bits.
struct GemmBlocking {
  // The part of a panel of B that all rows of a block pass over. It streams from L2 at a quarter of
  // the bandwidth there, which costs less than coming back to C more often would.
  int64_t panel_bytes = 128 << 10;
  int64_t rows_bytes = 256 << 10;  // the rows of A that all panels pass over
  int64_t far_bytes = 4 << 20;     // what stays in the last cache from one pass to the next
};
// From the probed caches.
GemmBlocking gemm_blocking() noexcept;

// GemmArgs::chain where accuracy is asked for.
inline constexpr int64_t kExactChain = 256;

// True when each element of C is written once, after all else: the residual may then be C itself.
// `k_total`: taps * k.
bool gemm_visits_once(const GemmKernels& kernels, const GemmBlocking& blocking, int64_t chain,
                      int64_t k_total) noexcept;

// Computes rows [m0, m1) and columns [n0, n1) of C. n0 is a multiple of nr; n1 too, or n.
void gemm_tile(const GemmKernels& kernels, const GemmBlocking& blocking, const GemmArgs& args,
               int64_t m0, int64_t m1, int64_t n0, int64_t n1) noexcept;

}  // namespace ferry
