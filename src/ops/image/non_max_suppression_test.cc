// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops/op_tester.h"

namespace ferry {
namespace {

const Tensor kBoxes = tensor<float>({1, 3, 4}, {0, 0, 1, 1, 0, 0.1f, 1, 1.1f, 5, 5, 6, 6});

TEST(NonMaxSuppression, KeepsTheBestOfOverlappingBoxes) {
  OpTester("NonMaxSuppression")
      .input(kBoxes)
      .input(tensor<float>({1, 1, 3}, {0.8f, 0.9f, 0.1f}))
      .input(tensor<int64_t>({1}, {10}))
      .input(tensor<float>({}, {0.5f}))
      .expect(tensor<int64_t>({2, 3}, {0, 0, 1, 0, 0, 2}))
      .run();
  OpTester("NonMaxSuppression")
      .input(kBoxes)
      .input(tensor<float>({1, 1, 3}, {0.8f, 0.9f, 0.1f}))
      .input(tensor<int64_t>({}, {10}))
      .input(tensor<float>({1}, {0.5f}))
      .input(tensor<float>({1}, {0.1f}))
      .expect(tensor<int64_t>({1, 3}, {0, 0, 1}))
      .run();
}

TEST(NonMaxSuppression, EqualScoresGoByIndexAndNaNIsNoScore) {
  OpTester("NonMaxSuppression")
      .input(kBoxes)
      .input(tensor<float>({1, 1, 3}, {1, 1, NAN}))
      .input(tensor<int64_t>({1}, {10}))
      .input(tensor<float>({}, {0.5f}))
      .expect(tensor<int64_t>({1, 3}, {0, 0, 0}))
      .run();
}

TEST(NonMaxSuppression, CentresAndFlippedCorners) {
  OpTester("NonMaxSuppression")
      .attr("center_point_box", int64_t{1})
      .input(tensor<float>({1, 2, 4}, {0.5f, 0.5f, 1, 1, 0.6f, 0.5f, 1, 1}))
      .input(tensor<float>({1, 1, 2}, {0.1f, 0.2f}))
      .input(tensor<int64_t>({1}, {5}))
      .input(tensor<float>({}, {0.5f}))
      .expect(tensor<int64_t>({1, 3}, {0, 0, 1}))
      .run();
  OpTester("NonMaxSuppression")
      .input(tensor<float>({1, 2, 4}, {1, 1, 0, 0, 0, 0, 1, 1}))
      .input(tensor<float>({1, 1, 2}, {2, 1}))
      .input(tensor<int64_t>({1}, {5}))
      .input(tensor<float>({}, {0.5f}))
      .expect(tensor<int64_t>({1, 3}, {0, 0, 0}))
      .run();
}

TEST(NonMaxSuppression, SelectsNothingWithoutALimit) {
  OpTester("NonMaxSuppression")
      .input(kBoxes)
      .input(tensor<float>({1, 1, 3}, {1, 1, 1}))
      .expect(tensor<int64_t>({0, 3}, {}))
      .run();
}

TEST(NonMaxSuppression, RefusesWhatDoesNotFit) {
  OpTester("NonMaxSuppression")
      .input(kBoxes)
      .input(random_tensor({1, 1, 2}, 1))
      .expect_error(Code::kShapeMismatch, "wanted are [B,N,4] and [B,C,N]")
      .run();
  OpTester("NonMaxSuppression")
      .input(kBoxes)
      .input(random_tensor({1, 1, 3}, 1))
      .input(tensor<int64_t>({1}, {1}))
      .input(tensor<float>({}, {1.5f}))
      .expect_error(Code::kInvalidArgument, "iou_threshold is 1.5")
      .run();
}

}  // namespace
}  // namespace ferry
