// SPDX-License-Identifier: Apache-2.0
#include "ferry/status.h"

#include <gtest/gtest.h>

#include "ferry/printable.h"

namespace ferry {
namespace {

TEST(Printable, PrintableTextStays) {
  for (const char* text : {"", "conv1/weights [3, 4]: 'a'", "\xc3\xa9t\xc3\xa9", "\xe6\x95\xb0",
                           "\xf0\x9f\x9a\xa2", "C:\\temp", "\\x1b"}) {
    EXPECT_EQ(printable(text), text);
    EXPECT_EQ(printable(printable(text)), text);
  }
}

TEST(Printable, ControlsAndHiddenMarksAreEscaped) {
  EXPECT_EQ(printable("a\x1b[31mb\n\r\t\x7f"), "a\\x1b[31mb\\n\\r\\t\\x7f");
  EXPECT_EQ(printable(std::string("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\u009b31m");  // a control of one byte in Latin-1
  EXPECT_EQ(printable("\xe2\x80\xae"
                      "fdp"),
            "\\u202e"
            "fdp");  // writes to the left
  EXPECT_EQ(printable("\xe2\x80\xa8"), "\\u2028");
}

TEST(Printable, BytesThatAreNoUtf8AreEscaped) {
  EXPECT_EQ(printable("a\xff"), "a\\xff");
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");                    // longer than needed
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // a surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // above U+10FFFF
  EXPECT_EQ(printable("\xe6\x95"), "\\xe6\\x95");                    // cut off
  EXPECT_EQ(printable("\xe6"
                      "a"),
            "\\xe6"
            "a");
}

TEST(Status, MessagesArePrintable) {
  const Status status = Status(Code::kInvalidModel, "node '\x1b]0;' is wrong").with_context("a\nb");
  EXPECT_EQ(status.message(), "a\\nb: node '\\x1b]0;' is wrong");
  EXPECT_EQ(status.to_string(), "InvalidModel: " + status.message());
}

}  // namespace
}  // namespace ferry
