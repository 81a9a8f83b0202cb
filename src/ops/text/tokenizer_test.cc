// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

OpTester tokenizer(int64_t mark, std::vector<std::string> separators) {
  OpTester t("com.microsoft.Tokenizer");
  t.attr("mark", mark).attr("pad_value", std::string("#")).attr("mincharnum", int64_t{1});
  if (!separators.empty()) t.attr("separators", std::move(separators));
  return t;
}

TEST(Tokenizer, CharactersOfUtf8) {
  tokenizer(0, {""})
      .input(tensor<std::string>({2}, {"aé漢", "b"}))
      .expect(tensor<std::string>({2, 3}, {"a", "é", "漢", "b", "#", "#"}))
      .run();
  tokenizer(1, {""})
      .input(tensor<std::string>({1, 2}, {"a", ""}))
      .expect(tensor<std::string>({1, 2, 3}, {"\x02", "a", "\x03", "\x02", "\x03", "#"}))
      .run();
  tokenizer(0, {""})
      .input(tensor<std::string>({0}, {}))
      .expect(tensor<std::string>({0, 0}, {}))
      .run();
}

TEST(Tokenizer, Refuses) {
  tokenizer(0, {})
      .input(tensor<std::string>({1}, {"a"}))
      .expect_error(Code::kInvalidModel, "wanted is either tokenexp or separators")
      .run();
  tokenizer(0, {""})
      .input(tensor<std::string>({1, 1, 1}, {"a"}))
      .expect_error(Code::kInvalidModel, "wanted is rank 1 to 2")
      .run();
}

}  // namespace
}  // namespace ferry
