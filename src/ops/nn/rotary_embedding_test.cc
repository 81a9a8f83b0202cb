// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

// A quarter turn at position 1, none at 0.
const Tensor kCos = tensor<float>({2, 1}, {1, 0}), kSin = tensor<float>({2, 1}, {0, 1});
const Tensor kIds = tensor<int64_t>({1, 2}, {0, 1});

TEST(RotaryEmbedding, TurnsByPosition) {
  OpTester("RotaryEmbedding")
      .input(tensor<float>({1, 1, 2, 2}, {1, 2, 3, 4}))
      .input(kCos)
      .input(kSin)
      .input(kIds)
      .expect(tensor<float>({1, 1, 2, 2}, {1, 2, -4, 3}))
      .run();
}

TEST(RotaryEmbedding, InterleavedPartialAndPacked) {
  OpTester("RotaryEmbedding")
      .attr("interleaved", int64_t{1})
      .input(tensor<float>({1, 1, 1, 4}, {1, 2, 3, 4}))
      .input(tensor<float>({1, 1, 2}, {0, 1}))
      .input(tensor<float>({1, 1, 2}, {1, 0}))
      .expect(tensor<float>({1, 1, 1, 4}, {-2, 1, 3, 4}))
      .run();
  OpTester("RotaryEmbedding")
      .attr("rotary_embedding_dim", int64_t{2})
      .attr("num_heads", int64_t{2})
      .input(tensor<half>({1, 1, 6}, {1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f}))
      .input(tensor<half>({1, 1, 1}, {0.0f}))
      .input(tensor<half>({1, 1, 1}, {1.0f}))
      .expect(tensor<half>({1, 1, 6}, {-2.0f, 1.0f, 3.0f, -5.0f, 4.0f, 6.0f}))
      .run();
}

TEST(RotaryEmbedding, CachesOfOneBatchServeAll) {
  OpTester("RotaryEmbedding")
      .input(tensor<float>({2, 1, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}))
      .input(tensor<float>({1, 2, 1}, {1, 0}))
      .input(tensor<float>({1, 2, 1}, {0, 1}))
      .expect(tensor<float>({2, 1, 2, 2}, {1, 2, -4, 3, 5, 6, -8, 7}))
      .run();
  OpTester("RotaryEmbedding")
      .input(random_tensor({3, 1, 2, 2}, 1))
      .input(random_tensor({2, 2, 1}, 1))
      .input(random_tensor({2, 2, 1}, 1))
      .expect_error(Code::kShapeMismatch, "wanted are rows of 1 for 3 x 2 positions")
      .run();
  OpTester("RotaryEmbedding")
      .input(random_tensor({2, 1, 2, 2}, 1))
      .input(random_tensor({1, 1, 1}, 1))
      .input(random_tensor({1, 1, 1}, 1))
      .expect_error(Code::kShapeMismatch, "wanted are rows of 1 for 2 x 2 positions")
      .run();
}

TEST(RotaryEmbedding, RefusesWhatDoesNotFit) {
  const Tensor x = random_tensor({1, 1, 2, 2}, 1);
  OpTester("RotaryEmbedding")
      .input(x)
      .input(kCos)
      .input(kSin)
      .input(tensor<int64_t>({1, 2}, {0, 2}))
      .expect_error(Code::kInvalidArgument, "position id 2 outside [0, 2)")
      .run();
  OpTester("RotaryEmbedding")
      .input(x)
      .input(random_tensor({2, 2}, 1))
      .input(random_tensor({2, 2}, 1))
      .input(kIds)
      .expect_error(Code::kShapeMismatch, "wanted are rows of 1")
      .run();
  OpTester("RotaryEmbedding")
      .input(random_tensor({1, 2, 2}, 1))
      .input(kCos)
      .input(kSin)
      .input(kIds)
      .expect_error(Code::kInvalidModel, "needs the attribute 'num_heads'")
      .run();
}

}  // namespace
}  // namespace ferry
