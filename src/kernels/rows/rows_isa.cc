// SPDX-License-Identifier: Apache-2.0
#include "kernels/in_pieces.h"
#include "kernels/rows/rows.h"
#include "kernels/vec_math.h"

namespace ferry::FERRY_ISA {
namespace {

constexpr float kInfinity = __builtin_inff();
constexpr int kAhead = 4;  // independent sums, to hide the latency of an addition

// One reduction: where it starts, how an element joins, how two partial results do. NaN spreads.
template <RowReduction kKind>
struct Fold {
  [[gnu::always_inline]] static inline float start() {
    return kKind == RowReduction::kMax ? -kInfinity : kKind == RowReduction::kMin ? kInfinity : 0;
  }
  [[gnu::always_inline]] static inline F32 join(F32 sum, F32 v) {
    if constexpr (kKind == RowReduction::kMax) return max_nan(v, sum);
    if constexpr (kKind == RowReduction::kMin) return min_nan(v, sum);
    if constexpr (kKind == RowReduction::kSumSquare) return fma(v, v, sum);
    if constexpr (kKind == RowReduction::kL1) return sum + abs(v);
    return sum + v;
  }
  [[gnu::always_inline]] static inline F32 merge(F32 a, F32 b) {
    if constexpr (kKind == RowReduction::kMax) return max_nan(a, b);
    if constexpr (kKind == RowReduction::kMin) return min_nan(a, b);
    return a + b;
  }
  [[gnu::always_inline]] static inline float across(F32 v) {
    if constexpr (kKind == RowReduction::kMax || kKind == RowReduction::kMin) {
      if (any(is_nan(v))) return __builtin_nanf("");
      return kKind == RowReduction::kMax ? reduce_max(v) : reduce_min(v);
    }
    return reduce_add(v);
  }
};

template <RowReduction kKind, class P>
FERRY_INLINE float fold_row(const float* x, int64_t n, P pause) {
  using F = Fold<kKind>;
  F32 sum[kAhead];
  FERRY_UNROLL
  for (int k = 0; k < kAhead; ++k) sum[k] = splat(F::start());
  int64_t i = 0;
  const bool all = in_pieces(n, kPiece, pause, [&](int64_t, int64_t to) {
    for (; i + kAhead * kLanes <= to; i += kAhead * kLanes) {
      FERRY_UNROLL
      for (int k = 0; k < kAhead; ++k) sum[k] = F::join(sum[k], load(x + i + k * kLanes));
    }
  });
  if (!all) return 0;
  for (; i + kLanes <= n; i += kLanes) sum[0] = F::join(sum[0], load(x + i));
  if (i < n) {
    const Mask m = first_n(n - i);
    sum[1] = F::join(sum[1], select(m, load(x + i, m), splat(F::start())));
  }
  return F::across(F::merge(F::merge(sum[0], sum[1]), F::merge(sum[2], sum[3])));
}

template <RowReduction kKind>
FERRY_INLINE void reduce_of(const float* x, float* y, int64_t rows, int64_t n, float factor,
                            const Pause& pause) {
  with_pause(n, pause, [&](auto p) {
    for (int64_t r = 0; r < rows; ++r) y[r] = fold_row<kKind>(x + r * n, n, p) * factor;
  });
}

void reduce(RowReduction kind, const float* x, float* y, int64_t rows, int64_t n, float factor,
            const Pause& pause) noexcept {
  switch (kind) {
    case RowReduction::kSum:
      return reduce_of<RowReduction::kSum>(x, y, rows, n, factor, pause);
    case RowReduction::kMax:
      return reduce_of<RowReduction::kMax>(x, y, rows, n, factor, pause);
    case RowReduction::kMin:
      return reduce_of<RowReduction::kMin>(x, y, rows, n, factor, pause);
    case RowReduction::kSumSquare:
      return reduce_of<RowReduction::kSumSquare>(x, y, rows, n, factor, pause);
    case RowReduction::kL1:
      return reduce_of<RowReduction::kL1>(x, y, rows, n, factor, pause);
  }
}

// Rows that are `stride` apart join the sums of columns [0, cols), or start them. Whole vectors of
// `sum` are written.
template <RowReduction kKind, int kRows>
FERRY_INLINE void join_rows(const float* x, int64_t stride, int64_t cols, float* sum, bool starts) {
  using F = Fold<kKind>;
  int64_t c = 0;
  for (; c + kLanes <= cols; c += kLanes) {
    F32 s = starts ? splat(F::start()) : load(sum + c);
    FERRY_UNROLL
    for (int k = 0; k < kRows; ++k) s = F::join(s, load(x + k * stride + c));
    store(sum + c, s);
  }
  if (c == cols) return;
  const Mask m = first_n(cols - c);
  F32 s = starts ? splat(F::start()) : load(sum + c);
  FERRY_UNROLL
  for (int k = 0; k < kRows; ++k) s = F::join(s, load(x + k * stride + c, m));
  store(sum + c, s);
}

// 16 KiB of sums, half of L1.
constexpr int64_t kTile = 4096;

// At most kTile columns: a few rows at a time are read as they lie. Blocks of rows keep sums short
// and exact.
template <RowReduction kKind>
[[gnu::noinline]] void fold_tile(const float* x, float* y, int64_t n, int64_t stride, int64_t cols,
                                 float factor, const Pause& pause) {
  using F = Fold<kKind>;
  constexpr int64_t kBlock = 256;
  constexpr int kRows = 4;
  alignas(64) float sum[kTile + kLanes];
  for (int64_t c = 0; n == 0 && c < cols; c += kLanes) store(sum + c, splat(F::start()));
  int64_t left = kPiece;
  for (int64_t r0 = 0; r0 < n || r0 == 0; r0 += kBlock) {
    left -= kBlock * cols;
    if (left < 0) {
      if (leaves_off(pause)) return;
      left = kPiece;
    }
    const int64_t r1 = smaller(n, r0 + kBlock);
    int64_t r = r0;
    for (; r + kRows <= r1; r += kRows) {
      join_rows<kKind, kRows>(x + r * stride, stride, cols, sum, r == r0);
    }
    for (; r < r1; ++r) join_rows<kKind, 1>(x + r * stride, stride, cols, sum, r == r0);
    const F32 scale = splat(r1 == n ? factor : 1.0f);
    for (int64_t c = 0; c < cols; c += kLanes) {
      const int64_t lanes = smaller<int64_t>(kLanes, cols - c);
      const F32 s = load(sum + c);
      store_n(y + c, (r0 == 0 ? s : F::merge(load_n(y + c, lanes), s)) * scale, lanes);
    }
  }
}

template <RowReduction kKind>
FERRY_INLINE void columns_of(const float* x, float* y, int64_t n, int64_t stride, int64_t cols,
                             float factor, const Pause& pause) {
  using F = Fold<kKind>;
  // Rows of a few values that follow each other: several of them count as one.
  constexpr int64_t kNarrow = 16, kSpan = 64;
  if (cols == stride && cols > 0 && cols <= kNarrow && n >= 2 * kSpan / cols) {
    float part[kSpan + kLanes];
    const int64_t together = kSpan / cols, whole = n / together;
    fold_tile<kKind>(x, part, whole, together * cols, together * cols, 1.0f, pause);
    for (int64_t c = 0; c < cols; c += kLanes) {
      const int64_t lanes = smaller<int64_t>(kLanes, cols - c);
      F32 s = load(part + c);
      for (int64_t k = 1; k < together; ++k) s = F::merge(s, load(part + k * cols + c));
      for (int64_t r = whole * together; r < n; ++r)
        s = F::join(s, load_n(x + r * cols + c, lanes));
      store_n(y + c, s * splat(factor), lanes);
    }
    return;
  }
  for (int64_t c = 0; c < cols; c += kTile) {
    fold_tile<kKind>(x + c, y + c, n, stride, smaller(kTile, cols - c), factor, pause);
  }
}

void reduce_columns(RowReduction kind, const float* x, float* y, int64_t n, int64_t stride,
                    int64_t cols, float factor, const Pause& pause) noexcept {
  switch (kind) {
    case RowReduction::kSum:
      return columns_of<RowReduction::kSum>(x, y, n, stride, cols, factor, pause);
    case RowReduction::kMax:
      return columns_of<RowReduction::kMax>(x, y, n, stride, cols, factor, pause);
    case RowReduction::kMin:
      return columns_of<RowReduction::kMin>(x, y, n, stride, cols, factor, pause);
    case RowReduction::kSumSquare:
      return columns_of<RowReduction::kSumSquare>(x, y, n, stride, cols, factor, pause);
    case RowReduction::kL1:
      return columns_of<RowReduction::kL1>(x, y, n, stride, cols, factor, pause);
  }
}

template <class P>
FERRY_INLINE void softmax_row(const float* x, float* y, int64_t n, bool log, P pause) {
  const int64_t whole = n / kLanes * kLanes;
  const Mask rest = first_n(n - whole);
  F32 high = splat(-kInfinity);
  bool all = in_pieces(whole, kPiece, pause, [&](int64_t i, int64_t to) {
    for (; i < to; i += kLanes) high = max(load(x + i), high);
  });
  if (!all) return;
  if (whole < n) high = max(select(rest, load(x + whole, rest), splat(-kInfinity)), high);
  const F32 top = splat(reduce_max(high));
  F32 sum = zero();
  all = in_pieces(whole, kPiece, pause, [&](int64_t i, int64_t to) {
    for (; i + kAhead * kLanes <= to; i += kAhead * kLanes) {
      F32 d[kAhead], e[kAhead];
      FERRY_UNROLL
      for (int k = 0; k < kAhead; ++k) {
        d[k] = load(x + i + k * kLanes) - top;
        e[k] = exp(d[k]);
      }
      FERRY_UNROLL
      for (int k = 0; k < kAhead; ++k) {
        store(y + i + k * kLanes, log ? d[k] : e[k]);
        sum = sum + e[k];
      }
    }
    for (; i < to; i += kLanes) {
      const F32 d = load(x + i) - top, e = exp(d);
      store(y + i, log ? d : e);
      sum = sum + e;
    }
  });
  if (!all) return;
  if (whole < n) {
    const F32 d = load(x + whole, rest) - top, e = exp(d);
    store(y + whole, log ? d : e, rest);
    sum = sum + select(rest, e, zero());
  }
  const float total = reduce_add(sum);
  if (log) {
    const F32 shift = splat(__builtin_logf(total));
    in_pieces(whole, kPiece, pause, [&](int64_t i, int64_t to) {
      for (; i < to; i += kLanes) store(y + i, load(y + i) - shift);
    });
    if (whole < n) store(y + whole, load(y + whole, rest) - shift, rest);
    return;
  }
  const F32 inverse = splat(1.0f / total);
  in_pieces(whole, kPiece, pause, [&](int64_t i, int64_t to) {
    for (; i < to; i += kLanes) store(y + i, load(y + i) * inverse);
  });
  if (whole < n) store(y + whole, load(y + whole, rest) * inverse, rest);
}

// kRows rows of at most kVectors vectors, which stay in registers: all of it is read before
// anything is written, because a load behind a masked store to its line waits for the store.
template <int kVectors, int kRows>
FERRY_INLINE void softmax_short(const float* x, float* y, int64_t n, bool log) {
  constexpr int kLast = kVectors - 1;
  const Mask rest = first_n(n - kLast * kLanes);
  F32 v[kRows][kVectors], shift[kRows];
  FERRY_UNROLL
  for (int r = 0; r < kRows; ++r) {
    FERRY_UNROLL
    for (int k = 0; k < kLast; ++k) v[r][k] = load(x + r * n + k * kLanes);
    v[r][kLast] = select(rest, load(x + r * n + kLast * kLanes, rest), splat(-kInfinity));
  }
  FERRY_UNROLL
  for (int r = 0; r < kRows; ++r) {
    F32 high = splat(-kInfinity);
    FERRY_UNROLL
    for (int k = 0; k < kVectors; ++k) high = max(v[r][k], high);
    const F32 top = splat(reduce_max(high));
    F32 sum = zero();
    FERRY_UNROLL
    for (int k = 0; k < kVectors; ++k) {
      const F32 d = v[r][k] - top, e = exp(d);
      v[r][k] = log ? d : e;
      sum = sum + (k < kLast ? e : select(rest, e, zero()));
    }
    const float total = reduce_add(sum);
    shift[r] = log ? splat(__builtin_logf(total)) : splat(1.0f / total);
  }
  FERRY_UNROLL
  for (int r = 0; r < kRows; ++r) {
    FERRY_UNROLL
    for (int k = 0; k < kVectors; ++k) {
      const F32 result = log ? v[r][k] - shift[r] : v[r][k] * shift[r];
      if (k < kLast) {
        store(y + r * n + k * kLanes, result);
      } else {
        store(y + r * n + k * kLanes, result, rest);
      }
    }
  }
}

template <int kVectors, int kRows>
FERRY_INLINE void softmax_short_rows(const float* x, float* y, int64_t rows, int64_t n, bool log) {
  int64_t r = 0;
  for (; r + kRows <= rows; r += kRows) {
    softmax_short<kVectors, kRows>(x + r * n, y + r * n, n, log);
  }
  for (; r < rows; ++r) softmax_short<kVectors, 1>(x + r * n, y + r * n, n, log);
}

void softmax(const float* x, float* y, int64_t rows, int64_t n, bool log,
             const Pause& pause) noexcept {
  if (n <= kLanes) return softmax_short_rows<1, 4>(x, y, rows, n, log);
  if (n <= 2 * kLanes) return softmax_short_rows<2, 4>(x, y, rows, n, log);
  if (n <= 3 * kLanes) return softmax_short_rows<3, 2>(x, y, rows, n, log);
  with_pause(n, pause, [&](auto p) {
    for (int64_t r = 0; r < rows; ++r) softmax_row(x + r * n, y + r * n, n, log, p);
  });
}

// Every lane of a column holds what `join` makes of all of them.
template <class Join>
FERRY_INLINE F32 join_columns(F32 v, int64_t cols, int64_t lanes, Join join) {
  float held[kLanes];
  store(held, v);
  for (int64_t l = cols; l < lanes; ++l) held[l % cols] = join(held[l % cols], held[l]);
  for (int64_t l = cols; l < lanes; ++l) held[l] = held[l % cols];
  return load(held);
}

// Few columns without gaps: a vector takes several rows of them.
struct NarrowRows {
  int64_t together, vectors;
  Mask used, rest;

  NarrowRows(int64_t n, int64_t cols)
      : together(kLanes / cols * cols),
        vectors(n * cols / together),
        used(first_n(together)),
        rest(first_n(n * cols - vectors * together)) {}

  Mask mask(int64_t i) const { return i < vectors ? used : rest; }

  // Stores make(vector of x, its mask). The next vector is read before one is written, because a
  // load behind a masked store to its line waits for the store.
  template <class Make>
  FERRY_INLINE bool map(const float* x, float* y, const Pause& pause, Make make) const {
    F32 next = load(x, mask(0));
    return in_pieces(vectors + 1, kPiece / 8, pause, [&](int64_t i, int64_t end) {
      for (; i < end; ++i) {
        const F32 v = next;
        if (i < vectors) next = load(x + (i + 1) * together, mask(i + 1));
        store(y + i * together, make(v, mask(i)), mask(i));
      }
    });
  }
};

void softmax_narrow(const float* x, float* y, int64_t n, int64_t cols, bool log,
                    const Pause& pause) {
  const NarrowRows rows(n, cols);
  F32 top = splat(-kInfinity), sum = zero();
  bool all = in_pieces(rows.vectors + 1, kPiece / 8, pause, [&](int64_t i, int64_t end) {
    for (; i < end; ++i) {
      const F32 v = load(x + i * rows.together, rows.mask(i));
      top = max(select(rows.mask(i), v, splat(-kInfinity)), top);
    }
  });
  if (!all) return;
  top = join_columns(top, cols, rows.together, [](float a, float b) { return a > b ? a : b; });
  all = rows.map(x, y, pause, [&](F32 v, Mask counts) {
    const F32 d = v - top, e = exp(d);
    sum = sum + select(counts, e, zero());
    return log ? d : e;
  });
  if (!all) return;
  sum = join_columns(sum, cols, rows.together, [](float a, float b) { return a + b; });
  float totals[kLanes];
  store(totals, sum);
  for (float& total : totals) total = log ? __builtin_logf(total) : 1.0f / total;
  const F32 of_column = load(totals);
  rows.map(y, y, pause, [&](F32 v, Mask) { return log ? v - of_column : v * of_column; });
}

void softmax_columns(const float* x, float* y, int64_t n, int64_t stride, int64_t cols, bool log,
                     const Pause& pause) noexcept {
  const bool narrow = stride == cols && 2 * cols <= kLanes && n * cols >= 8 * kLanes;
  if (narrow) return softmax_narrow(x, y, n, cols, log, pause);
  for (int64_t c = 0; c < cols; c += kLanes) {
    const int64_t lanes = smaller<int64_t>(kLanes, cols - c);
    const Mask m = first_n(lanes);
    const float* from = x + c;
    float* to = y + c;
    F32 top = splat(-kInfinity), sum = zero();
    bool all = in_pieces(n, kPiece / 8, pause, [&](int64_t i, int64_t end) {
      for (; i < end; ++i) top = max(load(from + i * stride, m), top);
    });
    if (!all) return;
    all = in_pieces(n, kPiece / 8, pause, [&](int64_t i, int64_t end) {
      for (; i < end; ++i) {
        const F32 d = load(from + i * stride, m) - top, e = exp(d);
        store(to + i * stride, log ? d : e, m);
        sum = sum + e;
      }
    });
    if (!all) return;
    if (log) {
      float totals[kLanes];
      store(totals, sum);
      for (int i = 0; i < kLanes; ++i) totals[i] = __builtin_logf(totals[i]);
      const F32 shift = load(totals);
      in_pieces(n, kPiece / 8, pause, [&](int64_t i, int64_t end) {
        for (; i < end; ++i) store(to + i * stride, load(to + i * stride, m) - shift, m);
      });
      continue;
    }
    const F32 inverse = splat(1.0f) / sum;
    in_pieces(n, kPiece / 8, pause, [&](int64_t i, int64_t end) {
      for (; i < end; ++i) store(to + i * stride, load(to + i * stride, m) * inverse, m);
    });
  }
}

// Sums of d = x - centre and of its squares.
struct Deviations {
  float sum, squares;
};
template <class P>
FERRY_INLINE Deviations deviations(const float* x, int64_t n, F32 centre, P pause) {
  F32 sum[kAhead], squares[kAhead];
  FERRY_UNROLL
  for (int k = 0; k < kAhead; ++k) sum[k] = squares[k] = zero();
  const auto add = [&](int k, F32 d) {
    sum[k] = sum[k] + d;
    squares[k] = fma(d, d, squares[k]);
  };
  int64_t i = 0;
  const bool all = in_pieces(n, kPiece, pause, [&](int64_t, int64_t to) {
    for (; i + kAhead * kLanes <= to; i += kAhead * kLanes) {
      FERRY_UNROLL
      for (int k = 0; k < kAhead; ++k) add(k, load(x + i + k * kLanes) - centre);
    }
  });
  if (!all) return {0, 0};
  for (; i + kLanes <= n; i += kLanes) add(0, load(x + i) - centre);
  if (i < n) {
    const Mask m = first_n(n - i);
    add(1, select(m, load(x + i, m) - centre, zero()));
  }
  return {reduce_add((sum[0] + sum[1]) + (sum[2] + sum[3])),
          reduce_add((squares[0] + squares[1]) + (squares[2] + squares[3]))};
}

struct RowMoments {
  float mean, variance;
};
// The deviations correct what rounding has lost of the mean: of equal values it is that value.
template <class P>
FERRY_INLINE RowMoments row_moments(const float* x, int64_t n, bool centred, P pause) {
  const float count = static_cast<float>(n);
  const float centre = centred ? fold_row<RowReduction::kSum>(x, n, pause) / count : 0.0f;
  const Deviations d = deviations(x, n, splat(centre), pause);
  const float rest = centred ? d.sum / count : 0.0f;
  const float variance = d.squares / count - rest * rest;
  return {centre + rest, variance < 0 ? 0 : variance};
}

template <class P>
FERRY_INLINE void normalize_rows(const float* x, float* y, int64_t rows, int64_t n,
                                 const NormArgs<float>& args, P pause) {
  const int64_t whole = n / kLanes * kLanes;
  const Mask rest = first_n(n - whole);
  for (int64_t r = 0; r < rows; ++r, x += n, y += n) {
    const RowMoments moments = row_moments(x, n, args.centred, pause);
    const float inverse = 1.0f / __builtin_sqrtf(moments.variance + args.epsilon);
    const F32 mean = splat(moments.mean), scale = splat(inverse);
    if (args.mean != nullptr) args.mean[r] = moments.mean;
    if (args.inverse != nullptr) args.inverse[r] = inverse;
    const bool all = in_pieces(whole, kPiece, pause, [&](int64_t i, int64_t to) {
      for (; i < to; i += kLanes) {
        const F32 v = (load(x + i) - mean) * scale, s = load(args.scale + i);
        store(y + i, args.bias != nullptr ? fma(v, s, load(args.bias + i)) : v * s);
      }
    });
    if (!all) return;
    if (whole < n) {
      const F32 v = (load(x + whole, rest) - mean) * scale, s = load(args.scale + whole, rest);
      store(y + whole, args.bias != nullptr ? fma(v, s, load(args.bias + whole, rest)) : v * s,
            rest);
    }
  }
}

void normalize(const float* x, float* y, int64_t rows, int64_t n,
               const NormArgs<float>& args) noexcept {
  with_pause(n, args.pause, [&](auto pause) { normalize_rows(x, y, rows, n, args, pause); });
}

}  // namespace

extern const RowKernels kRowKernels = {softmax, softmax_columns, normalize, reduce, reduce_columns};

}  // namespace ferry::FERRY_ISA
