// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

using Strings = std::vector<std::string>;

TEST(StringNormalizer, StopWordsAndCase) {
  const Tensor x = tensor<std::string>({4}, Strings{"monday", "Tuesday", "wednesday", "thursday"});
  OpTester("StringNormalizer").input(x).expect(x).run();
  OpTester("StringNormalizer").attr("case_change_action", std::string("UPPER")).attr("stopwords", Strings{"MONDAY"}).input(x)
      .expect(tensor<std::string>({3}, Strings{"TUESDAY", "WEDNESDAY", "THURSDAY"})).run();
  OpTester("StringNormalizer").attr("is_case_sensitive", int64_t{1}).attr("stopwords", Strings{"MONDAY", "Tuesday"}).input(x)
      .expect(tensor<std::string>({3}, Strings{"monday", "wednesday", "thursday"})).run();
  OpTester("StringNormalizer").attr("stopwords", Strings{"a"}).input(tensor<std::string>({1, 1}, Strings{"a"}))
      .expect(tensor<std::string>({1, 1}, Strings{""})).run();
  OpTester("StringNormalizer").attr("case_change_action", std::string("LOWER")).input(tensor<std::string>({1}, Strings{"ÉCOLE ΣЯŽ 漢"}))
      .expect(tensor<std::string>({1}, Strings{"école σяž 漢"})).run();
  OpTester("StringNormalizer").attr("case_change_action", std::string("UPPER")).input(tensor<std::string>({1}, Strings{"straße ÿ ς"}))
      .expect(tensor<std::string>({1}, Strings{"STRAßE Ÿ Σ"})).run();
  OpTester("StringNormalizer").attr("case_change_action", std::string("TITLE")).input(x).expect_error(Code::kInvalidModel, "case_change_action is 'TITLE'").run();
  OpTester("StringNormalizer").input(tensor<std::string>({2, 1}, Strings{"a", "b"})).expect_error(Code::kShapeMismatch, "wanted is [n] or [1,n]").run();
}

}  // namespace
}  // namespace ferry
