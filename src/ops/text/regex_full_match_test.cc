// SPDX-License-Identifier: Apache-2.0
#include "ops/text/regex_full_match.h"

#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(RegexFullMatch, NeedsAnEngine) {
  const Tensor x = tensor<std::string>({2}, {"aa", "b"});
  set_regex_engine(nullptr);
  OpTester("RegexFullMatch").attr("pattern", std::string("a+")).input(x).expect_error(Code::kUnsupportedOp, "no regular expressions").run();
  set_regex_engine([](const std::string& pattern, std::span<const std::string> texts, bool* matches) {
    for (size_t i = 0; i < texts.size(); ++i) matches[i] = texts[i] == pattern;
    return Status();
  });
  OpTester("RegexFullMatch").attr("pattern", std::string("b")).input(x).expect(tensor<bool>({2}, {false, true})).run();
  set_regex_engine(nullptr);
}

}  // namespace
}  // namespace ferry
