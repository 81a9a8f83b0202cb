// SPDX-License-Identifier: Apache-2.0
#include "kernels/vec_test.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "base/thread_pool.h"

namespace ferry {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kTiny = std::numeric_limits<float>::denorm_min();
constexpr float kSamples[] = {
    0.0f,        -0.0f,       0.3f,  -0.3f,   0.5f,     -0.5f,  0.7f,  -0.7f,  1.0f,
    -1.0f,       1.5f,        2.5f,  -2.5f,   3.49999f, 1e-30f, kTiny, -kTiny, 8388607.5f,
    -8388608.5f, 16777216.0f, 1e30f, 3.4e38f, kInf,     -kInf,  kNan};

class Vec : public testing::TestWithParam<Isa> {
 protected:
  const VecOps& ops() const { return FERRY_SELECT_ISA_TABLE(GetParam(), kVecOps); }
};

bool same(float a, float b) {
  return (std::isnan(a) && std::isnan(b)) ||
         std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b);
}

TEST_P(Vec, PartialLoadsAndStoresTouchNothingElse) {
  const int lanes = ops().lanes;
  for (int n = 0; n <= lanes; ++n) {
    std::vector<float> x(lanes + 2, 7.0f), y(lanes + 2, -1.0f);
    std::vector<int32_t> xi(lanes + 2, 7), yi(lanes + 2, -1);
    // From an odd address up to the end of the storage.
    ops().load_store_n(x.data() + x.size() - n, y.data() + 1, n);
    ops().load_store_n_i(xi.data() + xi.size() - n, yi.data() + 1, n);
    for (int i = 0; i < lanes + 2; ++i) {
      const bool inside = i >= 1 && i <= n;
      EXPECT_EQ(y[i], inside ? 7.0f : -1.0f) << "n " << n << " i " << i;
      EXPECT_EQ(yi[i], inside ? 7 : -1);
    }
  }
}

TEST_P(Vec, UnaryFunctionsMatchTheLibrary) {
  const std::map<std::string, std::function<float(float)>> expected = {
      {"neg", [](float a) { return -a; }},
      {"abs", [](float a) { return std::fabs(a); }},
      {"sqrt", [](float a) { return std::sqrt(a); }},
      {"round", [](float a) { return std::nearbyint(a); }},
      {"floor", [](float a) { return std::floor(a); }},
      {"ceil", [](float a) { return std::ceil(a); }},
      {"trunc", [](float a) { return std::trunc(a); }},
  };
  for (int k = 0; k < ops().unary_count; ++k) {
    const VecOps::Unary& op = ops().unary[k];
    for (const float sample : kSamples) {
      std::vector<float> a(ops().lanes, sample), y(ops().lanes);
      op.run(a.data(), y.data());
      for (const float lane : y) {
        EXPECT_TRUE(same(lane, expected.at(op.name)(sample)))
            << op.name << "(" << sample << ") = " << lane;
      }
    }
  }
}

float scale_pow2(float a, float b) {
  const double exponent = std::fmin(std::fmax(std::nearbyint(b), -2000.0), 2000.0);
  return static_cast<float>(std::ldexp(static_cast<double>(a), static_cast<int>(exponent)));
}

TEST_P(Vec, BinaryFunctionsMatchTheLibrary) {
  const std::map<std::string, std::function<float(float, float)>> expected = {
      {"add", [](float a, float b) { return a + b; }},
      {"sub", [](float a, float b) { return a - b; }},
      {"mul", [](float a, float b) { return a * b; }},
      {"div", [](float a, float b) { return a / b; }},
      {"min", [](float a, float b) { return a < b ? a : b; }},
      {"max", [](float a, float b) { return a > b ? a : b; }},
      {"min_nan", [](float a, float b) { return std::isnan(a) ? a
                                                : a < b       ? a
                                                              : b; }},
      {"max_nan", [](float a, float b) { return std::isnan(a) ? a
                                                : a > b       ? a
                                                              : b; }},
      {"copysign", [](float a, float b) { return std::copysign(a, b); }},
      {"lt", [](float a, float b) { return a < b ? 1.0f : 0.0f; }},
      {"le", [](float a, float b) { return a <= b ? 1.0f : 0.0f; }},
      {"gt", [](float a, float b) { return a > b ? 1.0f : 0.0f; }},
      {"ge", [](float a, float b) { return a >= b ? 1.0f : 0.0f; }},
      {"eq", [](float a, float b) { return a == b ? 1.0f : 0.0f; }},
      {"ne", [](float a, float b) { return a != b ? 1.0f : 0.0f; }},
      {"unordered", [](float a, float b) { return std::isnan(a) || std::isnan(b) ? 1.0f : 0.0f; }},
  };
  for (int k = 0; k < ops().binary_count; ++k) {
    const VecOps::Binary& op = ops().binary[k];
    if (std::string(op.name) == "scale_pow2") continue;
    for (const float a : kSamples) {
      for (const float b : kSamples) {
        std::vector<float> va(ops().lanes, a), vb(ops().lanes, b), y(ops().lanes);
        op.run(va.data(), vb.data(), y.data());
        for (const float lane : y) {
          EXPECT_TRUE(same(lane, expected.at(op.name)(a, b)))
              << op.name << "(" << a << ", " << b << ") = " << lane;
        }
      }
    }
  }
}

TEST_P(Vec, ScalePow2ReachesSubnormalsAndInfinity) {
  for (int k = 0; k < ops().binary_count; ++k) {
    const VecOps::Binary& op = ops().binary[k];
    if (std::string(op.name) != "scale_pow2") continue;
    for (const float a : {0.0f, 1.0f, -1.5f, 0.75f}) {
      for (const float b :
           {0.0f, 1.0f, -1.0f, 127.0f, 128.0f, -126.0f, -149.0f, -160.0f, 252.0f, -252.0f}) {
        std::vector<float> va(ops().lanes, a), vb(ops().lanes, b), y(ops().lanes);
        op.run(va.data(), vb.data(), y.data());
        for (const float lane : y)
          EXPECT_TRUE(same(lane, scale_pow2(a, b))) << a << " " << b << " " << lane;
      }
    }
  }
}

TEST_P(Vec, IntegerFunctionsWrapAndCompare) {
  const auto u = [](int32_t x) { return static_cast<uint32_t>(x); };
  const auto s = [](uint32_t x) { return static_cast<int32_t>(x); };
  const std::map<std::string, std::function<int32_t(int32_t, int32_t, int)>> expected = {
      {"add", [=](int32_t a, int32_t b, int) { return s(u(a) + u(b)); }},
      {"sub", [=](int32_t a, int32_t b, int) { return s(u(a) - u(b)); }},
      {"mul", [=](int32_t a, int32_t b, int) { return s(u(a) * u(b)); }},
      {"and", [](int32_t a, int32_t b, int) { return a & b; }},
      {"or", [](int32_t a, int32_t b, int) { return a | b; }},
      {"xor", [](int32_t a, int32_t b, int) { return a ^ b; }},
      {"not", [](int32_t a, int32_t, int) { return ~a; }},
      {"min", [](int32_t a, int32_t b, int) { return std::min(a, b); }},
      {"max", [](int32_t a, int32_t b, int) { return std::max(a, b); }},
      {"lt", [](int32_t a, int32_t b, int) { return a < b ? 1 : 0; }},
      {"gt", [](int32_t a, int32_t b, int) { return a > b ? 1 : 0; }},
      {"eq", [](int32_t a, int32_t b, int) { return a == b ? 1 : 0; }},
      {"shl3", [=](int32_t a, int32_t, int) { return s(u(a) << 3); }},
      {"shr3", [=](int32_t a, int32_t, int) { return s(u(a) >> 3); }},
      {"sar3", [](int32_t a, int32_t, int) { return a >> 3; }},
      {"to_f32_and_back", [](int32_t a, int32_t, int) { return a >> 8; }},
      {"iota", [](int32_t, int32_t, int lane) { return lane; }},
  };
  const int32_t samples[] = {0, 1, -1, 5, -5, 12345, INT32_MAX, INT32_MIN};
  for (int k = 0; k < ops().binary_int_count; ++k) {
    const VecOps::BinaryInt& op = ops().binary_int[k];
    for (const int32_t a : samples) {
      for (const int32_t b : samples) {
        std::vector<int32_t> va(ops().lanes, a), vb(ops().lanes, b), y(ops().lanes);
        op.run(va.data(), vb.data(), y.data());
        for (int i = 0; i < ops().lanes; ++i) {
          EXPECT_EQ(y[i], expected.at(op.name)(a, b, i)) << op.name << "(" << a << ", " << b << ")";
        }
      }
    }
  }
}

TEST_P(Vec, LanesReduceTransposeAndGather) {
  const int lanes = ops().lanes;
  std::vector<float> square(lanes * lanes), a(lanes), b(lanes), c(lanes), y(lanes);
  for (int i = 0; i < lanes * lanes; ++i) square[i] = static_cast<float>(i);
  ops().transpose(square.data());
  for (int i = 0; i < lanes; ++i) {
    for (int j = 0; j < lanes; ++j)
      EXPECT_EQ(square[i * lanes + j], static_cast<float>(j * lanes + i));
  }
  std::vector<int32_t> index(lanes);
  float sum = 0;
  for (int i = 0; i < lanes; ++i) {
    a[i] = static_cast<float>((i * 7) % lanes) - 2.0f;
    b[i] = static_cast<float>(i);
    c[i] = 0.5f;
    index[i] = lanes - 1 - i;
    sum += a[i];
  }
  EXPECT_EQ(ops().reduce_add(a.data()), sum);
  EXPECT_EQ(ops().reduce_min(a.data()), -2.0f);
  EXPECT_EQ(ops().reduce_max(a.data()), static_cast<float>(lanes) - 3.0f);
  ops().gather(a.data(), index.data(), y.data());
  for (int i = 0; i < lanes; ++i) EXPECT_EQ(y[i], a[lanes - 1 - i]);
  ops().splat_in_pairs(a.data(), y.data());
  for (int i = 0; i < lanes; ++i) EXPECT_EQ(y[i], a[i / 2 * 2 + 1]);
  ops().splat_in_quads(a.data(), y.data());
  for (int i = 0; i < lanes; ++i) EXPECT_EQ(y[i], a[i / 4 * 4 + 2]);
  ops().permute(a.data(), index.data(), y.data());
  for (int i = 0; i < lanes; ++i) EXPECT_EQ(y[i], a[lanes - 1 - i]);
  for (int i = 0; i < lanes; ++i) index[i] = (5 * i + 3) % (2 * lanes);
  ops().permute_two(a.data(), b.data(), index.data(), y.data());
  for (int i = 0; i < lanes; ++i) {
    EXPECT_EQ(y[i], index[i] < lanes ? a[index[i]] : b[index[i] - lanes]);
  }
  ops().fma(a.data(), b.data(), c.data(), y.data());
  for (int i = 0; i < lanes; ++i) EXPECT_EQ(y[i], a[i] * b[i] + c[i]);
  EXPECT_EQ(ops().any_all(a.data(), a.data()), 0);
  std::vector<float> above(lanes, 1e9f), one_above(lanes, -1e9f);
  one_above[lanes - 1] = 1e9f;
  EXPECT_EQ(ops().any_all(a.data(), above.data()), 3);
  EXPECT_EQ(ops().any_all(a.data(), one_above.data()), 1);
}

// Every half, so that subnormals, infinities and NaN are all there.
TEST_P(Vec, HalvesConvertExactlyBothWays) {
  const int lanes = ops().lanes;
  for (int first = 0; first < 0x10000; first += lanes) {
    std::vector<uint16_t> half(lanes), back(lanes), bf16(lanes), bf16_back(lanes);
    std::vector<float> wide(lanes), wide_bf16(lanes);
    for (int i = 0; i < lanes; ++i) half[i] = static_cast<uint16_t>(first + i);
    ops().f16_to_f32(half.data(), wide.data(), lanes);
    ops().f32_to_f16(wide.data(), back.data(), lanes);
    ops().bf16_to_f32(half.data(), wide_bf16.data(), lanes);
    ops().f32_to_bf16(wide_bf16.data(), bf16_back.data(), lanes);
    for (int i = 0; i < lanes; ++i) {
      const int exponent = half[i] >> 10 & 31, fraction = half[i] & 1023;
      const double magnitude =
          exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
      if (exponent < 31) {
        EXPECT_EQ(wide[i], static_cast<float>(half[i] & 0x8000 ? -magnitude : magnitude))
            << half[i];
        EXPECT_EQ(back[i], half[i]);
      } else {
        EXPECT_EQ(back[i], fraction == 0 ? half[i] : half[i] | 0x200);
        EXPECT_EQ(std::isnan(wide[i]), fraction != 0);
      }
      EXPECT_EQ(std::bit_cast<uint32_t>(wide_bf16[i]), uint32_t{half[i]} << 16);
      EXPECT_EQ(bf16_back[i], std::isnan(wide_bf16[i]) ? half[i] | 0x40 : half[i]);
    }
  }
}

// Only subnormal floats count as zero where the processor is told to flush: no half is one.
TEST_P(Vec, FlushingKeepsSubnormalHalves) {
  const FlushDenormals flush(true);
  const int lanes = ops().lanes;
  for (int first = 0; first < 0x400; first += lanes) {
    std::vector<uint16_t> half(lanes), back(lanes);
    std::vector<float> wide(lanes);
    for (int i = 0; i < lanes; ++i) half[i] = static_cast<uint16_t>(first + i);
    ops().f16_to_f32(half.data(), wide.data(), lanes);
    ops().f32_to_f16(wide.data(), back.data(), lanes);
    for (int i = 0; i < lanes; ++i) EXPECT_EQ(wide[i], std::ldexp(half[i], -24)) << half[i];
    EXPECT_EQ(back, half);
  }
}

TEST_P(Vec, NarrowingRoundsToNearestEven) {
  const int lanes = ops().lanes;
  const std::pair<float, uint16_t> halves[] = {{1.00048828125f, 0x3c00},
                                               {0x1.002002p0f, 0x3c01},
                                               {1.00146484375f, 0x3c02},
                                               {65519.99f, 0x7bff},
                                               {65520.0f, 0x7c00},
                                               {-1e30f, 0xfc00},
                                               {0x1p-25f, 0},
                                               {0x1.8p-25f, 1},
                                               {0x1.ffcp-15f, 0x400},
                                               {-0.0f, 0x8000}};
  for (const auto& [value, bits] : halves) {
    std::vector<float> x(lanes, value);
    std::vector<uint16_t> y(lanes);
    ops().f32_to_f16(x.data(), y.data(), lanes);
    EXPECT_EQ(y[0], bits) << value;
  }
  const std::pair<float, uint16_t> bfloats[] = {{1.00390625f, 0x3f80},
                                                {1.01171875f, 0x3f82},
                                                {3.4e38f, 0x7f80},
                                                {-kInf, 0xff80},
                                                {1.004f, 0x3f81}};
  for (const auto& [value, bits] : bfloats) {
    std::vector<float> x(lanes, value);
    std::vector<uint16_t> y(lanes);
    ops().f32_to_bf16(x.data(), y.data(), lanes);
    EXPECT_EQ(y[0], bits) << value;
  }
}

TEST_P(Vec, NarrowTypesTouchOnlyTheirLanes) {
  const int lanes = ops().lanes;
  for (int n = 0; n <= lanes; ++n) {
    std::vector<uint8_t> u(n), back(lanes + 1, 9);
    std::vector<int8_t> s(n);
    std::vector<int32_t> wide_u(lanes), wide_s(lanes);
    for (int i = 0; i < n; ++i)
      u[i] = static_cast<uint8_t>(255 - i), s[i] = static_cast<int8_t>(-128 + i);
    ops().bytes(u.data(), s.data(), wide_u.data(), wide_s.data(), back.data(), n);
    std::vector<float> x(n, 1.5f), y(lanes + 1, 9.0f);
    std::vector<uint16_t> half(lanes + 1, 9);
    ops().f32_to_f16(x.data(), half.data(), n);
    EXPECT_EQ(half[n], 9);
    std::vector<uint16_t> exact(half.begin(), half.begin() + n);
    ops().f16_to_f32(exact.data(), y.data(), n);
    EXPECT_EQ(y[n], 9.0f);
    EXPECT_EQ(back[n], 9);
    for (int i = 0; i < n; ++i) {
      EXPECT_EQ(wide_u[i], 255 - i);
      EXPECT_EQ(wide_s[i], -128 + i);
      EXPECT_EQ(back[i], u[i]);
      EXPECT_EQ(y[i], 1.5f);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(EveryIsa, Vec,
                         testing::ValuesIn(supported_isas().begin(), supported_isas().end()),
                         [](const auto& isa) { return std::string(isa_name(isa.param)); });

}  // namespace
}  // namespace ferry
