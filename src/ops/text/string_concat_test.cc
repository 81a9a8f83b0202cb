// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(StringConcat, Broadcasts) {
  OpTester("StringConcat").input(tensor<std::string>({2}, {"a", ""})).input(tensor<std::string>({1}, {"x"}))
      .expect(tensor<std::string>({2}, {"ax", "x"})).run();
  OpTester("StringConcat").input(tensor<std::string>({0}, {})).input(tensor<std::string>({}, {"x"})).expect(tensor<std::string>({0}, {})).run();
  OpTester("StringConcat").input(tensor<float>({1}, {1})).input(tensor<std::string>({}, {"x"})).expect_error(Code::kUnsupportedType, "f32").run();
}

}  // namespace
}  // namespace ferry
