// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "ops/op_tester.h"

namespace ferry {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

TEST(Clip, Bounds) {
  OpTester("Clip")
      .input(tensor<float>({4}, {-2, 0.5f, 3, kNaN}))
      .input(tensor<float>({}, {-1}))
      .input(tensor<float>({}, {1}))
      .expect(tensor<float>({4}, {-1, 0.5f, 1, kNaN}))
      .run();
  OpTester("Clip")
      .input(tensor<int8_t>({3}, {-5, 0, 5}))
      .no_input()
      .input(tensor<int8_t>({}, {2}))
      .expect(tensor<int8_t>({3}, {-5, 0, 2}))
      .run();
  OpTester("Clip")
      .input(tensor<float>({2}, {1, 5}))
      .input(tensor<float>({}, {4}))
      .input(tensor<float>({}, {2}))
      .expect(tensor<float>({2}, {2, 2}))
      .run();
  OpTester("Clip")
      .input(tensor<float>({1}, {1}))
      .input(tensor<float>({2}, {4, 5}))
      .expect_error(Code::kInvalidModel, "wanted is one element")
      .run();
}

}  // namespace
}  // namespace ferry
