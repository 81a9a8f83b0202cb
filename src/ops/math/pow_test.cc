// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(Pow, MixedTypes) {
  OpTester("Pow")
      .input(tensor<float>({3}, {1, 2, 3}))
      .input(tensor<float>({3}, {4, 5, 6}))
      .expect(tensor<float>({3}, {1, 32, 729}))
      .run();
  OpTester("Pow")
      .input(tensor<int64_t>({3}, {-2, 2, 10}))
      .input(tensor<int32_t>({3}, {3, 62, 0}))
      .expect(tensor<int64_t>({3}, {-8, int64_t{1} << 62, 1}))
      .run();
  OpTester("Pow")
      .input(tensor<int32_t>({3}, {-1, 1, 5}))
      .input(tensor<int64_t>({}, {-3}))
      .expect(tensor<int32_t>({3}, {-1, 1, 0}))
      .run();
  OpTester("Pow")
      .input(tensor<int32_t>({1}, {9}))
      .input(tensor<float>({1}, {0.5f}))
      .expect(tensor<int32_t>({1}, {3}))
      .run();
  OpTester("Pow")
      .input(tensor<half>({1}, {3.0f}))
      .input(tensor<int8_t>({1}, {2}))
      .expect(tensor<half>({1}, {9.0f}))
      .run();
  OpTester("Pow")
      .input(tensor<int32_t>({1}, {0}))
      .input(tensor<int32_t>({1}, {-1}))
      .expect_error(Code::kInvalidArgument, "negative power -1")
      .run();
}

}  // namespace
}  // namespace ferry
