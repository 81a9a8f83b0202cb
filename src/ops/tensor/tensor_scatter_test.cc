// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(TensorScatter, LinearAndCircular) {
  const Tensor cache = tensor<float>({2, 3, 1}, {1, 2, 3, 4, 5, 6}), update = tensor<float>({2, 2, 1}, {10, 20, 30, 40});
  OpTester("TensorScatter").input(cache).input(update).expect(tensor<float>({2, 3, 1}, {10, 20, 3, 30, 40, 6})).run();
  OpTester("TensorScatter").input(cache).input(update).input(ints({1, 0})).expect(tensor<float>({2, 3, 1}, {1, 10, 20, 30, 40, 6})).run();
  OpTester("TensorScatter").attr("mode", std::string("circular")).input(cache).input(update).input(ints({2, 4}))
      .expect(tensor<float>({2, 3, 1}, {20, 2, 10, 4, 30, 40})).run();
  OpTester("TensorScatter").input(cache).input(update).input(ints({2, 0})).expect_error(Code::kInvalidArgument, "write_indices[0] is 2").run();
  OpTester("TensorScatter").attr("axis", int64_t{0}).input(cache).input(update).expect_error(Code::kInvalidModel, "is the batch").run();
  OpTester("TensorScatter").attr("axis", int64_t{2}).input(cache).input(update).expect_error(Code::kShapeMismatch, "does not fit cache").run();
}

}  // namespace
}  // namespace ferry
