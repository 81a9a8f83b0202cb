// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(OneHot, Axes) {
  OpTester("OneHot")
      .input(ints({0, -1, 7}))
      .input(tensor<int64_t>({}, {3}))
      .input(tensor<float>({2}, {2, 5}))
      .expect(tensor<float>({3, 3}, {5, 2, 2, 2, 2, 5, 2, 2, 2}))
      .run();
  OpTester("OneHot")
      .attr("axis", int64_t{0})
      .input(tensor<float>({2}, {1, 0}))
      .input(tensor<float>({1}, {2}))
      .input(tensor<int32_t>({2}, {0, 1}))
      .expect(tensor<int32_t>({2, 2}, {0, 1, 1, 0}))
      .run();
  OpTester("OneHot")
      .input(ints({0}))
      .input(tensor<int64_t>({}, {-3}))
      .input(tensor<float>({2}, {2, 5}))
      .expect_error(Code::kInvalidArgument, "depth is -3")
      .run();
  OpTester("OneHot")
      .input(ints({0}))
      .input(tensor<float>({}, {std::numeric_limits<float>::quiet_NaN()}))
      .input(tensor<float>({2}, {2, 5}))
      .expect_error(Code::kInvalidArgument, "depth is")
      .run();
  OpTester("OneHot")
      .input(ints({0}))
      .input(tensor<int64_t>({}, {3}))
      .input(tensor<float>({1}, {2}))
      .expect_error(Code::kInvalidModel, "wanted are two elements")
      .run();
}

}  // namespace
}  // namespace ferry
