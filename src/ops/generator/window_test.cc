// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(Window, Shapes) {
  const Tensor four = tensor<int64_t>({}, {4});
  OpTester("HannWindow").input(four).expect(tensor<float>({4}, {0, 0.5f, 1, 0.5f}), 1e-5, 1e-6).run();
  OpTester("HannWindow").attr("periodic", int64_t{0}).input(tensor<int32_t>({1}, {3})).expect(tensor<float>({3}, {0, 1, 0}), 1e-5, 1e-6).run();
  OpTester("HammingWindow").input(four).expect(tensor<float>({4}, {0.0869565f, 0.5434783f, 1, 0.5434783f}), 1e-5).run();
  OpTester("BlackmanWindow").attr("output_datatype", int64_t{11}).input(four).expect(tensor<double>({4}, {0, 0.34, 1, 0.34}), 1e-9, 1e-9).run();
  OpTester("HannWindow").input(tensor<int64_t>({}, {0})).expect(tensor<float>({0}, {})).run();
  OpTester("HannWindow").input(tensor<int64_t>({}, {-1})).expect_error(Code::kInvalidArgument, "size is -1").run();
}

}  // namespace
}  // namespace ferry
