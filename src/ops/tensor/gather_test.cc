// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(Gather, Indices) {
  OpTester("Gather")
      .input(tensor<float>({3, 2}, {1, 2, 3, 4, 5, 6}))
      .input(tensor<int64_t>({2, 1}, {-1, 0}))
      .expect(tensor<float>({2, 1, 2}, {5, 6, 1, 2}))
      .run();
  OpTester("Gather")
      .attr("axis", int64_t{1})
      .input(tensor<float>({2, 2}, {1, 2, 3, 4}))
      .input(tensor<int32_t>({}, {1}))
      .expect(tensor<float>({2}, {2, 4}))
      .run();
  OpTester("Gather")
      .input(tensor<std::string>({2}, {"a", "b"}))
      .input(ints({1, 1}))
      .expect(tensor<std::string>({2}, {"b", "b"}))
      .run();
  OpTester("Gather")
      .input(iota({3}))
      .input(ints({3}))
      .expect_error(Code::kInvalidArgument, "index 3 outside [-3, 3)")
      .run();
  OpTester("Gather").input(iota({0, 2})).input(ints({})).expect(iota({0, 2})).run();
}

}  // namespace
}  // namespace ferry
