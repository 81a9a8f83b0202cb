// SPDX-License-Identifier: Apache-2.0
#include <type_traits>

#include "kernels/order/order.h"
#include "kernels/vec.h"

namespace ferry::FERRY_ISA {
namespace {

// `sign` is 1 for the largest and -1 for the smallest, which is the largest of the negated.
FERRY_INLINE int64_t arg_row_of(const float* x, int64_t n, F32 sign) {
  constexpr int kChains = 4;
  const F32 lowest = from_bits(splat_i(static_cast<int32_t>(0xff800000u)));
  F32 best[kChains];
  FERRY_UNROLL
  for (int j = 0; j < kChains; ++j) best[j] = lowest;
  bool nan = false;
  int64_t i = 0;
  for (; i + kChains * kLanes <= n; i += kChains * kLanes) {
    FERRY_UNROLL
    for (int j = 0; j < kChains; ++j) best[j] = max_nan(best[j], load(x + i + j * kLanes) * sign);
  }
  for (; i < n; i += kLanes) {
    const int64_t m = n - i < kLanes ? n - i : kLanes;
    const Mask inside = lt(iota_i(), splat_i(static_cast<int32_t>(m)));
    best[0] = max_nan(best[0], select(inside, load_n(x + i, m) * sign, lowest));
  }
  FERRY_UNROLL
  for (int j = 0; j < kChains; ++j) nan = nan || any(is_nan(best[j]));
  if (nan) {
    for (i = 0; x[i] == x[i]; ++i) {
    }
    return i;
  }
  FERRY_UNROLL
  for (int j = 1; j < kChains; ++j) best[0] = max(best[0], best[j]);
  const F32 wanted = splat(reduce_max(best[0])) * sign;
  for (i = 0; i + kLanes <= n; i += kLanes) {
    if (any(eq(load(x + i), wanted))) break;
  }
  float lanes[kLanes];
  store(lanes, wanted);
  while (!(x[i] == lanes[0])) ++i;
  return i;
}

int64_t arg_row(const float* x, int64_t n, bool largest) noexcept {
  return arg_row_of(x, n, splat(largest ? 1.0f : -1.0f));
}

void arg_columns(const float* x, int64_t n, int64_t stride, int64_t cols, bool largest,
                 int64_t* at) noexcept {
  constexpr int kVectors = 4;
  const F32 sign = splat(largest ? 1.0f : -1.0f);
  for (int64_t c = 0; c < cols; c += kVectors * kLanes) {
    F32 best[kVectors];
    I32 where[kVectors];
    int64_t width[kVectors];
    for (int j = 0; j < kVectors; ++j) {
      const int64_t left = cols - c - j * kLanes;
      width[j] = left < 0 ? 0 : left < kLanes ? left : kLanes;
      best[j] = load_n(x + c + (width[j] > 0 ? j * kLanes : 0), width[j]) * sign;
      where[j] = splat_i(0);
    }
    for (int64_t k = 1; k < n; ++k) {
      const float* row = x + k * stride + c;
      for (int j = 0; j < kVectors && width[j] > 0; ++j) {
        const F32 v =
            (width[j] == kLanes ? load(row + j * kLanes) : load_n(row + j * kLanes, width[j])) *
            sign;
        // Not less or equal: greater, or one of them a NaN; a NaN that is there stays.
        const F32 kept = select(is_nan(best[j]), best[j], select(le(v, best[j]), best[j], v));
        const I32 here = select(le(v, best[j]), where[j], splat_i(static_cast<int32_t>(k)));
        where[j] = select(is_nan(best[j]), where[j], here);
        best[j] = kept;
      }
    }
    for (int j = 0; j < kVectors && width[j] > 0; ++j) {
      int32_t lanes[kLanes];
      store(lanes, where[j]);
      for (int64_t i = 0; i < width[j]; ++i) at[c + j * kLanes + i] = lanes[i];
    }
  }
}

template <class T>
using FlagOf = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;

// `largest` turns into a factor or a mask that turns the smallest into the largest.
FERRY_INLINE float turned(float v, float sign) { return v * sign; }
FERRY_INLINE float turn_of(float, bool largest) { return largest ? 1.0f : -1.0f; }
template <class T>
FERRY_INLINE T turned(T v, T mask) {
  return v ^ mask;
}
template <class T>
FERRY_INLINE T turn_of(T, bool largest) {
  return largest ? T(0) : T(-1);
}

template <class T>
int64_t pass_worse(const T* x, int64_t from, int64_t to, T bar, bool largest) noexcept {
  const T turn = turn_of(bar, largest), least = turned(bar, turn);
  for (; from + kOrderBlock <= to; from += kOrderBlock) {
    FlagOf<T> any = 0;
    for (int64_t i = from; i < from + kOrderBlock; ++i) {
      any |= turned(x[i], turn) < least ? FlagOf<T>(0) : FlagOf<T>(-1);
    }
    if (any != 0) return from;
  }
  return from < to ? from : to;
}

template <class T>
void range(const T* x, int64_t n, T& low, T& high) noexcept {
  T least = x[0], most = x[0];
  for (int64_t i = 1; i < n; ++i) {
    least = x[i] < least ? x[i] : least;
    most = x[i] > most ? x[i] : most;
  }
  low = least;
  high = most;
}

template <class T>
int64_t arg_row_of_integers(const T* x, int64_t n, bool largest) noexcept {
  T low, high;
  range(x, n, low, high);
  const T best = largest ? high : low;
  int64_t i = pass_worse(x, 0, n, best, largest);
  while (x[i] != best) ++i;
  return i;
}

template <class T>
void arg_columns_of_integers(const T* x, int64_t n, int64_t stride, int64_t cols, bool largest,
                             int64_t* at) noexcept {
  constexpr int64_t kMost = 64;
  constexpr T kLowest = sizeof(T) == 4 ? T(INT32_MIN) : T(INT64_MIN);
  const T turn = turn_of(T(), largest);
  for (int64_t c = 0; c < cols; c += kMost) {
    T best[kMost], where[kMost];
    for (int64_t i = 0; i < kMost; ++i) best[i] = kLowest, where[i] = 0;
    const int64_t m = smaller(kMost, cols - c);
    for (int64_t k = 0; k < n; ++k) {
      const T* row = x + k * stride + c;
      for (int64_t i = 0; i < m; ++i) {
        const T v = turned(row[i], turn);
        where[i] = v > best[i] ? static_cast<T>(k) : where[i];
        best[i] = v > best[i] ? v : best[i];
      }
    }
    for (int64_t i = 0; i < m; ++i) at[c + i] = where[i];
  }
}

// Minima and maxima as std::min and std::max take them, which matters for NaN alone.
bool overlaps_any(const float* const* sides, int64_t n, const float* box,
                  float threshold) noexcept {
  const F32 y0 = splat(box[0]), x0 = splat(box[1]), y1 = splat(box[2]), x1 = splat(box[3]);
  const F32 own = (y1 - y0) * (x1 - x0), limit = splat(threshold);
  for (int64_t i = 0; i < n; i += kLanes) {
    const int64_t lanes = n - i < kLanes ? n - i : kLanes;
    const F32 b_y0 = load_n(sides[0] + i, lanes), b_x0 = load_n(sides[1] + i, lanes);
    const F32 b_y1 = load_n(sides[2] + i, lanes), b_x1 = load_n(sides[3] + i, lanes);
    const F32 height = min(b_y1, y1) - max(b_y0, y0), width = min(b_x1, x1) - max(b_x0, x0);
    const F32 shared = height * width, area = (b_y1 - b_y0) * (b_x1 - b_x0);
    const F32 together = own + area - shared;
    // Lanes past the end have no area.
    const Mask real = gt(height, zero()) & gt(width, zero()) & gt(own, zero()) & gt(area, zero()) &
                      gt(together, zero());
    if (any(real & gt(shared / together, limit))) return true;
  }
  return false;
}

}  // namespace

extern const OrderKernels kOrderKernels = {
    {arg_row, arg_columns, pass_worse<float>, nullptr},
    {arg_row_of_integers<int32_t>, arg_columns_of_integers<int32_t>, pass_worse<int32_t>,
     range<int32_t>},
    {arg_row_of_integers<int64_t>, arg_columns_of_integers<int64_t>, pass_worse<int64_t>,
     range<int64_t>},
    overlaps_any};

}  // namespace ferry::FERRY_ISA
