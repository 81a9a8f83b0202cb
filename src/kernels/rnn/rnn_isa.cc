// SPDX-License-Identifier: Apache-2.0
#include "kernels/rnn/rnn.h"
#include "kernels/vec_math.h"

namespace ferry::FERRY_ISA {
namespace {

template <class F>
FERRY_INLINE void each(int64_t n, F f) {
  for (int64_t i = 0; i < n; i += kLanes) f(i, first_n(smaller<int64_t>(kLanes, n - i)));
}

void lstm(const float* gates, float* c, float* h, int64_t n) noexcept {
  each(n, [=](int64_t i, Mask m) {
    const F32 in = sigmoid(load(gates + i, m)), out = sigmoid(load(gates + n + i, m));
    const F32 forget = sigmoid(load(gates + 2 * n + i, m));
    const F32 candidate = tanh(load(gates + 3 * n + i, m));
    const F32 state = fma(forget, load(c + i, m), in * candidate);
    store(c + i, state, m);
    store(h + i, out * tanh(state), m);
  });
}

void gru_reset(float* gates, const float* h, float* reset_h, int64_t n) noexcept {
  each(n, [=](int64_t i, Mask m) {
    store(gates + i, sigmoid(load(gates + i, m)), m);
    store(reset_h + i, sigmoid(load(gates + n + i, m)) * load(h + i, m), m);
  });
}

void gru_finish(const float* gates, float* h, int64_t n) noexcept {
  each(n, [=](int64_t i, Mask m) {
    const F32 z = load(gates + i, m), candidate = tanh(load(gates + 2 * n + i, m));
    store(h + i, fma(z, load(h + i, m) - candidate, candidate), m);
  });
}

void gru_linear(const float* gates, const float* recurrent, float* h, int64_t n) noexcept {
  each(n, [=](int64_t i, Mask m) {
    const F32 z = sigmoid(load(gates + i, m) + load(recurrent + i, m));
    const F32 reset = sigmoid(load(gates + n + i, m) + load(recurrent + n + i, m));
    const F32 candidate =
        tanh(fma(reset, load(recurrent + 2 * n + i, m), load(gates + 2 * n + i, m)));
    store(h + i, fma(z, load(h + i, m) - candidate, candidate), m);
  });
}

void plain(const float* gate, float* h, int64_t n) noexcept {
  each(n, [=](int64_t i, Mask m) { store(h + i, tanh(load(gate + i, m)), m); });
}

}  // namespace

extern const RnnKernels kRnnKernels = {lstm, gru_reset, gru_finish, gru_linear, plain};

}  // namespace ferry::FERRY_ISA
