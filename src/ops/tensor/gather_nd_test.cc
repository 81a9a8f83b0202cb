// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(GatherNd, Indices) {
  OpTester("GatherND")
      .input(tensor<int32_t>({2, 2}, {0, 1, 2, 3}))
      .input(tensor<int64_t>({2, 2}, {0, 0, 1, -1}))
      .expect(tensor<int32_t>({2}, {0, 3}))
      .run();
  OpTester("GatherND")
      .input(tensor<int32_t>({2, 2}, {0, 1, 2, 3}))
      .input(tensor<int64_t>({2, 1}, {1, 0}))
      .expect(tensor<int32_t>({2, 2}, {2, 3, 0, 1}))
      .run();
  OpTester("GatherND")
      .attr("batch_dims", int64_t{1})
      .input(tensor<int32_t>({2, 2, 2}, {0, 1, 2, 3, 4, 5, 6, 7}))
      .input(tensor<int64_t>({2, 1}, {1, 0}))
      .expect(tensor<int32_t>({2, 2}, {2, 3, 4, 5}))
      .run();
  OpTester("GatherND")
      .input(iota({2}))
      .input(tensor<int64_t>({1, 2}, {0, 0}))
      .expect_error(Code::kShapeMismatch, "at most 1 positions")
      .run();
  for (const int64_t batch_dims : {INT64_MIN, int64_t{-1}, int64_t{2}, INT64_MAX}) {
    OpTester("GatherND")
        .attr("batch_dims", batch_dims)
        .input(iota({2}))
        .input(tensor<int64_t>({1, 2}, {0, 0}))
        .expect_error(Code::kShapeMismatch, "batch_dims")
        .run();
  }
}

}  // namespace
}  // namespace ferry
