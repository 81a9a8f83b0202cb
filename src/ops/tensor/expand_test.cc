// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(Expand, BothWays) {
  OpTester("Expand").input(tensor<float>({2, 1}, {1, 2})).input(ints({2})).expect(tensor<float>({2, 2}, {1, 1, 2, 2})).run();
  OpTester("Expand").input(tensor<float>({2}, {1, 2})).input(ints({2, 1})).expect(tensor<float>({2, 2}, {1, 2, 1, 2})).run();
  OpTester("Expand").input(iota({1})).input(ints({0})).expect(iota({0})).run();
  OpTester("Expand").input(iota({3})).input(ints({2})).expect_error(Code::kShapeMismatch, "do not broadcast").run();
  OpTester("Expand").input(iota({1})).input(ints({-1})).expect_error(Code::kInvalidArgument, "negative dimension").run();
}

TEST(Tile, Repeats) {
  OpTester("Tile").input(tensor<float>({2, 2}, {1, 2, 3, 4})).input(ints({2, 2}))
      .expect(tensor<float>({4, 4}, {1, 2, 1, 2, 3, 4, 3, 4, 1, 2, 1, 2, 3, 4, 3, 4})).run();
  OpTester("Tile").input(ints({1, 2})).input(ints({2})).expect(ints({1, 2, 1, 2})).run();
  OpTester("Tile").input(iota({2})).input(ints({0})).expect(iota({0})).run();
  OpTester("Tile").input(iota({})).input(ints({})).expect(iota({})).run();
  OpTester("Tile").input(iota({2})).input(ints({-1})).expect_error(Code::kInvalidArgument, "repeats[0] is -1").run();
  OpTester("Tile").input(iota({2})).input(ints({1, 1})).expect_error(Code::kShapeMismatch, "repeats has 2 elements, x has rank 1").run();
}

}  // namespace
}  // namespace ferry
