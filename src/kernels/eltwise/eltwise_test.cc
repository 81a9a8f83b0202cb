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

// Distance in representable floats.
int64_t ulps(float a, float b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b) ? 0 : INT64_MAX;
  const auto order = [](float f) {
    int32_t i;
    std::memcpy(&i, &f, sizeof(i));
    return i < 0 ? -static_cast<int64_t>(i & 0x7fffffff) : static_cast<int64_t>(i);
  };
  return std::abs(order(a) - order(b));
}

struct UnaryCase {
  EltOp op;
  double (*exact)(double);
  int64_t max_ulps;
  double absolute;  // allowed besides
};

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double gelu(double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }
double softplus(double x) { return std::fmax(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); }
double mish(double x) { return x * std::tanh(softplus(x)); }
double silu(double x) { return x / (1 + std::exp(-x)); }

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

TEST(Eltwise, FunctionsAreWithinTheirUlps) {
  const UnaryCase cases[] = {
      {EltOp::kExp, [](double x) { return std::exp(x); }, 2, 1e-45},
      {EltOp::kTanh, [](double x) { return std::tanh(x); }, 3, 0},
      {EltOp::kErf, [](double x) { return std::erf(x); }, 3, 0},
      {EltOp::kSigmoid, sigmoid, 4, 1e-45},
      {EltOp::kGelu, gelu, 4, 2.5e-7},
      {EltOp::kLog, [](double x) { return std::log(x); }, 2, 0},
      {EltOp::kSin, [](double x) { return std::sin(x); }, 2, 6e-8},
      {EltOp::kCos, [](double x) { return std::cos(x); }, 2, 6e-8},
      {EltOp::kSoftplus, softplus, 4, 1e-45},
      {EltOp::kMish, mish, 6, 1e-38},
      {EltOp::kSqrt, [](double x) { return std::sqrt(x); }, 0, 0},
      {EltOp::kElu, [](double x) { return x < 0 ? std::expm1(x) : x; }, 3, 0},
  };
  const std::vector<float> x = sweep();
  std::vector<float> y(x.size());
  for (const Isa isa : supported_isas()) {
    for (const UnaryCase& c : cases) {
      elt_kernels(isa).apply(c.op, x.data(), x.data(), y.data(), static_cast<int64_t>(x.size()), 1,
                             0);
      for (size_t i = 0; i < x.size(); ++i) {
        const double exact = c.exact(static_cast<double>(x[i]));
        if ((c.op == EltOp::kGelu || c.op == EltOp::kMish) && std::isinf(x[i]))
          continue;  // inf * 0 on the negative side
        const auto want = static_cast<float>(exact);
        if (std::fabs(y[i] - exact) <= c.absolute) continue;
        ASSERT_LE(ulps(y[i], want), c.max_ulps) << isa_name(isa) << " op " << int(c.op) << " x "
                                                << x[i] << " got " << y[i] << " want " << want;
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
    for (int64_t rows : {1, 2, 5, 300}) sizes.push_back({rows, cols, 0});
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
          ASSERT_NEAR(y[at], silu(s) * row[static_cast<size_t>(2 * r)] - single, 1e-5)
              << isa_name(isa) << " " << cols;
        }
      }
    }
  }
}

TEST(Eltwise, SinesDoNotDependOnTheirNeighbours) {
  for (const Isa isa : supported_isas()) {
    for (EltOp op : {EltOp::kSin, EltOp::kCos}) {
      std::vector<float> x(200), alone(x.size()), together(x.size());
      for (size_t i = 0; i < x.size(); ++i) x[i] = i % 37 == 5 ? 1e7f : 0.37f * static_cast<float>(i);
      elt_kernels(isa).apply(op, x.data(), x.data(), together.data(), 200, 0, 0);
      for (size_t i = 0; i < x.size(); ++i) {
        elt_kernels(isa).apply(op, &x[i], &x[i], &alone[i], 1, 0, 0);
      }
      EXPECT_EQ(alone, together) << isa_name(isa);
    }
  }
}

TEST(Eltwise, NanStaysNan) {
  const float nan = NAN, one = 1;
  float y = 0;
  for (const Isa isa : supported_isas()) {
    for (EltOp op : {EltOp::kRelu, EltOp::kClip, EltOp::kExp, EltOp::kTanh, EltOp::kErf,
                     EltOp::kSigmoid, EltOp::kGelu, EltOp::kHardSwish, EltOp::kElu}) {
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
