// SPDX-License-Identifier: Apache-2.0
// Fourier transforms against the reference kernels, which compute in double.
#include <cmath>

#include "ops_cpu/step_test.h"

namespace ferry {
namespace {

constexpr double kNear = 4e-6;  // of the sum of a line, which is about its length at most

TEST(Fft, AnyLength) {
  for (int64_t n : {1,  2,  3,  4,  5,  6,  7,   8,   12,  15,  16,  17,
                    22, 30, 49, 61, 64, 67, 100, 128, 134, 243, 400, 512}) {
    for (int64_t parts : {1, 2}) {
      for (int64_t inverse : {0, 1}) {
        for (int64_t count : {1, 3, 21}) {
          StepTester("DFT")
              .attr("inverse", inverse)
              .input(random_tensor({count, n, parts}, 5))
              .no_input()
              .constant(tensor<int64_t>({}, {1}))
              .tolerance(kNear, kNear * std::sqrt(double(n)))
              .kernel("fft_f32")
              .run();
        }
      }
    }
  }
}

TEST(Fft, AxesAndLengths) {
  for (int64_t axis : {0, 1, 2, -2}) {
    for (int64_t length : {3, 8, 20}) {
      for (int64_t onesided : {0, 1}) {
        StepTester("DFT")
            .attr("onesided", onesided)
            .input(random_tensor({9, 10, 11, 1}, 7))
            .constant(tensor<int64_t>({}, {length}))
            .constant(tensor<int64_t>({}, {axis}))
            .tolerance(kNear, 4 * kNear)
            .kernel("fft_f32")
            .run();
      }
    }
  }
  for (int64_t length : {9, 10}) {
    StepTester("DFT")
        .attr("onesided", int64_t{1})
        .attr("inverse", int64_t{1})
        .input(random_tensor({4, 6, 2}, 7))
        .constant(tensor<int64_t>({}, {length}))
        .constant(tensor<int64_t>({}, {1}))
        .tolerance(kNear, kNear)
        .kernel("fft_f32")
        .run();
  }
}

TEST(Fft, LinesDoNotMix) {
  Tensor x = random_tensor({5, 16, 1}, 3);
  x.data<float>()[20] = std::nanf("");
  for (int64_t i = 48; i < 64; ++i) x.data<float>()[i] *= 1e3f;
  StepTester("DFT")
      .input(x)
      .no_input()
      .constant(tensor<int64_t>({}, {1}))
      .tolerance(1e-4, 4 * kNear)
      .kernel("fft_f32")
      .run();
}

TEST(Fft, Stft) {
  for (int64_t length : {8, 15, 40, 67}) {
    for (int64_t step : {1, 7, 40}) {
      for (int64_t parts : {1, 2}) {
        for (bool windowed : {false, true}) {
          StepTester t("STFT");
          t.attr("onesided", int64_t{parts == 1 && length != 15})
              .input(random_tensor({2, 131, parts}, 5))
              .constant(tensor<int64_t>({}, {step}));
          if (windowed)
            t.input(random_tensor({length}, 9));
          else
            t.no_input();
          t.constant(tensor<int64_t>({}, {length}))
              .tolerance(kNear, 4 * kNear)
              .kernel("fft_f32")
              .run();
        }
      }
    }
  }
}

}  // namespace
}  // namespace ferry
