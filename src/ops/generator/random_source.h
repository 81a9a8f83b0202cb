// SPDX-License-Identifier: Apache-2.0
// RandomSource: a Mersenne twister whose draws follow numpy.random.RandomState, number for number,
// so that a seeded operator gives what ONNX's reference evaluator gives.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <random>

#include "ir/eval.h"

namespace ferry {

class RandomSource {
 public:
  explicit RandomSource(uint32_t seed) : engine_(seed) {}
  // The operator's `seed` attribute, or what the context gives.
  RandomSource(std::optional<double> seed, EvalContext& c) : engine_(pick(seed, c)) {}

  // In [0, 1) with 53 random bits.
  double uniform() {
    const uint32_t high = static_cast<uint32_t>(engine_()) >> 5;
    const uint32_t low = static_cast<uint32_t>(engine_()) >> 6;
    return (high * 67108864.0 + low) / 9007199254740992.0;
  }
  // Standard normal, by the polar method; two per pair of uniforms.
  double normal() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    double x = 0, y = 0, r = 0;
    do {
      x = 2 * uniform() - 1;
      y = 2 * uniform() - 1;
      r = x * x + y * y;
    } while (r >= 1 || r == 0);
    const double f = std::sqrt(-2 * std::log(r) / r);
    spare_ = f * x;
    has_spare_ = true;
    return f * y;
  }

 private:
  static uint32_t pick(std::optional<double> seed, EvalContext& c) {
    if (!seed || std::isnan(*seed)) return static_cast<uint32_t>(c.random_seed());
    if (*seed >= 0 && *seed < 4294967296.0) return static_cast<uint32_t>(*seed);
    // Outside numpy's range any fixed choice will do.
    return static_cast<uint32_t>(std::fmod(std::fabs(*seed), 4294967296.0));
  }

  std::mt19937 engine_;
  double spare_ = 0;
  bool has_spare_ = false;
};

}  // namespace ferry
