// SPDX-License-Identifier: Apache-2.0
#include "base/float8.h"

#include <gtest/gtest.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <bit>
#include <cmath>

namespace ferry {
namespace {

constexpr DType kTypes[] = {DType::kFloat8E4M3FN, DType::kFloat8E4M3FNUZ, DType::kFloat8E5M2,
                            DType::kFloat8E5M2FNUZ};

TEST(Float8, EveryCodeSurvivesARoundTrip) {
  for (DType type : kTypes) {
    for (int code = 0; code < 256; ++code) {
      const auto bits = static_cast<uint8_t>(code);
      const float f = float8_to_float(type, bits);
      const uint8_t back = float8_from_float(type, f, false);
      if (std::isnan(f)) {
        EXPECT_TRUE(std::isnan(float8_to_float(type, back)))
            << static_cast<int>(type) << " " << code;
      } else {
        EXPECT_EQ(int{back}, code) << static_cast<int>(type);
      }
    }
  }
  for (int code = 0; code < 16; ++code) {
    EXPECT_EQ(int{float4_from_float(float4_to_float(static_cast<uint8_t>(code)))}, code);
  }
  for (int code = 0; code < 255; ++code) {
    EXPECT_EQ(int{e8m0_from_float(e8m0_to_float(static_cast<uint8_t>(code)))}, code);
  }
}

TEST(Float8, LargestAndSmallestValues) {
  EXPECT_EQ(float8_to_float(DType::kFloat8E4M3FN, 0x7e), 448.0f);
  EXPECT_EQ(float8_to_float(DType::kFloat8E4M3FNUZ, 0x7f), 240.0f);
  EXPECT_EQ(float8_to_float(DType::kFloat8E5M2, 0x7b), 57344.0f);
  EXPECT_EQ(float8_to_float(DType::kFloat8E5M2FNUZ, 0x7f), 57344.0f);
  EXPECT_EQ(float8_to_float(DType::kFloat8E4M3FN, 1), 0x1p-9f);
  EXPECT_EQ(float8_to_float(DType::kFloat8E4M3FNUZ, 1), 0x1p-10f);
  EXPECT_EQ(float8_to_float(DType::kFloat8E5M2, 1), 0x1p-16f);
  EXPECT_EQ(float8_to_float(DType::kFloat8E5M2FNUZ, 1), 0x1p-17f);
  EXPECT_EQ(float4_to_float(7), 6.0f);
  EXPECT_EQ(float4_to_float(9), -0.5f);
}

TEST(Float8, SpecialValuesFollowTheTables) {
  struct Row {
    float x;
    uint8_t saturated[4], plain[4];  // in the order of kTypes
  };
  const Row rows[] = {
      {0.0f, {0, 0, 0, 0}, {0, 0, 0, 0}},
      {-0.0f, {0x80, 0, 0x80, 0}, {0x80, 0, 0x80, 0}},
      {INFINITY, {0x7e, 0x7f, 0x7b, 0x7f}, {0x7f, 0x80, 0x7c, 0x80}},
      {-INFINITY, {0xfe, 0xff, 0xfb, 0xff}, {0xff, 0x80, 0xfc, 0x80}},
      {1e6f, {0x7e, 0x7f, 0x7b, 0x7f}, {0x7f, 0x80, 0x7c, 0x80}},
      {-1e6f, {0xfe, 0xff, 0xfb, 0xff}, {0xff, 0x80, 0xfc, 0x80}},
      {NAN, {0x7f, 0x80, 0x7e, 0x80}, {0x7f, 0x80, 0x7e, 0x80}},
  };
  for (const Row& row : rows) {
    for (size_t t = 0; t < 4; ++t) {
      EXPECT_EQ(int{float8_from_float(kTypes[t], row.x, true)}, int{row.saturated[t]})
          << row.x << " " << static_cast<int>(kTypes[t]);
      EXPECT_EQ(int{float8_from_float(kTypes[t], row.x, false)}, int{row.plain[t]})
          << row.x << " " << static_cast<int>(kTypes[t]);
    }
  }
}

TEST(Float8, RoundsHalfToEven) {
  const auto e4m3 = [](float f) { return int{float8_from_float(DType::kFloat8E4M3FN, f, false)}; };
  EXPECT_EQ(e4m3(464.0f), 0x7e);   // halfway to what would be 480
  EXPECT_EQ(e4m3(464.1f), 0x7f);   // beyond: NaN
  EXPECT_EQ(e4m3(1.0625f), 0x38);  // between 1 and 1.125, to the even one
  EXPECT_EQ(e4m3(1.1875f), 0x3a);  // between 1.125 and 1.25
  EXPECT_EQ(e4m3(0x1p-10f), 0);    // half of the smallest
  EXPECT_EQ(e4m3(0x1.8p-10f), 1);
  EXPECT_EQ(int{float4_from_float(2.5f)}, 4);
  EXPECT_EQ(int{float4_from_float(3.5f)}, 6);
  EXPECT_EQ(int{float4_from_float(100.0f)}, 7);
}

TEST(Float8, ScalesRoundAsAsked) {
  EXPECT_EQ(e8m0_to_float(e8m0_from_float(1.1f)), 2.0f);
  EXPECT_EQ(e8m0_to_float(e8m0_from_float(1.9f, true, E8M0Round::kDown)), 1.0f);
  EXPECT_EQ(e8m0_to_float(e8m0_from_float(1.4f, true, E8M0Round::kNearest)), 1.0f);
  EXPECT_EQ(e8m0_to_float(e8m0_from_float(1.5f, true, E8M0Round::kNearest)), 2.0f);
  EXPECT_EQ(int{e8m0_from_float(0.0f)}, 0);
  EXPECT_EQ(int{e8m0_from_float(0.0f, false)}, 0xff);
  EXPECT_EQ(int{e8m0_from_float(INFINITY)}, 0xfe);
  EXPECT_EQ(int{e8m0_from_float(INFINITY, false)}, 0xff);
  EXPECT_EQ(int{e8m0_from_float(NAN)}, 0xff);
  EXPECT_TRUE(std::isnan(e8m0_to_float(0xff)));
}

#if defined(__x86_64__)
TEST(Float8, E8m0KeepsZeroWhereSubnormalsAreFlushed) {
  const unsigned state = _mm_getcsr();
  _mm_setcsr(state | 0x8040);  // flush to zero, denormals are zero
  const uint8_t zero = e8m0_from_float(0.0f),
                smallest = e8m0_from_float(std::bit_cast<float>(0x00400000u));
  const uint8_t between = e8m0_from_float(std::bit_cast<float>(0x00600000u));
  _mm_setcsr(state);
  EXPECT_EQ(int{zero}, 0);
  EXPECT_EQ(int{smallest}, 0);
  EXPECT_EQ(int{between}, 1);
}
#endif

}  // namespace
}  // namespace ferry
