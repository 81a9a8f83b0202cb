// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(Optional, HoldsAndGives) {
  const Tensor x = tensor<float>({2}, {1, 2});
  OpTester("Optional").input(x).expect(x).run();
  OpTester("Optional").attr("type", Type::tensor(DType::kFloat32)).expect(Value()).run();
  OpTester("Optional").expect_error(Code::kInvalidModel, "neither an input nor a type").run();
  OpTester("OptionalHasElement").input(x).expect(tensor<bool>({}, {true})).run();
  OpTester("OptionalHasElement").input(Value()).expect(tensor<bool>({}, {false})).run();
  OpTester("OptionalHasElement").no_input().expect(tensor<bool>({}, {false})).run();
  OpTester("OptionalGetElement").input(x).expect(x).run();
  OpTester("OptionalGetElement").input(Value()).expect_error(Code::kInvalidArgument, "the optional is empty").run();
}

}  // namespace
}  // namespace ferry
