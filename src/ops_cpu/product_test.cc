// SPDX-License-Identifier: Apache-2.0
// Products of doubles and integers against the reference kernels.
#include <limits>
#include <random>

#include "ops_cpu/step_test.h"

namespace ferry {
namespace {

template <class T>
Tensor values(const Dims& dims, uint32_t seed) {
  Tensor t = Tensor::allocate(dtype_of<T>(), dims).value();
  std::mt19937_64 random(seed);
  for (int64_t i = 0; i < t.count(); ++i) {
    if constexpr (std::is_integral_v<T>)
      t.data<T>()[i] = static_cast<T>(random());
    else
      t.data<T>()[i] = static_cast<T>(random() % 2001) / 1000 - 1;
  }
  return t;
}

template <class T>
void check_matmul(double tolerance) {
  struct Case {
    Dims a, b;
  };
  const Case cases[] = {{{5, 7}, {7, 9}},      {{66, 300}, {300, 130}},
                        {{1, 64}, {64, 200}},  {{3, 1, 4, 17}, {2, 17, 33}},
                        {{40}, {40, 3}},       {{2, 9, 40}, {40}},
                        {{12}, {12}},          {{4, 0}, {0, 3}},
                        {{0, 4}, {4, 3}},      {{130, 600}, {600, 8}},
                        {{2, 3, 3}, {2, 3, 3}}};
  for (const Case& c : cases) {
    StepTester("MatMul")
        .input(values<T>(c.a, 1))
        .input(values<T>(c.b, 2))
        .kernel("product_typed")
        .tolerance(tolerance, tolerance)
        .run();
  }
}

TEST(Product, MatMul) {
  check_matmul<double>(1e-12);
  check_matmul<int32_t>(0);
  check_matmul<uint32_t>(0);
  check_matmul<int64_t>(0);
  check_matmul<uint64_t>(0);
}

// Vectors are matrices of one row or one column.
TEST(Product, MatMulOfVectors) {
  const Dims cases[][2] = {{{40}, {40, 3}},       {{40}, {2, 3, 40, 50}}, {{2, 9, 40}, {40}},
                           {{300, 33}, {33}},     {{700}, {700}},         {{3, 0}, {0}},
                           {{2, 0, 5}, {5}},      {{1}, {1, 70}},         {{70, 1}, {1}},
                           {{2, 130, 600}, {600}}};
  for (const auto& c : cases) {
    StepTester tester("MatMul");
    tester.input(values<float>(c[0], 1)).input(values<float>(c[1], 2));
    tester.kernel("gemm_f32_batched").tolerance(1e-4, 1e-4);
    tester.run();
    tester.symbolic().run();
  }
  StepTester("MatMul")
      .input(values<float>({300, 33}, 1))
      .constant(values<float>({33}, 2))
      .kernel("gemm_f32_batched")
      .tolerance(1e-4, 1e-4)
      .run();
  StepTester("MatMul")
      .input(values<float>({3, 4}, 1))
      .input(values<float>({5}, 2))
      .symbolic()
      .kernel("gemm_f32_batched")
      .run_error("inner dimensions differ");
}

template <class T>
void check_gemm(float alpha, float beta, double tolerance) {
  constexpr int64_t kM = 70, kN = 75, kK = 301;
  for (int64_t trans_a : {0, 1}) {
    for (int64_t trans_b : {0, 1}) {
      for (const Dims& c : {Dims{}, Dims{kN}, Dims{kM, 1}, Dims{kM, kN}, Dims{1, kN}}) {
        StepTester("Gemm")
            .attr("alpha", alpha)
            .attr("beta", beta)
            .attr("transA", trans_a)
            .attr("transB", trans_b)
            .input(values<T>(trans_a != 0 ? Dims{kK, kM} : Dims{kM, kK}, 1))
            .input(values<T>(trans_b != 0 ? Dims{kN, kK} : Dims{kK, kN}, 2))
            .input(values<T>(c, 3))
            .kernel("product_typed")
            .tolerance(tolerance, tolerance)
            .run();
      }
    }
  }
}

TEST(Product, Gemm) {
  check_gemm<double>(0.75f, -2, 1e-12);
  check_gemm<int32_t>(1, 1, 0);
  check_gemm<int64_t>(1, 1, 0);
  StepTester("Gemm")
      .attr("alpha", 0.5f)
      .input(values<int32_t>({3, 4}, 1))
      .input(values<int32_t>({4, 5}, 2))
      .kernel("reference")
      .run();
  StepTester("Gemm")
      .input(values<double>({3, 4}, 1))
      .input(values<double>({4, 5}, 2))
      .kernel("product_typed")
      .tolerance(1e-14, 1e-14)
      .run();
}

}  // namespace
}  // namespace ferry
