// SPDX-License-Identifier: Apache-2.0
#include "base/float8.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace ferry {
namespace {

struct Format {
  int mantissa_bits;
  int bias;
  uint8_t sign;      // mask of the sign bit
  uint8_t largest;   // code of the largest finite value
  uint8_t nan;       // code of NaN without sign
  uint8_t infinity;  // its code, or that of NaN
  bool negative_zero;
};

constexpr Format kE4M3FN = {3, 7, 0x80, 0x7e, 0x7f, 0x7f, true};
constexpr Format kE4M3FNUZ = {3, 8, 0x80, 0x7f, 0x80, 0x80, false};
constexpr Format kE5M2 = {2, 15, 0x80, 0x7b, 0x7e, 0x7c, true};
constexpr Format kE5M2FNUZ = {2, 16, 0x80, 0x7f, 0x80, 0x80, false};
constexpr Format kE2M1 = {1, 1, 0x08, 0x07, 0x08, 0x07, true};

const Format& format_of(DType type) {
  switch (type) {
    case DType::kFloat8E4M3FN:
      return kE4M3FN;
    case DType::kFloat8E4M3FNUZ:
      return kE4M3FNUZ;
    case DType::kFloat8E5M2:
      return kE5M2;
    default:
      return kE5M2FNUZ;
  }
}

uint8_t encode(const Format& t, float f, bool saturate) {
  const uint8_t sign = std::signbit(f) ? t.sign : 0;
  if (std::isnan(f)) return static_cast<uint8_t>(t.negative_zero ? t.nan ^ sign : t.nan);
  // In units of the last place of f's binade (or of the smallest one), rounded to nearest even.
  const double a = std::fabs(double(f));
  const int lowest = 1 - t.bias;
  int exponent = lowest;
  int64_t code = int64_t{t.largest} + 1;
  if (!std::isinf(f)) {
    if (a > 0) exponent = std::max(lowest, std::ilogb(a));
    const auto units =
        static_cast<int64_t>(std::nearbyint(std::ldexp(a, t.mantissa_bits - exponent)));
    // A unit count of 2^(mantissa_bits + 1) carries into the exponent by itself.
    code = (static_cast<int64_t>(exponent - lowest) << t.mantissa_bits) + units;
  }
  if (code > t.largest) {
    if (!saturate) return static_cast<uint8_t>(t.infinity | sign);
    code = t.largest;
  }
  if (code == 0 && !t.negative_zero) return 0;
  return static_cast<uint8_t>(code | sign);
}

float decode(const Format& t, uint8_t bits) {
  const bool negative = (bits & t.sign) != 0;
  const int code = bits & (t.sign - 1);
  if (!t.negative_zero && bits == t.nan) return NAN;
  if (code > t.largest) {
    const float v = code == t.infinity && t.infinity != t.nan ? INFINITY : NAN;
    return negative ? -v : v;
  }
  const int exponent = code >> t.mantissa_bits;
  const int mantissa = code & ((1 << t.mantissa_bits) - 1);
  const int units = exponent == 0 ? mantissa : mantissa + (1 << t.mantissa_bits);
  const float v = std::ldexp(float(units), std::max(exponent, 1) - t.bias - t.mantissa_bits);
  return negative ? -v : v;
}

}  // namespace

uint8_t float8_from_float(DType type, float f, bool saturate) {
  return encode(format_of(type), f, saturate);
}
float float8_to_float(DType type, uint8_t bits) { return decode(format_of(type), bits); }

uint8_t float4_from_float(float f) { return encode(kE2M1, f, true); }
float float4_to_float(uint8_t bits) { return decode(kE2M1, bits & 0x0f); }

uint8_t e8m0_from_float(float f, bool saturate, E8M0Round round) {
  // By bits: 2^-127 is subnormal, and compares equal to zero where those are flushed.
  constexpr uint32_t kSmallest = 0x00400000, kLargest = 0x7f000000, kInfinity = 0x7f800000;
  constexpr uint8_t kNaN = 0xff;
  const uint32_t bits = std::bit_cast<uint32_t>(f) & 0x7fffffffu;
  if (bits > kInfinity) return kNaN;
  if (bits < kSmallest) return saturate ? 0 : kNaN;
  if (bits > kLargest) return saturate ? 0xfe : kNaN;
  const uint32_t exponent = bits >> 23;
  // What follows the leading one, as a fraction of 2^23.
  const uint32_t fraction = exponent == 0 ? (bits - kSmallest) << 1 : bits & 0x7fffffu;
  const bool up = round == E8M0Round::kUp        ? fraction > 0
                  : round == E8M0Round::kNearest ? fraction >= 0x400000
                                                 : false;
  return static_cast<uint8_t>(exponent + (up ? 1 : 0));
}

float e8m0_to_float(uint8_t bits) { return bits == 0xff ? NAN : std::ldexp(1.0f, bits - 127); }

}  // namespace ferry
