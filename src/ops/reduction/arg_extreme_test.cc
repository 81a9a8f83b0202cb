// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(ArgExtreme, Positions) {
  const Tensor x = tensor<float>({2, 3}, {1, 3, 3, NAN, 0, NAN});
  OpTester("ArgMax")
      .attr("axis", int64_t{1})
      .input(x)
      .expect(tensor<int64_t>({2, 1}, {1, 0}))
      .run();
  OpTester("ArgMax")
      .attr("axis", int64_t{-1})
      .attr("keepdims", int64_t{0})
      .attr("select_last_index", int64_t{1})
      .input(x)
      .expect(tensor<int64_t>({2}, {2, 2}))
      .run();
  OpTester("ArgMin")
      .input(tensor<int8_t>({3, 2}, {1, -2, 0, -2, 5, 7}))
      .expect(tensor<int64_t>({1, 2}, {1, 0}))
      .run();
  OpTester("ArgMax")
      .input(tensor<float>({0, 2}, {}))
      .expect_error(Code::kShapeMismatch, "has no elements")
      .run();
  OpTester("ArgMax")
      .attr("axis", int64_t{1})
      .input(tensor<float>({0, 2}, {}))
      .expect(tensor<int64_t>({0, 1}, {}))
      .run();
}

}  // namespace
}  // namespace ferry
