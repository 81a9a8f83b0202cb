// SPDX-License-Identifier: Apache-2.0
// The register tiles of the matrix product.
#include <utility>

#include "kernels/gemm/gemm.h"
#include "kernels/vec.h"

namespace ferry::FERRY_ISA {
namespace {

// Rows x vectors. 24 accumulators of 32 registers (AVX-512) or 12 of 16 (AVX2) leave room for the
// vectors of B and the broadcast element of A, and hide the latency of the multiply-add (4 cycles x
// 2 ports) more than once. Without fused multiply-add a product needs a register of its own.
constexpr int kMr = kLanes == 16 ? 12 : kLanes == 8 ? 6 : 4;
constexpr int kNv = 2;
constexpr int kNr = kNv * kLanes;
// Few rows: several panels at once, so that there are enough independent sums and open streams from
// memory.
constexpr int kWideRows = kLanes == 16 ? 3 : 1;
constexpr int kWidePanels = kLanes == 4 ? 2 : 4;
// Two panels under half as many rows: as many sums from fewer loads, and from few enough lines of
// A. Rows that are a multiple of 4 KiB apart share one set of the first-level cache, of 8 ways.
constexpr int kPairRows = kLanes == 16 ? kMr / 2 : 0;
// Rows that are neither one nor two floats apart in planes are rare (the patches of a transformer):
// half as tall tiles cost 2 % of their time and save 60 KB.
constexpr int kIndexedRows = kLanes == 16 ? kMr / 2 : kMr;
// Rows of B ahead of their use.
constexpr int kPrefetchRows = 16;
// Tiles of rows that share the fetching of the next panel.
constexpr int kFetchingTiles = 16;
// Places of it that small tiles fetch from in turns: they wait for memory, which gives more to
// several streams than to one. Larger tiles have neither the registers nor the time for it.
constexpr int kStreams = kLanes == 8 ? 4 : 1;

// Row i of the tile in C or the residual: one stride apart, or wherever the index says.
template <class T, int kRows>
FERRY_INLINE void find_rows(T* base, int64_t stride, const int32_t* index, int64_t first_row,
                            T* (&rows)[kRows]) {
  if (index == nullptr) [[likely]] {
    T* row = base + first_row * stride;
    FERRY_UNROLL
    for (int i = 0; i < kRows; ++i, row += stride) rows[i] = row;
  } else {
    FERRY_UNROLL
    for (int i = 0; i < kRows; ++i) rows[i] = base + index[first_row + i] * stride;
  }
}

// The last vector of a row is partial unless kFull.
template <bool kFull, int kVectors>
FERRY_INLINE F32 load_part(const float* row, int j, Mask last) {
  return !kFull && j == kVectors - 1 ? load(row + j * kLanes, last) : load(row + j * kLanes);
}

template <bool kFull, int kRows, int kVectors>
FERRY_INLINE void start_tile(F32 (&acc)[kRows][kVectors], const GemmPanel& p, int64_t first_row,
                             Mask last) {
  F32 start[kVectors];
  FERRY_UNROLL
  for (int j = 0; j < kVectors; ++j) {
    start[j] = p.bias != nullptr ? load_part<kFull, kVectors>(p.bias, j, last) : zero();
  }
  FERRY_UNROLL
  for (int i = 0; i < kRows; ++i) {
    FERRY_UNROLL
    for (int j = 0; j < kVectors; ++j) acc[i][j] = start[j];
  }
  if (!p.load_c) return;
  const float* rows[kRows];
  find_rows<const float, kRows>(p.c, p.ldc, p.out_index, first_row, rows);
  FERRY_UNROLL
  for (int i = 0; i < kRows; ++i) {
    FERRY_UNROLL
    for (int j = 0; j < kVectors; ++j) {
      const F32 before = load_part<kFull, kVectors>(rows[i], j, last);
      // Adding a zero would turn a negative zero positive, and so betray where a chunk began.
      acc[i][j] = p.bias != nullptr ? before + start[j] : before;
    }
  }
}

template <bool kFull, int kRows, int kVectors>
FERRY_INLINE void add_rows(F32 (&acc)[kRows][kVectors], const float* base, int64_t stride,
                           const int32_t* index, int64_t first_row, Mask last) {
  const float* rows[kRows];
  find_rows<const float, kRows>(base, stride, index, first_row, rows);
  FERRY_UNROLL
  for (int i = 0; i < kRows; ++i) {
    FERRY_UNROLL
    for (int j = 0; j < kVectors; ++j)
      acc[i][j] = acc[i][j] + load_part<kFull, kVectors>(rows[i], j, last);
  }
}

template <bool kFull, int kRows, int kVectors>
FERRY_INLINE void finish_tile(F32 (&acc)[kRows][kVectors], const GemmPanel& p, int64_t first_row,
                              Mask last) {
  if (p.add_c) [[unlikely]]
    add_rows<kFull>(acc, p.c, p.ldc, p.out_index, first_row, last);
  if (p.residual != nullptr) add_rows<kFull>(acc, p.residual, p.ldr, p.out_index, first_row, last);
  if (p.lo > -__builtin_inff()) {
    const F32 lo = splat(p.lo);
    FERRY_UNROLL
    for (int i = 0; i < kRows; ++i) {
      FERRY_UNROLL
      for (int j = 0; j < kVectors; ++j) acc[i][j] = max(lo, acc[i][j]);
    }
  }
  if (p.hi < __builtin_inff()) {
    const F32 hi = splat(p.hi);
    FERRY_UNROLL
    for (int i = 0; i < kRows; ++i) {
      FERRY_UNROLL
      for (int j = 0; j < kVectors; ++j) acc[i][j] = min(hi, acc[i][j]);
    }
  }
  float* rows[kRows];
  find_rows<float, kRows>(p.c, p.ldc, p.out_index, first_row, rows);
  FERRY_UNROLL
  for (int i = 0; i < kRows; ++i) {
    FERRY_UNROLL
    for (int j = 0; j < kVectors; ++j) {
      if (!kFull && j == kVectors - 1) {
        store(rows[i] + j * kLanes, acc[i][j], last);
      } else {
        store(rows[i] + j * kLanes, acc[i][j]);
      }
    }
  }
}

// True when every row of a tile points at zeros for a tap. Neither a call, which would spill the
// sums, nor unrolled: the tiles are many.
FERRY_INLINE bool all_zeros(const float* const* table, int64_t taps, int rows, const float* zeros) {
#pragma GCC unroll 1
  for (int i = 0; i < rows; ++i) {
    if (table[i * taps] != zeros) return false;
  }
  return true;
}

// How the elements of A are found.
enum class Access {
  kRows,        // a pointer per row
  kIndexed,     // k_offsets, any stride between rows
  kIndexedBy1,  // k_offsets and rows one float apart: every element of a column of A from one
                // pointer
  kIndexedBy2,
};

// kPanels > 1: vector j lies in panel j / kNv.
template <int kRows, int kVectors, int kPanels, Access kAccess>
[[gnu::noinline]] void tile(const GemmPanel& p, int64_t first_row) noexcept {
  constexpr int kPerPanel = kVectors / kPanels;
  constexpr int kStep = kAccess == Access::kIndexedBy1 ? 1 : kAccess == Access::kIndexedBy2 ? 2 : 0;
  F32 acc[kRows][kVectors];
  const Mask last = first_n(p.cols - (kVectors - 1) * kLanes);
  const bool full = p.cols == kVectors * kLanes;
  if (full) {
    start_tile<true>(acc, p, first_row, last);
  } else {
    start_tile<false>(acc, p, first_row, last);
  }
  const float* b = p.b;
  // Each of the first tiles of rows fetches its share of the next panel, so that nobody waits for
  // memory when it is due.
  constexpr bool kSmall = kRows <= kMr * 2 / 3;
  constexpr int kFrom = kSmall ? kStreams : 1;
  const char* ahead[kFrom];
  FERRY_UNROLL
  for (int i = 0; i < kFrom; ++i) ahead[i] = reinterpret_cast<const char*>(b);
  int64_t ahead_step = 0;
  if (kAccess == Access::kRows && kPanels <= 2 && p.next_b != nullptr) {
    const int64_t sharing = smaller<int64_t>(p.rows, kFetchingTiles * kMr);
    const int64_t row_bytes = kPerPanel * kLanes * int64_t{sizeof(float)};
    if (first_row + kRows <= sharing) {
      const int64_t steps = (p.tap_end - p.tap_begin) * (p.k_end - p.k_begin);
      ahead_step = row_bytes * kRows / sharing;
      const char* at = reinterpret_cast<const char*>(p.next_b);
      at += steps * row_bytes * first_row / sharing;
      FERRY_UNROLL
      for (int i = 0; i < kFrom; ++i, at += steps / kFrom * ahead_step) ahead[i] = at;
    }
  }
  const bool from_table = p.a_rows != nullptr;
  const float* row_of_a = from_table ? nullptr : p.a + first_row * p.lda;
  for (int64_t t = p.tap_begin; t < p.tap_end; ++t) {
    const float* row[kRows];
    const float* const* table = from_table ? p.a_rows + first_row * p.taps + t : nullptr;
    if (kAccess == Access::kRows && p.zeros != nullptr) [[unlikely]] {
      if (all_zeros(table, p.taps, kRows, p.zeros)) {
        b += (p.k_end - p.k_begin) * kPerPanel * kLanes;
        continue;
      }
    }
    FERRY_UNROLL
    for (int i = 0; i < kRows; ++i) {
      row[i] = from_table ? table[i * p.taps] + p.a_offset : row_of_a + i * p.lda;
    }
    const int64_t end = p.k_end;
    for (int64_t k = p.k_begin; k < end; ++k) {
      const int64_t at = kAccess == Access::kRows ? k : p.k_offsets[k];
      F32 vb[kVectors];
      FERRY_UNROLL
      for (int j = 0; j < kVectors; ++j) {
        vb[j] = load(b + (j / kPerPanel) * p.panel_stride + (j % kPerPanel) * kLanes);
      }
      if constexpr (kAccess == Access::kRows) {
        FERRY_UNROLL
        for (int i = 0; i < (kPanels <= 2 ? kPanels : 1); ++i) {
          const float* soon = b + i * p.panel_stride + kPrefetchRows * kPerPanel * kLanes;
          prefetch(soon);
          if (kPerPanel * kLanes > 16) prefetch(soon + 16);
        }
        if constexpr (kPanels <= 2) {
          const char* const now = ahead[0];
          prefetch_l2(now);
          if (kPanels == 2) prefetch_l2(now + p.panel_stride * int64_t{sizeof(float)});
          // Rows of two lines are a step apart where one tile fetches alone.
          if (kSmall && kPerPanel * kLanes > 16) prefetch_l2(now + 64);
          FERRY_UNROLL
          for (int i = 0; i + 1 < kFrom; ++i) ahead[i] = ahead[i + 1];
          ahead[kFrom - 1] = now + ahead_step;
        }
      }
      b += kPerPanel * kLanes;
      FERRY_UNROLL
      for (int i = 0; i < kRows; ++i) {
        const F32 va = splat(kStep > 0 ? row[0][at + i * kStep] : row[i][at]);
        FERRY_UNROLL
        for (int j = 0; j < kVectors; ++j) acc[i][j] = fma(va, vb[j], acc[i][j]);
      }
    }
  }
  if (full) {
    finish_tile<true>(acc, p, first_row, last);
  } else {
    finish_tile<false>(acc, p, first_row, last);
  }
}

using Tile = void (*)(const GemmPanel& p, int64_t first_row) noexcept;

// Index: rows, of which the first tile has none.
template <int kMost>
struct TileTable {
  Tile by_rows[kMost + 1];
};
template <int kVectors, int kPanels, Access kAccess, int... kBefore>
constexpr TileTable<sizeof...(kBefore)> tile_table(std::integer_sequence<int, kBefore...>) {
  return {{nullptr, tile<kBefore + 1, kVectors, kPanels, kAccess>...}};
}
template <int kVectors, int kPanels, Access kAccess, int kMost>
constexpr TileTable<kMost> kTiles =
    tile_table<kVectors, kPanels, kAccess>(std::make_integer_sequence<int, kMost>());

constexpr const Tile* kWide =
    kTiles<kWidePanels * kNv, kWidePanels, Access::kRows, kWideRows>.by_rows;
constexpr const Tile* kPairs = kTiles<2 * kNv, 2, Access::kRows, kPairRows>.by_rows;

template <Access kAccess, int kMost>
const Tile* tiles_of_width(int64_t cols) {
  return cols > kLanes ? kTiles<2, 1, kAccess, kMost>.by_rows
                       : kTiles<1, 1, kAccess, kMost>.by_rows;
}

const Tile* tiles_for(const GemmPanel& p) {
  if (p.k_offsets == nullptr) return tiles_of_width<Access::kRows, kMr>(p.cols);
  if (p.lda == 1) return tiles_of_width<Access::kIndexedBy1, kMr>(p.cols);
  if (p.lda == 2) return tiles_of_width<Access::kIndexedBy2, kMr>(p.cols);
  return tiles_of_width<Access::kIndexed, kIndexedRows>(p.cols);
}

#if FERRY_ISA_LEVEL == 2
// Up to kThinCols columns: a vector holds rows, which a block of A is turned for. The sums are the
// same chains. With shorter vectors the wait for one sum after the other takes what this saves.
constexpr int kThinCols = 4;
constexpr int64_t kThinRows = 6;  // with fewer, turning costs more than it saves
FERRY_INLINE bool is_thin(const GemmPanel& p) {
  return p.cols <= kThinCols && p.rows >= kThinRows && p.a_rows == nullptr &&
         p.k_offsets == nullptr;
}

// Lane i of the result is base[i * stride], or where the index says; and back.
[[gnu::noinline]] F32 load_column(const float* base, int64_t stride, const int32_t* index,
                                  int64_t row, int64_t rows) {
  float lane[kLanes] = {};
  for (int64_t i = 0; i < rows; ++i) {
    lane[i] = base[(index == nullptr ? row + i : index[row + i]) * stride];
  }
  return load(lane);
}
[[gnu::noinline]] void store_column(F32 v, float* base, int64_t stride, const int32_t* index,
                                    int64_t row, int64_t rows) {
  float lane[kLanes];
  store(lane, v);
  for (int64_t i = 0; i < rows; ++i) {
    base[(index == nullptr ? row + i : index[row + i]) * stride] = lane[i];
  }
}

template <int kCols>
[[gnu::noinline]] void thin_tile(const GemmPanel& p, int64_t row, int64_t rows) noexcept {
  const int64_t cols = smaller<int64_t>(kCols, p.cols);
  F32 acc[kCols];
  FERRY_UNROLL
  for (int j = 0; j < kCols; ++j) {
    acc[j] = zero();
    if (j >= cols) continue;
    if (p.bias != nullptr) acc[j] = splat(p.bias[j]);
    if (p.load_c) {
      const F32 before = load_column(p.c + j, p.ldc, p.out_index, row, rows);
      acc[j] = p.bias != nullptr ? before + acc[j] : before;
    }
  }
  const float* b = p.b;
  for (int64_t k = p.k_begin; k < p.k_end; k += kLanes) {
    const int64_t depth = smaller<int64_t>(kLanes, p.k_end - k);
    const float* a = p.a + row * p.lda + k;
    int64_t lda = p.lda;
    float whole[kLanes * kLanes];
    if (depth < kLanes || rows < kLanes) {
      for (int64_t i = 0; i < kLanes; ++i) {
        store(whole + i * kLanes, i < rows ? load_n(a + i * lda, depth) : zero());
      }
      a = whole, lda = kLanes;
    }
    F32 block[kLanes];
    FERRY_UNROLL
    for (int i = 0; i < kLanes; ++i) block[i] = load(a + i * lda);
    transpose(block);
    FERRY_UNROLL
    for (int i = 0; i < kLanes; ++i) {
      if (i == depth) break;
      FERRY_UNROLL
      for (int j = 0; j < kCols; ++j) acc[j] = fma(block[i], splat(b[j]), acc[j]);
      b += kLanes;
    }
  }
  FERRY_UNROLL
  for (int j = 0; j < kCols; ++j) {
    if (j >= cols) break;
    if (p.add_c) acc[j] = acc[j] + load_column(p.c + j, p.ldc, p.out_index, row, rows);
    if (p.residual != nullptr) {
      acc[j] = acc[j] + load_column(p.residual + j, p.ldr, p.out_index, row, rows);
    }
    if (p.lo > -__builtin_inff()) acc[j] = max(splat(p.lo), acc[j]);
    if (p.hi < __builtin_inff()) acc[j] = min(splat(p.hi), acc[j]);
    store_column(acc[j], p.c + j, p.ldc, p.out_index, row, rows);
  }
}

void thin_panel(const GemmPanel& p) noexcept {
  const auto tile = p.cols == 1 ? thin_tile<1> : thin_tile<kThinCols>;
  for (int64_t row = 0; row < p.rows; row += kLanes) {
    tile(p, row, smaller<int64_t>(kLanes, p.rows - row));
  }
}
#endif

// Rows are dealt out evenly: a short last tile would leave the multiply-add units waiting.
void panel(const GemmPanel& p) noexcept {
  const bool pair = kPairRows > 0 && p.cols > kNr && p.cols <= 2 * kNr;
  if (p.cols > kNr && !pair) return kWide[p.rows](p, 0);
#if FERRY_ISA_LEVEL == 2
  if (is_thin(p)) return thin_panel(p);
#endif
  const Tile* tiles = pair ? kPairs : tiles_for(p);
  const bool indexed = p.k_offsets != nullptr && p.lda > 2;
  const int64_t most = pair ? kPairRows : indexed ? kIndexedRows : kMr;
  int64_t tiles_left = (p.rows + most - 1) / most;
  int64_t row = 0;
  for (; tiles_left > 0; --tiles_left) {
    const int64_t rows = (p.rows - row + tiles_left - 1) / tiles_left;
    tiles[rows](p, row);
    row += rows;
  }
}

// The last vector is partial unless kFull.
template <int kRows, int kVectors, bool kFull>
[[gnu::noinline]] void rows_tile(const GemmRows& p, int64_t column, Mask last) noexcept {
  F32 acc[kRows][kVectors] = {};
  const float* b = p.k > 0 ? p.b + column : nullptr;
  for (int64_t k = 0; k < p.k; ++k, b += p.ldb) {
    F32 vb[kVectors];
    FERRY_UNROLL
    for (int j = 0; j < kVectors; ++j) vb[j] = load_part<kFull, kVectors>(b, j, last);
    FERRY_UNROLL
    for (int i = 0; i < kRows; ++i) {
      const F32 va = splat(p.a[i * p.lda + k]);
      FERRY_UNROLL
      for (int j = 0; j < kVectors; ++j) acc[i][j] = fma(va, vb[j], acc[i][j]);
    }
  }
  FERRY_UNROLL
  for (int i = 0; i < kRows; ++i) {
    float* c = p.c + i * p.ldc + column;
    FERRY_UNROLL
    for (int j = 0; j < kVectors; ++j) {
      if (!kFull && j == kVectors - 1) {
        store(c + j * kLanes, acc[i][j], last);
      } else {
        store(c + j * kLanes, acc[i][j]);
      }
    }
  }
}

template <int kRows>
void rows_of(const GemmRows& p) noexcept {
  constexpr int kMost = kWidePanels * kNv;
  int64_t column = 0;
  for (; column + kMost * kLanes <= p.cols; column += kMost * kLanes) {
    rows_tile<kRows, kMost, true>(p, column, first_n(kLanes));
  }
  for (; column + kNr < p.cols; column += kNr) {
    rows_tile<kRows, kNv, true>(p, column, first_n(kLanes));
  }
  if (p.cols - column > kLanes) {
    rows_tile<kRows, kNv, false>(p, column, first_n(p.cols - column - kLanes));
  } else if (column < p.cols) {
    rows_tile<kRows, 1, false>(p, column, first_n(p.cols - column));
  }
}

void few_rows(const GemmRows& p) noexcept {
  if (p.rows == 1) return rows_of<1>(p);
  if constexpr (kWideRows > 1) p.rows == 2 ? rows_of<2>(p) : rows_of<3>(p);
}

FERRY_INLINE void pack_rows(const float* b, int64_t row_stride, int64_t k, int64_t cols,
                            int64_t width, float* out) {
  for (int64_t i = 0; i < k; ++i) {
    for (int64_t j = 0; j < width; j += kLanes) {
      const int64_t left = smaller<int64_t>(larger<int64_t>(cols - j, 0), kLanes);
      store(out + j, left == kLanes ? load(b + j) : load_n(b + j, left));
    }
    b += row_stride;
    out += width;
  }
}

// Columns are contiguous: blocks of kLanes x kLanes are turned in registers. Source row i becomes
// row (i % taps) * (k / taps) + i / taps.
FERRY_INLINE void pack_columns(const float* b, int64_t col_stride, int64_t k, int64_t taps,
                               int64_t cols, int64_t width, float* out) {
  const int64_t per_tap = k / taps;
  for (int64_t j = 0; j < width; j += kLanes) {
    int64_t tap = 0, within = 0;
    for (int64_t i = 0; i < k; i += kLanes) {
      const int64_t depth = smaller<int64_t>(k - i, kLanes);
      F32 block[kLanes];
      if (depth == kLanes && j + kLanes <= cols) {
        FERRY_UNROLL
        for (int x = 0; x < kLanes; ++x) block[x] = load(b + (j + x) * col_stride + i);
      } else {
        FERRY_UNROLL
        for (int x = 0; x < kLanes; ++x) {
          block[x] = j + x < cols ? load_n(b + (j + x) * col_stride + i, depth) : zero();
        }
      }
      transpose(block);
      for (int64_t x = 0; x < depth; ++x) {
        store(out + (tap * per_tap + within) * width + j, block[x]);
        if (++tap == taps) tap = 0, ++within;
      }
    }
  }
}

FERRY_INLINE int64_t panel_width(int64_t cols) {
  return cols >= kNr ? kNr : (cols + kLanes - 1) / kLanes * kLanes;
}

void pack_taps(const float* weights, int64_t k, int64_t taps, int64_t n, float* packed) noexcept {
  if (k <= 0) return;  // weights may be null
  for (int64_t j = 0; j < n; j += kNr) {
    const int64_t cols = smaller<int64_t>(n - j, kNr);
    pack_columns(weights + j * k * taps, k * taps, k * taps, taps, cols, panel_width(cols),
                 packed + j * k * taps);
  }
}

void pack_b(const float* b, int64_t row_stride, int64_t col_stride, int64_t k, int64_t n,
            int64_t n0, int64_t n1, int64_t row, int64_t k_total, float* packed) noexcept {
  if (k <= 0) return;  // b may be null
  for (int64_t j = n0; j < n1; j += kNr) {
    const int64_t cols = smaller<int64_t>(n - j, kNr);
    const int64_t width = panel_width(cols);
    const float* from = b + j * col_stride;
    float* out = packed + j * k_total + row * width;
    if (col_stride == 1) {
      pack_rows(from, row_stride, k, cols, width, out);
    } else if (row_stride == 1) {
      pack_columns(from, col_stride, k, 1, cols, width, out);
    } else {
      for (int64_t i = 0; i < k; ++i) {
        for (int64_t x = 0; x < width; ++x) {
          out[i * width + x] = x < cols ? from[i * row_stride + x * col_stride] : 0.0f;
        }
      }
    }
  }
}

}  // namespace

extern const GemmKernels kGemm = {
    .mr = kMr,
    .nr = kNr,
    .wide_rows = kWideRows,
    .wide_panels = kWidePanels,
    .panels = kPairRows > 0 ? 2 : 1,
    .lanes = kLanes,
    .panel = panel,
    .few_rows = few_rows,
    .pack_b = pack_b,
    .pack_taps = pack_taps,
};

}  // namespace ferry::FERRY_ISA
