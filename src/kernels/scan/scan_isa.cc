// SPDX-License-Identifier: Apache-2.0
#include "kernels/scan/scan.h"
#include "kernels/vec.h"

namespace ferry::FERRY_ISA {
namespace {

using Floats = float __attribute__((vector_size(16)));
using Doubles = double __attribute__((vector_size(32)));

// By reference: the baseline has no registers to return the wide ones in.
template <class Vector, class T>
FERRY_INLINE void read(const T* p, Vector& v) {
  __builtin_memcpy(&v, p, sizeof v);
}
template <class Vector, class T>
FERRY_INLINE void write(T* p, const Vector& v) {
  __builtin_memcpy(p, &v, sizeof v);
}

// The compiler widens halves of a vector in turn.
FERRY_INLINE void widen(const Floats& x, Doubles& y) {
#if FERRY_ISA_LEVEL > 0
  y = reinterpret_cast<Doubles>(_mm256_cvtps_pd(reinterpret_cast<__m128>(x)));
#else
  y = __builtin_convertvector(x, Doubles);
#endif
}
FERRY_INLINE void widen(float x, double& y) { y = static_cast<double>(x); }

FERRY_INLINE void exchange(Floats (&v)[4]) {
  const Floats a = __builtin_shufflevector(v[0], v[1], 0, 4, 1, 5);
  const Floats b = __builtin_shufflevector(v[2], v[3], 0, 4, 1, 5);
  const Floats c = __builtin_shufflevector(v[0], v[1], 2, 6, 3, 7);
  const Floats d = __builtin_shufflevector(v[2], v[3], 2, 6, 3, 7);
  v[0] = __builtin_shufflevector(a, b, 0, 1, 4, 5);
  v[1] = __builtin_shufflevector(a, b, 2, 3, 6, 7);
  v[2] = __builtin_shufflevector(c, d, 0, 1, 4, 5);
  v[3] = __builtin_shufflevector(c, d, 2, 3, 6, 7);
}

// The next total, and what is written to y where x stands.
template <bool kProduct, class Total, class Value>
FERRY_INLINE void step(Total& total, const Value& x, bool exclusive, Value& y) {
  const Total before = total;
  Total value;
  widen(x, value);
  total = kProduct ? before * value : before + value;
  if constexpr (sizeof(Value) == sizeof(float)) {
    y = static_cast<float>(exclusive ? before : total);
  } else {
    y = __builtin_convertvector(exclusive ? before : total, Value);
  }
}

// Four rows side by side in a vector; of fewer, the last one counts several times.
template <bool kProduct, bool kReverse>
void scan_rows(const float* x, float* y, int64_t rows, int64_t n, int64_t pitch, bool exclusive,
               double* totals) {
  double all[kScanRows];
  int64_t at[kScanRows];
  for (int64_t r = 0; r < kScanRows; ++r) {
    all[r] = totals[smaller(r, rows - 1)];
    at[r] = smaller(r, rows - 1) * pitch;
  }
  Doubles total;
  read(all, total);
  int64_t done = 0;
  for (; done + 4 <= n; done += 4) {
    const int64_t k = kReverse ? n - 4 - done : done;
    Floats v[4];
    FERRY_UNROLL
    for (int r = 0; r < 4; ++r) read(x + at[r] + k, v[r]);
    exchange(v);
    FERRY_UNROLL
    for (int j = 0; j < 4; ++j) {
      Floats& column = v[kReverse ? 3 - j : j];
      step<kProduct>(total, column, exclusive, column);
    }
    exchange(v);
    FERRY_UNROLL
    for (int r = 0; r < 4; ++r) write(y + at[r] + k, v[r]);
  }
  write(all, total);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t i = done; i < n; ++i) {
      const int64_t k = at[r] + (kReverse ? n - 1 - i : i);
      step<kProduct>(all[r], x[k], exclusive, y[k]);
    }
    totals[r] = all[r];
  }
}

void rows(const void* x, void* y, int64_t rows, int64_t n, int64_t pitch, const ScanForm& form,
          void* totals) noexcept {
  const auto scan = form.product
                        ? (form.reverse ? scan_rows<true, true> : scan_rows<true, false>)
                        : (form.reverse ? scan_rows<false, true> : scan_rows<false, false>);
  scan(static_cast<const float*>(x), static_cast<float*>(y), rows, n, pitch, form.exclusive,
       static_cast<double*>(totals));
}

// Rows that follow each other: totals are read and written once for all of them.
template <bool kProduct, int kRows>
void scan_columns(const float* x, float* y, int64_t next, int64_t cols, bool exclusive,
                  double* totals) {
  int64_t i = 0;
  for (; i + 4 <= cols; i += 4) {
    Doubles total;
    read(totals + i, total);
    FERRY_UNROLL
    for (int r = 0; r < kRows; ++r) {
      Floats v;
      read(x + r * next + i, v);
      step<kProduct>(total, v, exclusive, v);
      write(y + r * next + i, v);
    }
    write(totals + i, total);
  }
  for (; i < cols; ++i) {
    for (int r = 0; r < kRows; ++r) {
      step<kProduct>(totals[i], x[r * next + i], exclusive, y[r * next + i]);
    }
  }
}

void columns(const void* x, void* y, int64_t n, int64_t next, int64_t cols, const ScanForm& form,
             void* totals) noexcept {
  const auto one = form.product ? scan_columns<true, 1> : scan_columns<false, 1>;
  const auto four = form.product ? scan_columns<true, 4> : scan_columns<false, 4>;
  for (int64_t k = 0; k < n;) {
    const bool few = n - k < 4;
    (few ? one : four)(static_cast<const float*>(x) + k * next, static_cast<float*>(y) + k * next,
                       next, cols, form.exclusive, static_cast<double*>(totals));
    k += few ? 1 : 4;
  }
}

}  // namespace

extern const ScanKernels kScanKernels;
const ScanKernels kScanKernels = {rows, columns};

}  // namespace ferry::FERRY_ISA
