// SPDX-License-Identifier: Apache-2.0
// What a build without FERRY_CODEC says.
#include <gtest/gtest.h>

#include <string_view>

#include "codec/image.h"
#include "codec/regex.h"

namespace ferry {
namespace {

std::span<const uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

TEST(NoCodec, SaysHowToEnableIt) {
  for (const std::string_view head : {"\x89PNG\r\n\x1a\n", "\xff\xd8\xff", "RIFF....WEBP"}) {
    const Status status = decode_image(bytes_of(head)).status();
    EXPECT_EQ(status.code(), Code::kUnsupportedType);
    EXPECT_NE(status.message().find("-DFERRY_CODEC=ON"), std::string::npos);
  }
  EXPECT_EQ(Regex::compile("a").status().code(), Code::kUnsupportedType);
}

TEST(NoCodec, PnmAndBmpStay) {
  const Result<Image> image = decode_image(bytes_of("P6 1 1 255\nabc"));
  ASSERT_TRUE(image.ok());
  const auto bmp = encode_image(*image, FileFormat::kBmp);
  ASSERT_TRUE(bmp.ok());
  EXPECT_EQ(decode_image(*bmp)->data, image->data);
  EXPECT_EQ(encode_image(*image, FileFormat::kPng).status().code(), Code::kUnsupportedType);
}

}  // namespace
}  // namespace ferry
