// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/gemm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace ferry {
namespace {

constexpr float kGuard = 12345.0f;

struct Case {
  int64_t m, k, n;
  int64_t taps = 1;
  bool table = false;
  bool bias = false, residual = false, accumulate = false;
  float lo = -std::numeric_limits<float>::infinity(), hi = std::numeric_limits<float>::infinity();
};

std::vector<float> random_values(int64_t n, uint32_t seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  std::vector<float> values(static_cast<size_t>(n));
  for (float& v : values) v = uniform(generator);
  return values;
}

// Operands with odd strides and odd alignment, the product by the kernels and by a plain loop in
// double.
class Problem {
 public:
  Problem(Isa isa, const Case& c)
      : kernels_(gemm_kernels(isa)),
        case_(c),
        k_total_(c.k * c.taps),
        lda_(k_total_ + 3),
        ldc_(c.n + 5),
        a_(random_values(c.m * lda_ + 1, 1)),
        b_(random_values(k_total_ * c.n, 2)),
        bias_(random_values(c.n, 3)),
        residual_(random_values(c.m * (c.n + 2), 4)),
        packed_(static_cast<size_t>(gemm_packed_size(kernels_, k_total_, c.n)) + 16) {
    float* packed = aligned_packed();
    gemm_pack_b(kernels_, b_.data(), c.n, 1, k_total_, c.n, packed);
    args_.m = c.m, args_.n = c.n, args_.k = c.k, args_.taps = c.taps;
    args_.packed_b = packed;
    if (c.table) {
      // Taps in reverse memory order, so that a plain stride cannot produce them.
      for (int64_t i = 0; i < c.m; ++i) {
        for (int64_t t = 0; t < c.taps; ++t) rows_.push_back(row(i, t));
      }
      args_.a_rows = rows_.data();
    } else {
      args_.a = a_.data() + 1;
      args_.lda = lda_;
    }
    args_.ldc = ldc_;
    if (c.bias) args_.bias = bias_.data();
    if (c.residual) args_.residual = residual_.data(), args_.ldr = c.n + 2;
    args_.lo = c.lo, args_.hi = c.hi;
    args_.accumulate = c.accumulate;
  }

  // C with guard columns behind every row, before the product.
  std::vector<float> initial() const {
    std::vector<float> c(static_cast<size_t>(case_.m * ldc_), kGuard);
    if (!case_.accumulate) return c;
    for (int64_t i = 0; i < case_.m; ++i) {
      for (int64_t j = 0; j < case_.n; ++j)
        c[i * ldc_ + j] = 0.25f * static_cast<float>((i + 2 * j) % 7);
    }
    return c;
  }

  std::vector<float> run(int64_t step_m, int64_t step_n, GemmBlocking blocking) {
    std::vector<float> c = initial();
    args_.c = c.data();
    for (int64_t m = 0; m < case_.m; m += step_m) {
      for (int64_t n = 0; n < case_.n; n += step_n) {
        gemm_tile(kernels_, blocking, args_, m, std::min(m + step_m, case_.m), n,
                  std::min(n + step_n, case_.n));
      }
    }
    return c;
  }
  std::vector<float> run() { return run(case_.m + 1, case_.n + 1, GemmBlocking()); }

  void expect_matches(const std::vector<float>& c) const {
    const std::vector<float> before = initial();
    for (int64_t i = 0; i < case_.m; ++i) {
      for (int64_t j = 0; j < ldc_; ++j) {
        const float got = c[i * ldc_ + j];
        if (j >= case_.n) {
          ASSERT_EQ(got, kGuard) << "column " << j << " of row " << i << " is behind the matrix";
          continue;
        }
        auto [sum, size] = sum_at(i, j);
        if (case_.accumulate) sum += before[i * ldc_ + j];
        sum = std::fmin(std::fmax(sum, case_.lo), case_.hi);
        ASSERT_NEAR(got, sum, 3e-7 * size) << "row " << i << " column " << j;
      }
    }
  }

  // The rows one by one and all at once, on B as it lies.
  std::vector<float> run_few_rows(int64_t each) const {
    std::vector<float> c = initial();
    for (int64_t i = 0; i < case_.m; i += each) {
      kernels_.few_rows({.a = args_.a + i * lda_,
                         .lda = lda_,
                         .b = b_.data(),
                         .ldb = case_.n,
                         .k = case_.k,
                         .rows = std::min(each, case_.m - i),
                         .cols = case_.n,
                         .c = c.data() + i * ldc_,
                         .ldc = ldc_});
    }
    return c;
  }

  double mean_error(const std::vector<float>& c) const {
    double error = 0;
    for (int64_t i = 0; i < case_.m; ++i) {
      for (int64_t j = 0; j < case_.n; ++j)
        error += std::fabs(c[i * ldc_ + j] - sum_at(i, j).first);
    }
    return error / static_cast<double>(case_.m * case_.n);
  }

  const GemmKernels& kernels() const { return kernels_; }
  GemmArgs& args() { return args_; }
  std::vector<float>& a() { return a_; }
  float* aligned_packed() {
    void* p = packed_.data();
    size_t space = packed_.size() * sizeof(float);
    return static_cast<float*>(std::align(64, 1, p, space));
  }

 private:
  // An element before clipping, and the sum of its terms' magnitudes.
  std::pair<double, double> sum_at(int64_t i, int64_t j) const {
    double sum = 0.0, size = 1.0;
    for (int64_t t = 0; t < case_.taps; ++t) {
      for (int64_t k = 0; k < case_.k; ++k) {
        const double product = double{row(i, t)[k]} * b_[(t * case_.k + k) * case_.n + j];
        sum += product;
        size += std::fabs(product);
      }
    }
    if (case_.bias) sum += bias_[j];
    if (case_.residual) sum += residual_[i * (case_.n + 2) + j];
    return {sum, size};
  }

  const float* row(int64_t i, int64_t t) const {
    const int64_t tap = case_.table ? case_.taps - 1 - t : t;
    return a_.data() + 1 + i * lda_ + tap * case_.k;
  }

  const GemmKernels& kernels_;
  Case case_;
  int64_t k_total_, lda_, ldc_;
  std::vector<float> a_, b_, bias_, residual_, packed_;
  std::vector<const float*> rows_;
  GemmArgs args_;
};

class Gemm : public testing::TestWithParam<Isa> {};

TEST_P(Gemm, EverySizeAroundTheTile) {
  const GemmKernels& kernels = gemm_kernels(GetParam());
  for (int64_t m = 0; m <= 2 * kernels.mr + 1; ++m) {
    for (int64_t n = 0; n <= 2 * kernels.nr + kernels.lanes + 1; ++n) {
      Problem problem(GetParam(), {.m = m, .k = 5, .n = n, .bias = true, .lo = 0});
      problem.expect_matches(problem.run());
      if (HasFatalFailure()) FAIL() << m << " x 5 x " << n;
    }
  }
}

TEST_P(Gemm, FewRowsAndManyPanels) {
  const GemmKernels& kernels = gemm_kernels(GetParam());
  for (int64_t m = 1; m <= 5; ++m) {
    for (int64_t n = 3 * kernels.nr; n <= 9 * kernels.nr + 1; n += 3) {
      Problem problem(GetParam(), {.m = m, .k = 9, .n = n, .bias = true, .residual = true});
      problem.expect_matches(problem.run());
      if (HasFatalFailure()) FAIL() << m << " x 9 x " << n;
    }
  }
}

TEST_P(Gemm, EveryEpilogue) {
  for (int bits = 0; bits < 32; ++bits) {
    Case c = {.m = 13, .k = 7, .n = 37};
    c.bias = (bits & 1) != 0, c.residual = (bits & 2) != 0, c.accumulate = (bits & 4) != 0;
    if ((bits & 8) != 0) c.lo = -0.5f;
    if ((bits & 16) != 0) c.hi = 0.75f;
    Problem problem(GetParam(), c);
    problem.expect_matches(problem.run());
    if (HasFatalFailure()) FAIL() << "epilogue " << bits;
  }
}

TEST_P(Gemm, ResidualMayBeTheOutput) {
  Case c = {.m = 13, .k = 200, .n = 37, .bias = true, .accumulate = true};
  ASSERT_TRUE(gemm_visits_once(gemm_kernels(GetParam()), {}, 0, c.k));
  ASSERT_FALSE(gemm_visits_once(gemm_kernels(GetParam()), {.panel_bytes = 1 << 10}, 0, c.k));
  ASSERT_FALSE(gemm_visits_once(gemm_kernels(GetParam()), {}, 64, c.k));
  Problem apart(GetParam(), c), same(GetParam(), c);
  std::vector<float> before = apart.initial(), y = before;
  for (Problem* p : {&apart, &same}) p->args().accumulate = false;
  apart.args().residual = before.data(), apart.args().ldr = apart.args().ldc;
  same.args().c = y.data(), same.args().residual = y.data(), same.args().ldr = same.args().ldc;
  gemm_tile(same.kernels(), {}, same.args(), 0, c.m, 0, c.n);
  const std::vector<float> want = apart.run();
  apart.expect_matches(want);
  EXPECT_EQ(y, want);
}

TEST_P(Gemm, ShortChainsAreMoreExact) {
  double error[2] = {};
  for (const int64_t chain : {int64_t{0}, kExactChain}) {
    Problem problem(GetParam(), {.m = 12, .k = 1 << 14, .n = 32, .residual = true});
    problem.args().chain = chain;
    const std::vector<float> c = problem.run();
    problem.expect_matches(c);
    error[chain > 0] = problem.mean_error(c);
  }
  EXPECT_LT(error[1], 0.5 * error[0]);
}

TEST_P(Gemm, EmptyReductionIsTheEpilogueAlone) {
  Problem problem(GetParam(), {.m = 3, .k = 0, .n = 19, .bias = true});
  problem.expect_matches(problem.run());
  Problem accumulated(GetParam(), {.m = 3, .k = 0, .n = 19, .residual = true, .accumulate = true});
  accumulated.expect_matches(accumulated.run());
}

TEST_P(Gemm, RowTablesReachEveryTap) {
  for (const int64_t taps : {1, 2, 9}) {
    for (const int64_t k : {1, 3, 16, 70}) {
      Problem problem(GetParam(),
                      {.m = 29, .k = k, .n = 35, .taps = taps, .table = true, .bias = true});
      problem.expect_matches(problem.run());
      if (HasFatalFailure()) FAIL() << taps << " taps of " << k;
    }
  }
}

// Chunks of the reduction, blocks of rows and rectangles in any combination give the same bits.
TEST_P(Gemm, BitsDoNotDependOnBlockingOrPartition) {
  for (const int bits : {0, 1, 2, 3}) {
    const bool table = (bits & 1) != 0;
    Problem problem(GetParam(), {.m = 61,
                                 .k = table ? 150 : 450,
                                 .n = 101,
                                 .taps = table ? 3 : 1,
                                 .table = table,
                                 .bias = true,
                                 .residual = true,
                                 .lo = -1.0f});
    problem.args().chain = (bits & 2) != 0 ? 64 : 0;
    const std::vector<float> whole =
        problem.run(61, 128, {.panel_bytes = 1 << 20, .rows_bytes = 1 << 20});
    problem.expect_matches(whole);
    const int64_t nr = problem.kernels().nr;
    for (const GemmBlocking blocking :
         {GemmBlocking{1 << 10, 1 << 10}, GemmBlocking{12 << 10, 64 << 10}}) {
      EXPECT_EQ(problem.run(61, 128, blocking), whole);
      EXPECT_EQ(problem.run(1, nr, blocking), whole);
      EXPECT_EQ(problem.run(5, 2 * nr, blocking), whole);
      EXPECT_EQ(problem.run(27, 3 * nr, blocking), whole);
    }
  }
}

// Of few columns many rows may be summed at once, a single one never is.
TEST_P(Gemm, FewColumnsHaveTheBitsOfOneRow) {
  const int64_t nr = gemm_kernels(GetParam()).nr;
  for (const int64_t n : {int64_t{1}, int64_t{2}, int64_t{3}, int64_t{4}, nr + 3}) {
    for (const int64_t m : {6, 16, 17, 61}) {
      for (const int64_t k : {1, 16, 33, 450}) {
        Case c = {.m = m, .k = k, .n = n, .bias = k != 16, .residual = k != 33};
        c.accumulate = m == 17;
        if (m > 6) c.lo = -1, c.hi = 2;
        Problem problem(GetParam(), c);
        const std::vector<float> whole = problem.run();
        problem.expect_matches(whole);
        ASSERT_EQ(problem.run(1, nr, {}), whole) << m << " x " << k << " x " << n;
        ASSERT_EQ(problem.run(m, nr, {.panel_bytes = 1 << 10, .rows_bytes = 1 << 10}), whole);
        if (HasFatalFailure()) FAIL() << m << " x " << k << " x " << n;
      }
    }
  }
}

TEST_P(Gemm, FewRowsOfAMatrixAsItLiesHaveTheBitsOfAPackedOne) {
  const GemmKernels& kernels = gemm_kernels(GetParam());
  const int64_t wide = kernels.wide_panels * kernels.nr;
  for (int64_t m = 1; m <= kernels.wide_rows; ++m) {
    for (const int64_t n : {int64_t{1}, int64_t{3}, wide - 1, wide, wide + kernels.nr,
                            wide + kernels.nr + 1, 2 * wide + kernels.lanes + 1}) {
      for (const int64_t k : {0, 1, 64, 901}) {
        Problem problem(GetParam(), {.m = m, .k = k, .n = n});
        const std::vector<float> packed = problem.run();
        ASSERT_EQ(problem.run_few_rows(m), packed) << m << " x " << k << " x " << n;
        ASSERT_EQ(problem.run_few_rows(1), packed) << m << " x " << k << " x " << n;
      }
    }
  }
}

TEST_P(Gemm, PacksAnyStridesAndParts) {
  const GemmKernels& kernels = gemm_kernels(GetParam());
  const int64_t k = 21, n = 3 * kernels.nr + 3, taps = 2;
  const std::vector<float> b = random_values(taps * k * n * 2, 5);
  const int64_t size = gemm_packed_size(kernels, taps * k, n);
  const auto packed = [&](int64_t row_stride, int64_t col_stride, int64_t step) {
    std::vector<float> out(static_cast<size_t>(size) + 1, kGuard);
    for (int64_t t = 0; t < taps; ++t) {
      for (int64_t j = 0; j < n; j += step) {
        kernels.pack_b(b.data() + t, row_stride, col_stride, k, n, j, std::min(j + step, n), t * k,
                       taps * k, out.data());
      }
    }
    EXPECT_EQ(out.back(), kGuard);
    return out;
  };
  for (const auto& [row_stride, col_stride] :
       {std::pair{n, int64_t{1}}, std::pair{int64_t{1}, k}, std::pair{2 * n, int64_t{2}}}) {
    const std::vector<float> out = packed(row_stride, col_stride, n);
    EXPECT_EQ(packed(row_stride, col_stride, kernels.nr), out);
    for (int64_t j = 0; j < n; ++j) {
      const int64_t first = j / kernels.nr * kernels.nr;
      const int64_t width = std::min<int64_t>(
          kernels.nr, (n - first + kernels.lanes - 1) / kernels.lanes * kernels.lanes);
      for (int64_t i = 0; i < taps * k; ++i) {
        const float want = b[i / k + i % k * row_stride + j * col_stride];
        ASSERT_EQ(out[first * taps * k + i * width + j - first], want) << i << ", " << j;
      }
    }
  }
}

TEST_P(Gemm, NanAndInfinityStayInTheirRowAndThroughTheClip) {
  Problem problem(GetParam(), {.m = 9, .k = 6, .n = 21, .bias = true, .lo = 0, .hi = 6});
  problem.a()[1 + 4 * (6 + 3) + 2] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> c = problem.run();
  for (int64_t i = 0; i < 9; ++i) {
    for (int64_t j = 0; j < 21; ++j) EXPECT_EQ(std::isnan(c[i * 26 + j]), i == 4) << i << ", " << j;
  }
}

INSTANTIATE_TEST_SUITE_P(EveryIsa, Gemm,
                         testing::ValuesIn(supported_isas().begin(), supported_isas().end()),
                         [](const auto& isa) { return std::string(isa_name(isa.param)); });

}  // namespace
}  // namespace ferry
