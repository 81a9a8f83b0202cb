// SPDX-License-Identifier: Apache-2.0
// Loops over neighbouring outputs, which compilers turn into vectors.
#include "kernels/vec.h"
#include "kernels/winograd/winograd_pack.h"

namespace ferry::FERRY_ISA {
namespace {

// Neighbouring output channels are neighbours in the panel, so they come innermost, kTogether of
// them: the points lie a power of two apart, where their lines displace each other.
template <int kSize, int kTogether>
FERRY_INLINE void pack_together(const WinogradPanel& p, int64_t k, int64_t first) {
  const int64_t kernel = k % p.channels * p.slices + k / p.channels;
  const int64_t left = p.cols - first;
  double g[9][kTogether] = {}, half[3][kTogether];
  for (int o = 0; o < kTogether && o < left; ++o) {
    const float* from = p.weights + ((first + o) * p.slices * p.channels + kernel) * 9;
    for (int t = 0; t < 9; ++t) g[t][o] = from[t];
  }
  for (int i = 0; i < kSize; ++i) {
    const double* r = p.down->at[i];
    for (int j = 0; j < 3; ++j) {
      for (int o = 0; o < kTogether; ++o)
        half[j][o] = r[0] * g[j][o] + r[1] * g[3 + j][o] + r[2] * g[6 + j][o];
    }
    for (int j = 0; j < kSize; ++j) {
      if (p.at[i * kSize + j] == nullptr) continue;
      float* to = p.at[i * kSize + j] + k * p.width + first;
      const double* c = p.across->at[j];
      for (int o = 0; o < kTogether; ++o)
        to[o] = static_cast<float>(half[0][o] * c[0] + half[1][o] * c[1] + half[2][o] * c[2]);
    }
  }
}

template <int kTogether>
FERRY_INLINE void pack_line_together(const WinogradPanel& p, int64_t k, int64_t first) {
  const int64_t left = p.cols - first;
  double g[WinogradTaps::kMost][kTogether] = {};
  for (int o = 0; o < kTogether && o < left; ++o) {
    const float* from = p.weights + ((first + o) * p.channels + k) * p.taps;
    for (int64_t t = 0; t < p.taps; ++t) g[t][o] = from[t];
  }
  for (int64_t i = 0; i < p.points; ++i) {
    if (p.at[i] == nullptr) continue;
    double sum[kTogether] = {};
    for (int64_t t = 0; t < p.taps; ++t) {
      for (int o = 0; o < kTogether; ++o) sum[o] += p.down->at[i][t] * g[t][o];
    }
    float* to = p.at[i] + k * p.width + first;
    for (int o = 0; o < kTogether; ++o) to[o] = static_cast<float>(sum[o]);
  }
}

// eight(k, first) and four(k, first) for outputs from `first` on, over all of a panel.
template <class Eight, class Four>
FERRY_INLINE void for_each_part(const WinogradPanel& p, const Eight& eight, const Four& four) {
  for (int64_t k = 0; k < p.slices * p.channels; ++k) {
    int64_t first = 0;
    for (; first + 8 <= p.width; first += 8) eight(k, first);
    for (; first < p.width; first += 4) four(k, first);
  }
}

template <int kSize>
void pack(const WinogradPanel& p) noexcept {
  for_each_part(
      p, [&](int64_t k, int64_t first) { pack_together<kSize, 8>(p, k, first); },
      [&](int64_t k, int64_t first) { pack_together<kSize, 4>(p, k, first); });
}

void pack_line(const WinogradPanel& p) noexcept {
  for_each_part(
      p, [&](int64_t k, int64_t first) { pack_line_together<8>(p, k, first); },
      [&](int64_t k, int64_t first) { pack_line_together<4>(p, k, first); });
}

}  // namespace

extern const WinogradPackers kWinogradPackers = {
    .side4 = pack<4>, .side6 = pack<6>, .side8 = pack<8>, .line = pack_line};

}  // namespace ferry::FERRY_ISA
