// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <complex>

#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(Dft, ThereAndBack) {
  const Tensor x = tensor<float>({1, 4, 1}, {1, 2, 3, 4});
  const Tensor whole = tensor<float>({1, 4, 2}, {10, 0, -2, 2, -2, 0, -2, -2});
  OpTester("DFT").input(x).expect(whole, 1e-5, 1e-5).run();
  OpTester("DFT").attr("onesided", int64_t{1}).input(x).expect(tensor<float>({1, 3, 2}, {10, 0, -2, 2, -2, 0}), 1e-5, 1e-5).run();
  OpTester("DFT").attr("inverse", int64_t{1}).input(whole).expect(tensor<float>({1, 4, 2}, {1, 0, 2, 0, 3, 0, 4, 0}), 1e-5, 1e-5).run();
  OpTester("DFT").attr("inverse", int64_t{1}).attr("onesided", int64_t{1}).input(tensor<float>({1, 3, 2}, {10, 0, -2, 2, -2, 0}))
      .expect(x, 1e-5, 1e-5).run();
}

TEST(Dft, AnyLengthIsTheSum) {
  for (const int64_t n : {1, 2, 3, 5, 6, 7, 12, 13, 30}) {
    std::vector<double> x(static_cast<size_t>(n)), y;
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>((i * 7 + 3) % 11) - 4;
    for (int64_t k = 0; k < n; ++k) {
      std::complex<double> sum = 0;
      for (int64_t i = 0; i < n; ++i) sum += x[static_cast<size_t>(i)] * std::polar(1.0, -2 * M_PI * static_cast<double>(k * i) / static_cast<double>(n));
      y.push_back(sum.real());
      y.push_back(sum.imag());
    }
    OpTester("DFT").input(tensor<double>({n, 1}, x)).no_input().input(tensor<int64_t>({}, {0}))
        .expect(tensor<double>({n, 2}, y), 1e-9, 1e-9).run();
  }
}

TEST(Dft, LengthsAndAxes) {
  const Tensor x = tensor<float>({2, 2, 1}, {1, 2, 3, 4});
  OpTester("DFT").input(x).input(tensor<int64_t>({}, {1})).input(tensor<int64_t>({}, {0})).expect(tensor<float>({1, 2, 2}, {1, 0, 2, 0})).run();
  OpTester("DFT").input(x).input(tensor<int64_t>({}, {3})).ignore_output().run();
  OpTester("DFT").input(x).no_input().input(tensor<int64_t>({}, {2})).expect_error(Code::kInvalidModel, "axis 2 is that of the complex parts").run();
  OpTester("DFT").input(x).input(tensor<int64_t>({}, {0})).expect_error(Code::kInvalidArgument, "dft_length is 0").run();
  OpTester("DFT").input(tensor<float>({2, 3}, {1, 2, 3, 4, 5, 6})).expect_error(Code::kShapeMismatch, "wanted is 1 or 2").run();
}

}  // namespace
}  // namespace ferry
