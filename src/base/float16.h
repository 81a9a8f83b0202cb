// SPDX-License-Identifier: Apache-2.0
// IEEE binary16 and bfloat16 as storage types: convert to float to compute, round to nearest even
// on the way back.
#pragma once

#include <bit>
#include <cstdint>

namespace ferry {

struct half {
  uint16_t bits = 0;

  half() = default;
  half(float f) : bits(from_float(f)) {}             // NOLINT: implicit by design
  operator float() const { return to_float(bits); }  // NOLINT: implicit by design
  static half from_bits(uint16_t b) {
    half h;
    h.bits = b;
    return h;
  }

  static uint16_t from_float(float f) {
    const uint32_t u = std::bit_cast<uint32_t>(f);
    const uint32_t sign = (u >> 16) & 0x8000u;
    const uint32_t a = u & 0x7fffffffu;
    if (a >= 0x7f800000u) {  // inf, NaN (kept quiet, payload's top bits)
      return static_cast<uint16_t>(sign | 0x7c00u |
                                   (a > 0x7f800000u ? 0x200u | ((a >> 13) & 0x3ffu) : 0u));
    }
    if (a >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);  // rounds to inf
    if (a < 0x38800000u) {  // subnormal or zero: let float addition round
      const float scaled = std::bit_cast<float>(a) + 0.5f;
      return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(scaled) - 0x3f000000u));
    }
    const uint32_t rounded = a + 0xfffu + ((a >> 13) & 1u);
    return static_cast<uint16_t>(sign | ((rounded - 0x38000000u) >> 13));
  }

  static float to_float(uint16_t b) {
    const uint32_t sign = static_cast<uint32_t>(b & 0x8000u) << 16;
    const uint32_t exponent = (b >> 10) & 0x1fu;
    const uint32_t mantissa = b & 0x3ffu;
    if (exponent == 0x1fu) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
    if (exponent == 0) {
      const float m = static_cast<float>(mantissa) * 0x1p-24f;
      return sign != 0 ? -m : m;
    }
    return std::bit_cast<float>(sign | ((exponent + 112u) << 23) | (mantissa << 13));
  }
};

struct bfloat16 {
  uint16_t bits = 0;

  bfloat16() = default;
  bfloat16(float f) : bits(from_float(f)) {}  // NOLINT: implicit by design
  operator float() const {                    // NOLINT: implicit by design
    return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
  }
  static bfloat16 from_bits(uint16_t b) {
    bfloat16 h;
    h.bits = b;
    return h;
  }

  static uint16_t from_float(float f) {
    const uint32_t u = std::bit_cast<uint32_t>(f);
    if ((u & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((u >> 16) | 0x40u);
    return static_cast<uint16_t>((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
  }
};

}  // namespace ferry
