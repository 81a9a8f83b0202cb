// SPDX-License-Identifier: Apache-2.0
#include "kernels/eltwise/eltwise.h"
#if FERRY_ISA_LEVEL == 2
#include "kernels/eltwise/gate_table.h"
#endif
#include "kernels/functions/wide.h"
#include "kernels/vec_math.h"

namespace ferry::FERRY_ISA {
namespace {

// Vectors at a time. A function is one long chain of dependent instructions; four fill AVX2's
// units, if the compiler interleaves them (-fschedule-insns).
constexpr int kChains = kLanes == 8 ? 4 : 2;

template <class F>
FERRY_INLINE void map1(const float* a, float* y, int64_t n, F f) {
  int64_t i = 0;
  for (; i + kChains * kLanes <= n; i += kChains * kLanes) {
    F32 v[kChains];
    FERRY_UNROLL
    for (int k = 0; k < kChains; ++k) v[k] = f(load(a + i + k * kLanes));
    FERRY_UNROLL
    for (int k = 0; k < kChains; ++k) store(y + i + k * kLanes, v[k]);
  }
  for (; i < n; i += kLanes) {
    const int64_t m = smaller<int64_t>(kLanes, n - i);
    store_n(y + i, f(load_n(a + i, m)), m);
  }
}

// Steps are kLanes along an array, and 0 for a value of which there are two vectors.
using CombineRow = void (*)(const float* a, int64_t a_step, const float* b, int64_t b_step,
                            float* y, int64_t n);

template <class F>
void map2(const float* a, int64_t a_step, const float* b, int64_t b_step, float* y, int64_t n) {
  const F f;
  int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes, a += 2 * a_step, b += 2 * b_step) {
    const F32 u = f(load(a), load(b)), v = f(load(a + kLanes), load(b + kLanes));
    store(y + i, u);
    store(y + i + kLanes, v);
  }
  for (; i < n; i += kLanes, a += a_step, b += b_step) {
    const int64_t m = smaller<int64_t>(kLanes, n - i);
    store_n(y + i, f(load_n(a, m), load_n(b, m)), m);
  }
}

template <class F>
FERRY_INLINE CombineRow combine_by(F) {
  return map2<F>;
}

// Where row `r` of an operand lies; a single value of all its columns is put into two vectors.
FERRY_INLINE const float* row_of(const EltOperand& o, int64_t r, float* two) {
  const float* p = o.p + r * o.row_stride;
  if (o.col_stride != 0) return p;
  store(two, splat(*p));
  store(two + kLanes, splat(*p));
  return two;
}

// min and max keep a NaN in their second operand.
FERRY_INLINE F32 clamp(F32 x, F32 lo, F32 hi) { return min(hi, max(lo, x)); }

CombineRow row_operation(EltOp op) {
  switch (op) {
    case EltOp::kAdd:
      return combine_by([](F32 u, F32 v) { return u + v; });
    case EltOp::kSub:
      return combine_by([](F32 u, F32 v) { return u - v; });
    case EltOp::kMul:
      return combine_by([](F32 u, F32 v) { return u * v; });
    case EltOp::kDiv:
      return combine_by([](F32 u, F32 v) { return u / v; });
    case EltOp::kMin:
      return combine_by([](F32 u, F32 v) { return min_nan(u, v); });
    case EltOp::kMax:
      return combine_by([](F32 u, F32 v) { return max_nan(u, v); });
    default:
      return combine_by([](F32 u, F32 v) { return select(lt(u, zero()), u * v, u); });
  }
}

void combine(EltOp op, const EltOperand& a, const EltOperand& b, float* y, int64_t y_stride,
             int64_t rows, int64_t cols) noexcept {
  const CombineRow row = row_operation(op);
  float a_two[2 * kLanes], b_two[2 * kLanes];
  for (int64_t r = 0; r < rows; ++r) {
    row(row_of(a, r, a_two), a.col_stride * kLanes, row_of(b, r, b_two), b.col_stride * kLanes,
        y + r * y_stride, cols);
  }
}

// x sigmoid(-v) is -(-x) sigmoid(v): f is the function of a positive alpha.
template <class F>
FERRY_INLINE void map_odd(const float* a, float* y, int64_t n, bool negative, F f) {
  if (negative) return map1(a, y, n, [=](F32 x) { return -f(-x); });
  map1(a, y, n, f);
}

void apply_swish(const float* a, float* y, int64_t n, float alpha) noexcept {
  if (alpha == 1) return map1(a, y, n, [](F32 x) { return swish(x); });
  const float magnitude = alpha < 0 ? -alpha : alpha;
  const F32 scale = splat(magnitude);
  if (magnitude >= 0x1p-16f) {
    const F32 least = splat(-kNear / magnitude);
    return map_odd(a, y, n, alpha < 0, [=](F32 x) { return swish(x, scale, least); });
  }
  const F32 least = splat(larger(kProductZero / magnitude, kLeastFloat));
  map_odd(a, y, n, alpha < 0, [=](F32 x) { return far_swish(x, scale, least); });
}

void apply_elu(const float* a, float* y, int64_t n, float alpha) noexcept {
  if (alpha == 1) {
    return map1(a, y, n, [](F32 x) { return select(lt(x, zero()), expm1_negative(x), x); });
  }
  const Pair factor = {splat(alpha), zero()};
  map1(a, y, n, [=](F32 x) { return select(lt(x, zero()), scaled_expm1(factor, x), x); });
}

void apply_celu(const float* a, float* y, int64_t n, float alpha) noexcept {
  if (alpha == 1) return apply_elu(a, y, n, alpha);
  map1(a, y, n, [=](F32 x) { return celu(x, alpha); });
}

void apply_selu(const float* a, float* y, int64_t n, float alpha, float gamma) noexcept {
  const Pair factor = product(alpha, gamma);
  map1(a, y, n,
       [=](F32 x) { return select(lt(x, zero()), scaled_expm1(factor, x), x * splat(gamma)); });
}

#if FERRY_ISA_LEVEL == 2
constexpr GateTable kNormalGate = gate_table(normal_tail, 5.0 / 32),
                    kTanhGate = gate_table(tanh_tail, 1.0 / 8);
constexpr int64_t kGateBlock = 2 * kLanes;

// From here on x g(x) is x.
constexpr float kGateOpen = 5.5f;

// Where neither the table nor x is the result; NaN is such a place.
FERRY_INLINE Mask beyond(const GateTable& table, F32 x) {
  return ~(le(abs(x), splat(table.limit())) | ge(x, splat(kGateOpen)));
}

FERRY_INLINE F32 gated_or_open(const Gate& gate, F32 x) {
  return select(ge(x, splat(kGateOpen)), x, gated(gate, x));
}

// From element i to the first block that has a value beyond the table, which is returned.
FERRY_INLINE int64_t map_gate(const GateTable& table, const float* a, float* y, int64_t i,
                              int64_t n) {
  const Gate gate = load_gate(table);
  for (; i + kGateBlock <= n; i += kGateBlock) {
    const F32 u = load(a + i), v = load(a + i + kLanes);
    if (any(beyond(table, u) | beyond(table, v))) break;
    store(y + i, gated_or_open(gate, u));
    store(y + i + kLanes, gated_or_open(gate, v));
  }
  return i;
}

// `far` takes any value: it is used for those beyond the table, whatever stands beside them.
template <class Far>
FERRY_INLINE void apply_gate(const GateTable& table, const float* a, float* y, int64_t n, Far far) {
  for (int64_t i = map_gate(table, a, y, 0, n); i < n;
       i = map_gate(table, a, y, i + kGateBlock, n)) {
    const Gate gate = load_gate(table);
    map1(a + i, y + i, smaller(kGateBlock, n - i),
         [&](F32 x) { return select(beyond(table, x), far(x), gated_or_open(gate, x)); });
  }
}

void apply_gelu(const float* a, float* y, int64_t n) noexcept {
  apply_gate(kNormalGate, a, y, n, [](F32 x) { return gelu<true>(x); });
}

void apply_gelu_tanh(const float* a, float* y, int64_t n) noexcept {
  apply_gate(kTanhGate, a, y, n, [](F32 x) { return gelu_tanh(x); });
}
#else
// Most values are near zero, where the function takes fewer steps; the result is the same.
void apply_gelu(const float* a, float* y, int64_t n) noexcept {
  constexpr int64_t kBlock = kChains * kLanes;
  for (int64_t i = 0; i < n; i += kBlock) {
    const int64_t m = smaller(kBlock, n - i);
    Mask near = eq(zero(), zero());
    for (int64_t j = 0; j < m; j += kLanes) {
      near = near & ge(load_n(a + i + j, smaller<int64_t>(kLanes, m - j)), splat(kGeluFar));
    }
    if (all(near)) {
      map1(a + i, y + i, m, [](F32 x) { return gelu<false>(x); });
    } else {
      map1(a + i, y + i, m, [](F32 x) { return gelu<true>(x); });
    }
  }
}

void apply_gelu_tanh(const float* a, float* y, int64_t n) noexcept {
  map1(a, y, n, [](F32 x) { return gelu_tanh(x); });
}
#endif

void apply_activation(EltOp op, const float* a, float* y, int64_t n, float p, float q) noexcept {
  const F32 vp = splat(p), vq = splat(q), one = splat(1.0f);
  switch (op) {
    case EltOp::kRelu:
      return map1(a, y, n, [](F32 x) { return max(zero(), x); });
    case EltOp::kLeakyRelu:
      return map1(a, y, n, [=](F32 x) { return select(lt(x, zero()), x * vp, x); });
    case EltOp::kElu:
      return apply_elu(a, y, n, p);
    case EltOp::kHardSigmoid:
      return map1(a, y, n, [=](F32 x) { return clamp(fma_once(x, vp, vq), zero(), one); });
    case EltOp::kHardSwish:
      return map1(a, y, n, [=](F32 x) {
        return x * clamp(fma_once(x, splat(1.0f / 6), splat(0.5f)), zero(), one);
      });
    case EltOp::kSwish:
      return apply_swish(a, y, n, p);
    case EltOp::kGelu:
      return apply_gelu(a, y, n);
    case EltOp::kGeluTanh:
      return apply_gelu_tanh(a, y, n);
    case EltOp::kThresholdedRelu:
      return map1(a, y, n, [=](F32 x) { return select(gt(x, vp), x, zero()); });
    case EltOp::kShrink:
      return map1(a, y, n, [=](F32 x) {
        return select(lt(x, -vp), x + vq, select(gt(x, vp), x - vq, zero()));
      });
    case EltOp::kSoftsign:
      return map1(a, y, n, [=](F32 x) { return x / (one + abs(x)); });
    case EltOp::kClip:
      return map1(a, y, n, [=](F32 x) { return clamp(x, vp, vq); });
    case EltOp::kSoftplus:
      return map1(a, y, n, [](F32 x) { return softplus(x); });
    case EltOp::kMish:
      return map1(a, y, n, [](F32 x) { return mish(x); });
    case EltOp::kSelu:
      return apply_selu(a, y, n, p, q);
    case EltOp::kCelu:
      return apply_celu(a, y, n, p);
    case EltOp::kFakeQuantize:
      // The sum makes a positive zero of a negative one, as an integer does.
      return map1(a, y, n, [=](F32 x) {
        return (min(max(round(x / vp), vq), splat(q + 255)) + zero()) * vp;
      });
    default:
      return map1(a, y, n, [=](F32 x) {
        return select(gt(x, zero()), one, select(lt(x, zero()), -one, x));
      });
  }
}

// Where the vectors' reduction of the angle would lose digits, the C library's is used: by element,
// so that a value's sine does not depend on its neighbours.
void trigonometric(const float* a, float* y, int64_t n, int quarters) noexcept {
  constexpr int64_t kBlock = 4 * kLanes;
  for (int64_t i = 0; i < n; i += kBlock) {
    const int64_t m = smaller<int64_t>(kBlock, n - i);
    bool in_range = kLanes > 4;
    for (int64_t j = 0; j < m && in_range; j += kLanes) {
      const F32 x = load_n(a + i + j, smaller<int64_t>(kLanes, m - j));
      in_range = all(le(abs(x), splat(kTrigonometricLimit)));
    }
    if (in_range) {
      map1(a + i, y + i, m, [=](F32 x) { return sine_from(x, quarters); });
      continue;
    }
    float angle[kBlock];
    for (int64_t j = 0; j < m; ++j) angle[j] = a[i + j];
    map1(angle, y + i, m, [=](F32 x) { return sine_from(x, quarters); });
    for (int64_t j = 0; j < m; ++j) {
      if (kLanes > 4 && __builtin_fabsf(angle[j]) <= kTrigonometricLimit) continue;
      y[i + j] = quarters == 0 ? __builtin_sinf(angle[j]) : __builtin_cosf(angle[j]);
    }
  }
}

void apply(EltOp op, const float* a, const float* b, float* y, int64_t n, float p,
           float q) noexcept;

// x^p; of the exponents that models write out with the operations that make them.
void apply_power(const float* a, float* y, int64_t n, float p) noexcept {
  if (p == 3) return map1(a, y, n, [](F32 x) { return x * x * x; });
  if (p == -1) return apply(EltOp::kReciprocal, a, a, y, n, 0, 0);
  if (p != 0.5f && p != -0.5f) return apply_wide(EltOp::kPower, a, y, n, p);
  // The root of -0 is 0, and of either infinity that without a sign.
  const F32 infinity = splat(__builtin_inff());
  map1(a, y, n, [=](F32 x) { return select(eq(x, -infinity), infinity, sqrt(x + zero())); });
  if (p < 0) apply(EltOp::kReciprocal, y, y, y, n, 0, 0);
}

void apply(EltOp op, const float* a, const float* b, float* y, int64_t n, float p,
           float q) noexcept {
  if (op < EltOp::kFirstUnary) return combine(op, {a, 0, 1}, {b, 0, 1}, y, 0, 1, n);
  switch (op) {
    case EltOp::kNeg:
      return map1(a, y, n, [](F32 x) { return -x; });
    case EltOp::kAbs:
      return map1(a, y, n, [](F32 x) { return abs(x); });
    case EltOp::kSqrt:
      return map1(a, y, n, [](F32 x) { return sqrt(x); });
    case EltOp::kReciprocal:
      return map1(a, y, n, [](F32 x) { return splat(1.0f) / x; });
    case EltOp::kFloor:
      return map1(a, y, n, [](F32 x) { return floor(x); });
    case EltOp::kCeil:
      return map1(a, y, n, [](F32 x) { return ceil(x); });
    case EltOp::kRound:
      return map1(a, y, n, [](F32 x) { return round(x); });
    case EltOp::kExp:
      return map1(a, y, n, [](F32 x) { return exp(x); });
    case EltOp::kTanh:
      return map1(a, y, n, [](F32 x) { return tanh(x); });
    case EltOp::kErf:
      return map1(a, y, n, [](F32 x) { return erf(x); });
    case EltOp::kSigmoid:
      return map1(a, y, n, [](F32 x) { return sigmoid(x); });
    case EltOp::kLog:
      return map1(a, y, n, [](F32 x) { return log(x); });
    case EltOp::kSin:
      return trigonometric(a, y, n, 0);
    case EltOp::kCos:
      return trigonometric(a, y, n, 1);
    case EltOp::kAsin:
      return map1(a, y, n, [](F32 x) { return asin(x); });
    case EltOp::kAcos:
      return map1(a, y, n, [](F32 x) { return acos(x); });
    case EltOp::kAtan:
      return map1(a, y, n, [](F32 x) { return atan(x); });
    case EltOp::kSinh:
      return map1(a, y, n, [](F32 x) { return sinh(x); });
    case EltOp::kCosh:
      return map1(a, y, n, [](F32 x) { return cosh(x); });
    case EltOp::kTan:
    case EltOp::kAsinh:
    case EltOp::kAcosh:
    case EltOp::kAtanh:
      return apply_wide(op, a, y, n, p);
    case EltOp::kPower:
      return apply_power(a, y, n, p);
    default:
      return apply_activation(op, a, y, n, p, q);
  }
}

void fill(float value, float* y, int64_t n) noexcept {
  const F32 v = splat(value);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(y + i, v);
  if (i < n) store_n(y + i, v, n - i);
}

template <int kCols>
void copy_few(const float* x, int64_t x_stride, float* y, int64_t y_stride, int64_t rows) {
  for (int64_t r = 0; r < rows; ++r) {
    __builtin_memcpy(y + r * y_stride, x + r * x_stride, kCols * sizeof(float));
  }
}

void copy_rows(const float* x, int64_t x_stride, float* y, int64_t y_stride, int64_t rows,
               int64_t cols) noexcept {
  switch (cols) {
    case 1:
      return copy_few<1>(x, x_stride, y, y_stride, rows);
    case 2:
      return copy_few<2>(x, x_stride, y, y_stride, rows);
    case 3:
      return copy_few<3>(x, x_stride, y, y_stride, rows);
    case 4:
      return copy_few<4>(x, x_stride, y, y_stride, rows);
    default:
      break;
  }
  for (int64_t r = 0; r < rows; ++r, x += x_stride, y += y_stride) {
    int64_t c = 0;
    for (; c + kLanes <= cols; c += kLanes) store(y + c, load(x + c));
    if (c < cols) store_n(y + c, load_n(x + c, cols - c), cols - c);
  }
}

void spread(const float* x, int64_t stride, float* y, int64_t rows, int64_t cols) noexcept {
  int64_t r = 0;
  // Whole vectors, of which the next rows overwrite what is too much.
  if (cols < kLanes) {
    for (; (rows - r) * cols >= kLanes; ++r) store(y + r * cols, splat(x[r * stride]));
  }
  for (; r < rows; ++r) fill(x[r * stride], y + r * cols, cols);
}

}  // namespace

extern const EltKernels kEltKernels;
const EltKernels kEltKernels = {apply, combine, fill, copy_rows, spread};

}  // namespace ferry::FERRY_ISA
