// SPDX-License-Identifier: Apache-2.0
#include "kernels/eltwise/eltwise.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace ferry {
namespace {

struct UnaryCase {
  EltOp op;
  float p, q;
  double (*exact)(double x, double p, double q);
};

double sigmoid(double x) {
  const double e = std::exp(-std::fabs(x));
  return (x < 0 ? e : 1) / (1 + e);
}
double gelu(double x) { return 0.5 * x * std::erfc(-x * std::sqrt(0.5)); }
double softplus(double x) { return std::fmax(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); }
double clamped(double x) { return x < 0 ? 0.0 : x > 1 ? 1.0 : x; }

const auto kExp = [](double x, double, double) { return std::exp(x); };
const auto kTanh = [](double x, double, double) { return std::tanh(x); };
const auto kErf = [](double x, double, double) { return std::erf(x); };
const auto kLog = [](double x, double, double) { return std::log(x); };
const auto kSin = [](double x, double, double) { return std::sin(x); };
const auto kCos = [](double x, double, double) { return std::cos(x); };
const auto kPower = [](double x, double p, double) { return std::pow(x, p); };
const auto kTan = [](double x, double, double) { return std::tan(x); };
const auto kAsin = [](double x, double, double) { return std::asin(x); };
const auto kAcos = [](double x, double, double) { return std::acos(x); };
const auto kAtan = [](double x, double, double) { return std::atan(x); };
const auto kSinh = [](double x, double, double) { return std::sinh(x); };
const auto kCosh = [](double x, double, double) { return std::cosh(x); };
const auto kAsinh = [](double x, double, double) { return std::asinh(x); };
const auto kAcosh = [](double x, double, double) { return std::acosh(x); };
const auto kAtanh = [](double x, double, double) { return std::atanh(x); };
const auto kSqrt = [](double x, double, double) { return std::sqrt(x); };
const auto kSigmoid = [](double x, double, double) { return sigmoid(x); };
const auto kSoftplus = [](double x, double, double) { return softplus(x); };
const auto kGelu = [](double x, double, double) { return gelu(x); };
const auto kGeluTanh = [](double x, double, double) {
  return x * sigmoid(2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x));
};
const auto kMish = [](double x, double, double) { return x * std::tanh(softplus(x)); };
const auto kSwish = [](double x, double p, double) { return x * sigmoid(p * x); };
const auto kElu = [](double x, double p, double) { return x < 0 ? p * std::expm1(x) : x; };
const auto kCelu = [](double x, double p, double) { return x < 0 ? p * std::expm1(x / p) : x; };
const auto kSelu = [](double x, double p, double q) {
  return x < 0 ? q * p * std::expm1(x) : q * x;
};
const auto kHardSigmoid = [](double x, double p, double q) { return clamped(p * x + q); };
const auto kHardSwish = [](double x, double, double) {
  return x * clamped(x * double{1.0f / 6} + 0.5);
};

// Infinity counts as 2^128; below the smallest normal number the unit is that of the subnormals.
double error_in_ulps(float got, double want) {
  const auto bounded = [](double v) { return std::fmin(0x1p128, std::fmax(-0x1p128, v)); };
  const double magnitude = std::fmin(0x1p127, std::fmax(0x1p-126, std::fabs(want)));
  return std::fabs(bounded(double{got}) - bounded(want)) /
         std::ldexp(1.0, std::ilogb(magnitude) - 23);
}

// A sweep over the floats' bit patterns: every sign, exponent and a sample of mantissas.
std::vector<float> sweep() {
  std::vector<float> x;
  for (uint64_t bits = 0; bits < (1ull << 32); bits += 16411) {
    const auto b = static_cast<uint32_t>(bits);
    float f;
    std::memcpy(&f, &b, sizeof(f));
    x.push_back(f);
  }
  for (float f : {0.0f, -0.0f, 1.0f, -1.0f, 88.722f, 88.73f, -87.4f, -103.9f, -104.1f, INFINITY,
                  -INFINITY, NAN})
    x.push_back(f);
  return x;
}

TEST(Eltwise, FunctionsAreWithinTwoUlps) {
  const UnaryCase cases[] = {
      {EltOp::kExp, 0, 0, kExp},
      {EltOp::kTanh, 0, 0, kTanh},
      {EltOp::kErf, 0, 0, kErf},
      {EltOp::kSigmoid, 0, 0, kSigmoid},
      {EltOp::kGelu, 0, 0, kGelu},
      {EltOp::kGeluTanh, 0, 0, kGeluTanh},
      {EltOp::kLog, 0, 0, kLog},
      {EltOp::kSin, 0, 0, kSin},
      {EltOp::kCos, 0, 0, kCos},
      {EltOp::kTan, 0, 0, kTan},
      {EltOp::kAsin, 0, 0, kAsin},
      {EltOp::kAcos, 0, 0, kAcos},
      {EltOp::kAtan, 0, 0, kAtan},
      {EltOp::kSinh, 0, 0, kSinh},
      {EltOp::kCosh, 0, 0, kCosh},
      {EltOp::kAsinh, 0, 0, kAsinh},
      {EltOp::kAcosh, 0, 0, kAcosh},
      {EltOp::kAtanh, 0, 0, kAtanh},
      {EltOp::kSoftplus, 0, 0, kSoftplus},
      {EltOp::kMish, 0, 0, kMish},
      {EltOp::kSqrt, 0, 0, kSqrt},
      {EltOp::kPower, 0.5f, 0, kPower},
      {EltOp::kPower, -1.5f, 0, kPower},
      {EltOp::kPower, 3, 0, kPower},
      {EltOp::kPower, -0.5f, 0, kPower},
      {EltOp::kPower, -1, 0, kPower},
      {EltOp::kPower, 1.0f / 3, 0, kPower},
      {EltOp::kPower, 0, 0, kPower},
      {EltOp::kSwish, 1, 0, kSwish},
      {EltOp::kSwish, 1.702f, 0, kSwish},
      {EltOp::kSwish, -0.03f, 0, kSwish},
      {EltOp::kSwish, 1e20f, 0, kSwish},
      {EltOp::kElu, 1, 0, kElu},
      {EltOp::kElu, 1.9f, 0, kElu},
      {EltOp::kSelu, 1.6732632f, 1.050701f, kSelu},
      {EltOp::kSelu, 0.7f, 1.3f, kSelu},
      {EltOp::kCelu, 1, 0, kCelu},
      {EltOp::kCelu, 0.3f, 0, kCelu},
      {EltOp::kCelu, 53, 0, kCelu},
      {EltOp::kHardSigmoid, 1.0f / 6, 0.5f, kHardSigmoid},
      {EltOp::kHardSwish, 0, 0, kHardSwish},
  };
  const std::vector<float> x = sweep();
  std::vector<float> y(x.size());
  for (const Isa isa : supported_isas()) {
    for (const UnaryCase& c : cases) {
      elt_kernels(isa).apply(c.op, x.data(), x.data(), y.data(), static_cast<int64_t>(x.size()),
                             c.p, c.q);
      for (size_t i = 0; i < x.size(); ++i) {
        const double want = c.exact(double{x[i]}, double{c.p}, double{c.q});
        // Infinity times zero, and NaN.
        if (std::isnan(want)) {
          if (std::isinf(x[i])) continue;
          ASSERT_TRUE(std::isnan(y[i])) << isa_name(isa) << " op " << int(c.op) << " x " << x[i];
          continue;
        }
        ASSERT_LE(error_in_ulps(y[i], want), 2) << isa_name(isa) << " op " << int(c.op) << " "
                                                << c.p << " x " << x[i] << " got " << y[i];
      }
    }
  }
}

TEST(Eltwise, PowersOfZerosAndInfinitiesAreThoseOfC) {
  for (const Isa isa : supported_isas()) {
    for (float p : {-1.0f, -0.5f, 0.5f, 3.0f, 2.5f}) {
      for (float x : {0.0f, -0.0f, INFINITY, -INFINITY}) {
        float y = 7;
        elt_kernels(isa).apply(EltOp::kPower, &x, &x, &y, 1, p, 0);
        const float want = std::pow(x, p);
        EXPECT_EQ(y, want) << isa_name(isa) << " " << x << "^" << p;
        EXPECT_EQ(std::signbit(y), std::signbit(want)) << isa_name(isa) << " " << x << "^" << p;
      }
    }
  }
}

TEST(Eltwise, GeluKeepsItsDigitsFarBelowZero) {
  const auto tanh_form = [](double x) {
    return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  };
  for (const Isa isa : supported_isas()) {
    for (float x = -5.0f; x < 0; x += 0.01f) {
      float y = 0;
      elt_kernels(isa).apply(EltOp::kGelu, &x, &x, &y, 1, 1, 0);
      ASSERT_NEAR(y, gelu(x), 1e-9 - 4e-6 * gelu(x)) << isa_name(isa) << " " << x;
      elt_kernels(isa).apply(EltOp::kGeluTanh, &x, &x, &y, 1, 1, 0);
      ASSERT_NEAR(y, tanh_form(x), -4e-6 * tanh_form(x)) << isa_name(isa) << " " << x;
    }
  }
}

TEST(Eltwise, RegionsTakeEveryKindOfOperand) {
  // y = swish(a + column) * row - single
  EltProgram program;
  program.inputs = 4;
  program.code = {
      {EltOp::kAdd, 0, 1}, {EltOp::kSwish, 4, 4, 1.0f}, {EltOp::kMul, 5, 2}, {EltOp::kSub, 6, 3}};
  std::vector<std::array<int64_t, 3>> sizes;  // rows, columns, what lies between rows
  for (int64_t cols : {0, 1, 3, 15, 16, 17, 33, 1024, 1500}) sizes.push_back({3, cols, 5});
  for (int64_t cols : {1, 2, 3, 8, 15, 16, 17, 40, 255, 256, 257}) {
    for (int64_t rows : {1, 2, 5, 300}) {
      sizes.push_back({rows, cols, 0});
      sizes.push_back({rows, cols, 3});
    }
  }
  for (const Isa isa : supported_isas()) {
    for (const auto& [rows, cols, gap] : sizes) {
      const int64_t pitch = cols + gap;
      std::vector<float> a(static_cast<size_t>(rows * pitch + 1)),
          column(static_cast<size_t>(cols + 1));
      for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(i % 13) * 0.25f - 1;
      for (size_t i = 0; i < column.size(); ++i) column[i] = static_cast<float>(i % 7) * 0.5f;
      std::vector<float> row(static_cast<size_t>(2 * rows));
      for (size_t i = 0; i < row.size(); ++i) row[i] = static_cast<float>(i % 5) - 2;
      const float single = 0.75f;
      const EltOperand operands[] = {
          {a.data(), pitch, 1}, {column.data(), 0, 1}, {row.data(), 2, 0}, {&single, 0, 0}};
      std::vector<float> y(a.size(), 99.0f);
      std::vector<char> scratch(static_cast<size_t>(eltwise_scratch_bytes(program)) + 64);
      void* aligned = scratch.data();
      size_t space = scratch.size();
      std::align(64, 1, aligned, space);
      eltwise_region(elt_kernels(isa), program, operands, y.data(), pitch, rows, cols, aligned);
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t c = 0; c < pitch; ++c) {
          const auto at = static_cast<size_t>(r * pitch + c);
          if (c >= cols) {
            ASSERT_EQ(y[at], 99.0f);
            continue;
          }
          const double s = a[at] + column[static_cast<size_t>(c)];
          ASSERT_NEAR(y[at], s * sigmoid(s) * row[static_cast<size_t>(2 * r)] - single, 1e-5)
              << isa_name(isa) << " " << cols;
        }
      }
    }
  }
}

// Every pair of kinds of operands gives the bits that two arrays give.
TEST(Eltwise, BinaryOperationsTakeEveryPairOfOperands) {
  constexpr int64_t kRows = 5;
  for (const Isa isa : supported_isas()) {
    const EltKernels& kernels = elt_kernels(isa);
    for (int64_t cols : {1, 7, 8, 31, 32, 33, 100, 256, 257, 1024, 1061}) {
      std::vector<float> x(static_cast<size_t>(kRows * cols + 1)), y(x.size() - 1), want(y.size());
      for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 29) * 0.37f - 5;
      const EltOperand kinds[] = {
          {x.data(), cols, 1}, {&x[1], 0, 1}, {x.data(), 1, 0}, {&x[x.size() / 2], 0, 0}};
      for (int pair = 0; pair < 7 * 16; ++pair) {
        const EltOperand operands[] = {kinds[pair % 4], kinds[pair / 4 % 4]};
        EltProgram program{2, {{static_cast<EltOp>(pair / 16), 0, 1}}};
        std::vector<float> dense[2];
        for (int k = 0; k < 2; ++k) {
          for (int64_t i = 0; i < kRows * cols; ++i) {
            const EltOperand& o = operands[k];
            dense[k].push_back(o.p[i / cols * o.row_stride + i % cols * o.col_stride]);
          }
        }
        kernels.apply(program.code[0].op, dense[0].data(), dense[1].data(), want.data(),
                      kRows * cols, 0, 0);
        std::vector<char> scratch(static_cast<size_t>(eltwise_scratch_bytes(program)) + 64);
        void* aligned = scratch.data();
        size_t space = scratch.size();
        std::align(64, 1, aligned, space);
        eltwise_region(kernels, program, operands, y.data(), cols, kRows, cols, aligned);
        EXPECT_EQ(std::memcmp(y.data(), want.data(), y.size() * sizeof(float)), 0)
            << isa_name(isa) << " pair " << pair << " cols " << cols;
      }
    }
  }
}

TEST(Eltwise, ResultsDoNotDependOnTheirNeighbours) {
  for (const Isa isa : supported_isas()) {
    for (EltOp op : {EltOp::kSin, EltOp::kCos, EltOp::kTan, EltOp::kGelu, EltOp::kTanh}) {
      std::vector<float> x(200), alone(x.size()), together(x.size());
      for (size_t i = 0; i < x.size(); ++i) {
        x[i] = 0.37f * static_cast<float>(i);
        if (op == EltOp::kGelu) x[i] = 0.03f * static_cast<float>(i) - 3;
        if (i % 37 == 5) x[i] = op == EltOp::kGelu ? -6.0f : 1e7f;
        if (i == 150) x[i] = NAN;
      }
      elt_kernels(isa).apply(op, x.data(), x.data(), together.data(), 200, 0, 0);
      for (size_t i = 0; i < x.size(); ++i) {
        elt_kernels(isa).apply(op, &x[i], &x[i], &alone[i], 1, 0, 0);
        const bool both_nan = std::isnan(alone[i]) && std::isnan(together[i]);
        EXPECT_TRUE(both_nan || alone[i] == together[i]) << isa_name(isa) << " " << x[i];
      }
      for (int64_t n = 1; n < 80; ++n) {
        std::vector<float> y(static_cast<size_t>(n) + 1, 7.0f);
        elt_kernels(isa).apply(op, x.data(), x.data(), y.data(), n, 0, 0);
        EXPECT_EQ(std::memcmp(y.data(), together.data(), static_cast<size_t>(n) * 4), 0) << n;
        EXPECT_EQ(y.back(), 7.0f) << n;
      }
    }
  }
}

TEST(Eltwise, FunctionsOfOneValueAreComputedOnce) {
  // y = exp(-x) + exp(x), of one value and with another per row.
  const EltProgram program{
      2, {{EltOp::kNeg, 0}, {EltOp::kExp, 2}, {EltOp::kExp, 1}, {EltOp::kAdd, 3, 4}}};
  const float x = 0.3f, other[] = {0.5f, -1, 2};
  std::vector<char> scratch(static_cast<size_t>(eltwise_scratch_bytes(program)) + 64);
  void* aligned = scratch.data();
  size_t space = scratch.size();
  std::align(64, 1, aligned, space);
  for (const Isa isa : supported_isas()) {
    for (int64_t cols : {1, 40, 2000}) {
      for (int64_t step : {0, 1}) {
        const EltOperand operands[] = {{&x, 0, 0}, {other, step, 0}};
        std::vector<float> y(static_cast<size_t>(3 * cols));
        eltwise_region(elt_kernels(isa), program, operands, y.data(), cols, 3, cols, aligned);
        for (size_t i = 0; i < y.size(); ++i) {
          const float row = other[static_cast<int64_t>(i) / cols * step];
          ASSERT_NEAR(y[i], std::exp(-x) + std::exp(row), 1e-6) << isa_name(isa) << " " << cols;
        }
      }
    }
  }
}

TEST(Eltwise, NanStaysNan) {
  const float nan = NAN, one = 1;
  float y = 0;
  for (const Isa isa : supported_isas()) {
    for (EltOp op : {EltOp::kRelu, EltOp::kClip, EltOp::kExp, EltOp::kTanh, EltOp::kErf,
                     EltOp::kSigmoid, EltOp::kGelu, EltOp::kHardSwish, EltOp::kElu, EltOp::kAsin,
                     EltOp::kAcos, EltOp::kAtan, EltOp::kSinh, EltOp::kCosh}) {
      elt_kernels(isa).apply(op, &nan, &nan, &y, 1, 0, 1);
      EXPECT_TRUE(std::isnan(y)) << int(op);
    }
    elt_kernels(isa).apply(EltOp::kMin, &one, &nan, &y, 1, 0, 0);
    EXPECT_TRUE(std::isnan(y));
    elt_kernels(isa).apply(EltOp::kMax, &nan, &one, &y, 1, 0, 0);
    EXPECT_TRUE(std::isnan(y));
  }
}

}  // namespace
}  // namespace ferry
