// SPDX-License-Identifier: Apache-2.0
#include "codec/regex.h"

#include <gtest/gtest.h>

#include <string>

namespace ferry {
namespace {

bool matches(std::string_view pattern, std::string_view text) {
  const Result<Regex> regex = Regex::compile(pattern);
  EXPECT_TRUE(regex.ok()) << regex.status().to_string();
  return regex.ok() && regex->full_match(text);
}

TEST(Regex, MatchesTheWholeText) {
  EXPECT_TRUE(matches(R"(www\.[\w.-]+\.\bcom\b)", "www.google.com"));
  EXPECT_FALSE(matches(R"(www\.[\w.-]+\.\bcom\b)", "www.google.com/x"));
  EXPECT_FALSE(matches("abc", "xabc"));
  EXPECT_TRUE(matches("", ""));
  EXPECT_FALSE(matches("", "a"));
  EXPECT_TRUE(matches("ä.", "äß"));
  EXPECT_TRUE(matches(std::string_view("a\0b", 3), std::string_view("a\0b", 3)));
  EXPECT_FALSE(matches(".*", "\xff"));
}

TEST(Regex, FindsTheLongest) {
  const Result<Regex> regex = Regex::compile("a|ab+|[0-9]*");
  ASSERT_TRUE(regex.ok());
  const std::string_view text = "xabb12";
  EXPECT_EQ(regex->find(text, 1), "abb");
  EXPECT_EQ(regex->find(text, 4), "12");
  EXPECT_TRUE(regex->find(text, 0).empty());
  EXPECT_NE(regex->find(text, 0).data(), nullptr);
  EXPECT_EQ(Regex::compile("z")->find(text, 0).data(), nullptr);
}

TEST(Regex, StaysLinear) { EXPECT_FALSE(matches("(a*)*b", std::string(100000, 'a'))); }

TEST(Regex, BadPatternsSayWhy) {
  testing::internal::CaptureStderr();
  const Status status = Regex::compile("a(b").status();
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_EQ(status.message(), "regular expression 'a(b': missing ): a(b");
  EXPECT_FALSE(Regex::compile(R"((a)\1)").ok());
  EXPECT_FALSE(Regex::compile("a{1,100000}").ok());
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace ferry
