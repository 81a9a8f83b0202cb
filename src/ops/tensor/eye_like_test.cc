// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(EyeLike, Diagonals) {
  OpTester("EyeLike")
      .attr("k", int64_t{1})
      .attr("dtype", int64_t{6})
      .input(iota({2, 3}))
      .expect(tensor<int32_t>({2, 3}, {0, 1, 0, 0, 0, 1}))
      .run();
  OpTester("EyeLike")
      .attr("k", INT64_MIN)
      .input(iota({1, 1}))
      .expect(tensor<float>({1, 1}, {0}))
      .run();
  OpTester("EyeLike")
      .attr("dtype", int64_t{8})
      .input(iota({1, 1}))
      .expect_error(Code::kUnsupportedType, "element type str")
      .run();
}

}  // namespace
}  // namespace ferry
