// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(TopK, LargestAndSmallest) {
  const Tensor x = tensor<float>({2, 4}, {1, 4, 4, 2, 0, NAN, 7, 7});
  OpTester("TopK")
      .input(x)
      .input(ints({2}))
      .expect(tensor<float>({2, 2}, {4, 4, NAN, 7}))
      .expect(tensor<int64_t>({2, 2}, {1, 2, 1, 2}))
      .run();
  OpTester("TopK")
      .attr("largest", int64_t{0})
      .input(x)
      .input(ints({2}))
      .expect(tensor<float>({2, 2}, {1, 2, 0, 7}))
      .expect(tensor<int64_t>({2, 2}, {0, 3, 0, 2}))
      .run();
  OpTester("TopK")
      .attr("axis", int64_t{0})
      .input(tensor<uint8_t>({2, 2}, {1, 9, 3, 2}))
      .input(ints({1}))
      .expect(tensor<uint8_t>({1, 2}, {3, 9}))
      .expect(tensor<int64_t>({1, 2}, {1, 0}))
      .run();
  OpTester("TopK")
      .input(x)
      .input(ints({0}))
      .expect(tensor<float>({2, 0}, {}))
      .expect(tensor<int64_t>({2, 0}, {}))
      .run();
  OpTester("TopK")
      .input(x)
      .input(ints({5}))
      .ignore_output()
      .ignore_output()
      .expect_error(Code::kShapeMismatch, "k is 5, axis 1")
      .run();
}

}  // namespace
}  // namespace ferry
