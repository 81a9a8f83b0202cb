// SPDX-License-Identifier: Apache-2.0
#include "kernels/rnn/rnn.h"
#include "kernels/vec_math.h"

namespace ferry::FERRY_ISA {
namespace {

// A vector of which only the last of a row is partial.
template <bool kFull>
struct Part {
  Mask mask;
  FERRY_INLINE F32 load(const float* p) const {
    if constexpr (kFull) return FERRY_ISA::load(p);
    return FERRY_ISA::load(p, mask);
  }
  FERRY_INLINE void store(float* p, F32 v) const {
    if constexpr (kFull) return FERRY_ISA::store(p, v);
    FERRY_ISA::store(p, v, mask);
  }
};

template <class F>
FERRY_INLINE void each(int64_t n, F f) {
  int64_t i = 0;
  // AVX-512 has its masks for nothing.
  if constexpr (kLanes == 8) {
    for (; i + kLanes <= n; i += kLanes) f(i, Part<true>{first_n(kLanes)});
  }
  for (; i < n; i += kLanes) f(i, Part<false>{first_n(smaller<int64_t>(kLanes, n - i))});
}

void lstm(const float* gates, float* c, float* h, int64_t n) noexcept {
  each(n, [=](int64_t i, auto m) {
    const F32 in = sigmoid(m.load(gates + i)), out = sigmoid(m.load(gates + n + i));
    const F32 forget = sigmoid(m.load(gates + 2 * n + i));
    const F32 candidate = tanh(m.load(gates + 3 * n + i));
    const F32 state = fma(forget, m.load(c + i), in * candidate);
    m.store(c + i, state);
    m.store(h + i, out * tanh(state));
  });
}

void gru_reset(float* gates, const float* h, float* reset_h, int64_t n) noexcept {
  each(n, [=](int64_t i, auto m) {
    m.store(gates + i, sigmoid(m.load(gates + i)));
    m.store(reset_h + i, sigmoid(m.load(gates + n + i)) * m.load(h + i));
  });
}

void gru_finish(const float* gates, float* h, int64_t n) noexcept {
  each(n, [=](int64_t i, auto m) {
    const F32 z = m.load(gates + i), candidate = tanh(m.load(gates + 2 * n + i));
    m.store(h + i, fma(z, m.load(h + i) - candidate, candidate));
  });
}

void gru_linear(const float* gates, const float* recurrent, float* h, int64_t n) noexcept {
  each(n, [=](int64_t i, auto m) {
    const F32 z = sigmoid(m.load(gates + i) + m.load(recurrent + i));
    const F32 reset = sigmoid(m.load(gates + n + i) + m.load(recurrent + n + i));
    const F32 candidate =
        tanh(fma(reset, m.load(recurrent + 2 * n + i), m.load(gates + 2 * n + i)));
    m.store(h + i, fma(z, m.load(h + i) - candidate, candidate));
  });
}

void plain(const float* gate, float* h, int64_t n) noexcept {
  each(n, [=](int64_t i, auto m) { m.store(h + i, tanh(m.load(gate + i))); });
}

}  // namespace

extern const RnnKernels kRnnKernels = {lstm, gru_reset, gru_finish, gru_linear, plain};

}  // namespace ferry::FERRY_ISA
