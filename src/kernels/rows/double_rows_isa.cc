// SPDX-License-Identifier: Apache-2.0
// Compiled with the compiler's vectoriser on (see src/kernels/CMakeLists.txt).
#include "kernels/functions/double_math.h"
#include "kernels/in_pieces.h"
#include "kernels/rows/double_rows.h"

namespace ferry::FERRY_ISA {
namespace {

constexpr double kInfinity = __builtin_inf();
constexpr int kChains = 32;  // independent sums, which the vectoriser takes several at a time

// A whole block of x, of which the values from n on are `rest`.
[[gnu::noinline]] void pad_block(const double* x, int64_t n, double rest, double* block) {
  FERRY_ROLLED
  for (int64_t j = 0; j < kChains; ++j) block[j] = j < n ? x[j] : rest;
}
[[gnu::noinline]] void store_some(const double* block, int64_t n, double* y) {
  FERRY_ROLLED
  for (int64_t j = 0; j < n; ++j) y[j] = block[j];
}

// join(join(start, term(x[0])), term(x[1])), ..., in kChains chains; `idle` changes none.
template <class Term, class Join>
FERRY_INLINE double fold_piece(const double* x, int64_t n, double start, double idle, Term term,
                               Join join) {
  double s[kChains];
  for (double& v : s) v = start;
  int64_t i = 0;
  for (; i + kChains <= n; i += kChains) {
    for (int j = 0; j < kChains; ++j) s[j] = join(s[j], term(x[i + j]));
  }
  if (i < n) {
    double block[kChains];
    pad_block(x + i, n - i, idle, block);
    for (int j = 0; j < kChains; ++j) s[j] = join(s[j], term(block[j]));
  }
  for (int width = kChains / 2; width > 0; width /= 2) {
    for (int j = 0; j < width; ++j) s[j] = join(s[j], s[j + width]);
  }
  return s[0];
}

// Pieces by themselves, so that their loops keep the sums in registers; kPiece is part of the bits.
template <class Term, class Join>
FERRY_INLINE double fold(const double* x, int64_t n, const Pause& pause, double start, double idle,
                         Term term, Join join) {
  double result = start;
  for (int64_t from = 0; from < n; from += kPiece) {
    if (from > 0 && leaves_off(pause)) break;
    const int64_t m = smaller(kPiece, n - from);
    result = join(result, fold_piece(x + from, m, start, idle, term, join));
  }
  return result;
}

FERRY_INLINE double plus(double a, double b) { return a + b; }
// A NaN is not the largest; it comes through by itself.
FERRY_INLINE double larger_number(double a, double b) { return b > a ? b : a; }

[[gnu::noinline]] double sum_of(const double* x, int64_t n, const Pause& pause) {
  return fold(
      x, n, pause, 0, 0, [](double v) { return v; }, plus);
}
[[gnu::noinline]] double sum_of_squares(const double* x, int64_t n, double centre,
                                        const Pause& pause) {
  return fold(
      x, n, pause, 0, centre, [=](double v) { return (v - centre) * (v - centre); }, plus);
}
[[gnu::noinline]] double largest_of(const double* x, int64_t n, const Pause& pause) {
  return fold(
      x, n, pause, -kInfinity, -kInfinity, [](double v) { return v; }, larger_number);
}

// y = x - top, or e^(x - top), which is added to the sums, for kChains values.
[[gnu::noinline]] void exp_block(const double* x, double* y, const double* top, double* sums,
                                 bool log) {
  double d[kChains], e[kChains];
  for (int j = 0; j < kChains; ++j) d[j] = x[j] - top[j];
  FERRY_ROLLED
  for (int j = 0; j < kChains; ++j) {
    e[j] = exp_of_minus(d[j]);
    sums[j] += e[j];
  }
  __builtin_memcpy(y, log ? d : e, sizeof d);
}

void exp_row(const double* x, double* y, int64_t n, const double* top, double* sums, bool log) {
  int64_t i = 0;
  for (; i + kChains <= n; i += kChains) exp_block(x + i, y + i, top, sums, log);
  if (i == n) return;
  double block[kChains];
  pad_block(x + i, n - i, -kInfinity, block);
  exp_block(block, block, top, sums, log);
  store_some(block, n - i, y + i);
}

void softmax(const double* x, double* y, int64_t rows, int64_t n, bool log,
             const Pause& pause) noexcept {
  for (int64_t r = 0; r < rows; ++r, x += n, y += n) {
    double top[kChains], sums[kChains] = {};
    const double highest = largest_of(x, n, pause);
    for (double& v : top) v = highest;
    for (int64_t from = 0; from < n; from += kPiece) {
      exp_row(x + from, y + from, smaller(kPiece, n - from), top, sums, log);
      if (leaves_off(pause)) return;
    }
    const double total = sum_of(sums, kChains, pause);
    const double shift = log ? log_double(total) : 0.0, scale = log ? 1.0 : 1 / total;
    const bool all = in_pieces(n, kPiece, pause, [&](int64_t i, int64_t end) {
      for (; i < end; ++i) y[i] = (y[i] - shift) * scale;
    });
    if (!all) return;
  }
}

FERRY_INLINE void load_columns(const double* x, int64_t cols, double* block) {
  if (cols < kChains) return pad_block(x, cols, 0, block);
  __builtin_memcpy(block, x, kChains * sizeof(double));
}
FERRY_INLINE void store_columns(const double* block, int64_t cols, double* y) {
  if (cols < kChains) return store_some(block, cols, y);
  __builtin_memcpy(y, block, kChains * sizeof(double));
}

void softmax_columns(const double* x, double* y, int64_t n, int64_t stride, int64_t cols, bool log,
                     const Pause& pause) noexcept {
  constexpr int64_t kRows = kPiece / kChains;
  for (int64_t c = 0; c < cols; c += kChains) {
    const int64_t m = smaller<int64_t>(kChains, cols - c);
    const double* from = x + c;
    double* to = y + c;
    double top[kChains], sums[kChains] = {}, block[kChains];
    for (double& v : top) v = -kInfinity;
    bool all = in_pieces(n, kRows, pause, [&](int64_t i, int64_t end) {
      for (; i < end; ++i) {
        load_columns(from + i * stride, m, block);
        for (int j = 0; j < kChains; ++j) top[j] = larger_number(top[j], block[j]);
      }
    });
    all = all && in_pieces(n, kRows, pause, [&](int64_t i, int64_t end) {
            for (; i < end; ++i) {
              load_columns(from + i * stride, m, block);
              exp_block(block, block, top, sums, log);
              store_columns(block, m, to + i * stride);
            }
          });
    if (!all) return;
    for (int j = 0; j < kChains; ++j) sums[j] = log ? log_double(sums[j]) : 1 / sums[j];
    in_pieces(n, kRows, pause, [&](int64_t i, int64_t end) {
      for (; i < end; ++i) {
        load_columns(to + i * stride, m, block);
        for (int j = 0; j < kChains; ++j) block[j] = log ? block[j] - sums[j] : block[j] * sums[j];
        store_columns(block, m, to + i * stride);
      }
    });
  }
}

struct Moments {
  double mean, variance;
};
FERRY_INLINE Moments moments_of(const double* x, int64_t n, bool centred, const Pause& pause) {
  const auto count = static_cast<double>(n);
  const double mean = centred ? sum_of(x, n, pause) / count : 0.0;
  return {mean, sum_of_squares(x, n, mean, pause) / count};
}

void normalize(const double* x, double* y, int64_t rows, int64_t n,
               const NormArgs<double>& args) noexcept {
  for (int64_t r = 0; r < rows; ++r, x += n, y += n) {
    const Moments m = moments_of(x, n, args.centred, args.pause);
    const double inverse = 1 / __builtin_sqrt(m.variance + static_cast<double>(args.epsilon));
    if (args.mean != nullptr) args.mean[r] = static_cast<float>(m.mean);
    if (args.inverse != nullptr) args.inverse[r] = static_cast<float>(inverse);
    for (int64_t from = 0; from < n; from += kPiece) {
      if (from > 0 && leaves_off(args.pause)) return;
      const int64_t to = smaller(n, from + kPiece);
      if (args.bias != nullptr) {
        for (int64_t i = from; i < to; ++i) {
          y[i] = (x[i] - m.mean) * inverse * args.scale[i] + args.bias[i];
        }
      } else {
        for (int64_t i = from; i < to; ++i) y[i] = (x[i] - m.mean) * inverse * args.scale[i];
      }
    }
  }
}

void moments(const double* x, int64_t n, double* mean, double* variance) noexcept {
  const Moments m = moments_of(x, n, true, {});
  *mean = m.mean;
  *variance = m.variance;
}

void affine(const double* x, double* y, int64_t n, double mean, double a, double b) noexcept {
  for (int64_t i = 0; i < n; ++i) y[i] = a * (x[i] - mean) + b;
}

}  // namespace

extern const DoubleRowKernels kDoubleRowKernels = {softmax, softmax_columns, normalize, moments,
                                                   affine};

}  // namespace ferry::FERRY_ISA
