// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops/op_tester.h"

namespace ferry {
namespace {

const Tensor kX = tensor<float>({1, 1, 2, 2}, {1, 2, 3, 4});
const Tensor kBatch = tensor<int64_t>({1}, {0});

TEST(RoiAlign, MeanOfSamples) {
  OpTester("RoiAlign")
      .input(kX)
      .input(tensor<float>({1, 4}, {0, 0, 2, 2}))
      .input(kBatch)
      .expect(tensor<float>({1, 1, 1, 1}, {2.5f}))
      .run();
  OpTester("RoiAlign")
      .attr("output_height", int64_t{2})
      .attr("output_width", int64_t{2})
      .input(kX)
      .input(tensor<float>({1, 4}, {0, 0, 2, 2}))
      .input(kBatch)
      .expect(tensor<float>({1, 1, 2, 2}, {1, 2, 3, 4}))
      .run();
}

TEST(RoiAlign, NothingToPool) {
  OpTester("RoiAlign")
      .input(kX)
      .input(tensor<float>({0, 4}, {}))
      .input(tensor<int64_t>({0}, {}))
      .expect(tensor<float>({0, 1, 1, 1}, {}))
      .run();
}

TEST(RoiAlign, RefusesWhatDoesNotFit) {
  OpTester("RoiAlign")
      .input(kX)
      .input(tensor<float>({1, 4}, {0, 0, 2, 2}))
      .input(tensor<int64_t>({1}, {1}))
      .expect_error(Code::kInvalidArgument, "batch index 1 outside [0, 1)")
      .run();
  OpTester("RoiAlign")
      .input(kX)
      .input(tensor<float>({1, 4}, {0, 0, 1e9f, 1e9f}))
      .input(kBatch)
      .expect_error(Code::kInvalidArgument, "too many samples")
      .run();
  OpTester("RoiAlign")
      .input(kX)
      .input(tensor<float>({1, 4}, {0, 0, NAN, 1}))
      .input(kBatch)
      .expect_error(Code::kInvalidArgument, "a region is not finite")
      .run();
  OpTester("RoiAlign")
      .input(kX)
      .input(tensor<float>({1, 5}, {0, 0, 0, 1, 1}))
      .input(kBatch)
      .expect_error(Code::kShapeMismatch, "wanted is [R,4]")
      .run();
}

}  // namespace
}  // namespace ferry
