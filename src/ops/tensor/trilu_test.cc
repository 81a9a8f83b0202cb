// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(Trilu, Triangles) {
  const Tensor x = tensor<int64_t>({2, 3}, {1, 2, 3, 4, 5, 6});
  OpTester("Trilu").input(x).expect(tensor<int64_t>({2, 3}, {1, 2, 3, 0, 5, 6})).run();
  OpTester("Trilu")
      .attr("upper", int64_t{0})
      .input(x)
      .input(tensor<int64_t>({}, {-1}))
      .expect(tensor<int64_t>({2, 3}, {0, 0, 0, 4, 0, 0}))
      .run();
  OpTester("Trilu").input(x).input(tensor<int64_t>({}, {INT64_MIN})).expect(x).run();
  OpTester("Trilu").input(iota({2, 0, 3})).expect(iota({2, 0, 3})).run();
  OpTester("Trilu")
      .input(iota({3}))
      .expect_error(Code::kInvalidModel, "wanted is rank at least 2")
      .run();
}

}  // namespace
}  // namespace ferry
