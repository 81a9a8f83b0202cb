// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(Constant, Kinds) {
  OpTester("Constant").attr("value_ints", std::vector<int64_t>{1, 2}).expect(ints({1, 2})).run();
  OpTester("Constant").attr("value_float", 1.5f).expect(tensor<float>({}, {1.5f})).run();
  OpTester("Constant")
      .attr("value_strings", std::vector<std::string>{"a"})
      .expect(tensor<std::string>({1}, {"a"}))
      .run();
  OpTester("Constant").expect_error(Code::kInvalidModel, "no value is given").run();
}

}  // namespace
}  // namespace ferry
