// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(AffineGrid, Identity) {
  const Tensor theta = tensor<float>({1, 2, 3}, {1, 0, 0, 0, 1, 0});
  OpTester("AffineGrid").input(theta).input(ints({1, 1, 1, 2})).expect(tensor<float>({1, 1, 2, 2}, {-0.5f, 0, 0.5f, 0})).run();
  OpTester("AffineGrid").attr("align_corners", int64_t{1}).input(theta).input(ints({1, 1, 2, 2}))
      .expect(tensor<float>({1, 2, 2, 2}, {-1, -1, 1, -1, -1, 1, 1, 1})).run();
  const Tensor shift = tensor<double>({1, 3, 4}, {1, 0, 0, 1, 0, 1, 0, 2, 0, 0, 1, 3});
  OpTester("AffineGrid").input(shift).input(ints({1, 1, 1, 1, 1})).expect(tensor<double>({1, 1, 1, 1, 3}, {1, 2, 3})).run();
  OpTester("AffineGrid").input(theta).input(ints({1, 1, 2})).expect_error(Code::kInvalidModel, "size has 3 elements").run();
  OpTester("AffineGrid").input(theta).input(ints({2, 1, 2, 2})).expect_error(Code::kShapeMismatch, "wanted is [2,2,3]").run();
}

}  // namespace
}  // namespace ferry
