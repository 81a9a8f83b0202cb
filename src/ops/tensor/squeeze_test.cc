// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(Squeeze, RemovesAndAdds) {
  OpTester("Squeeze").input(iota({1, 3, 1, 2})).expect(iota({3, 2})).run();
  OpTester("Squeeze").input(iota({1, 3, 1})).input(ints({-1})).expect(iota({1, 3})).run();
  OpTester("Squeeze")
      .input(iota({1, 3}))
      .input(ints({1}))
      .expect_error(Code::kShapeMismatch, "axis 1 of x [1,3] is not 1")
      .run();
  OpTester("Squeeze")
      .input(iota({1, 3}))
      .input(ints({0, -2}))
      .expect_error(Code::kInvalidModel, "named twice")
      .run();
  OpTester("Unsqueeze").input(iota({3})).input(ints({0, -1})).expect(iota({1, 3, 1})).run();
  OpTester("Unsqueeze").input(iota({})).input(ints({1, 0})).expect(iota({1, 1})).run();
  OpTester("Unsqueeze")
      .input(iota({3}))
      .input(ints({3}))
      .expect_error(Code::kInvalidModel, "axis 3 outside [-2, 2)")
      .run();
}

}  // namespace
}  // namespace ferry
