// SPDX-License-Identifier: Apache-2.0
#include "codec/picture.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "codec/formats.h"

namespace ferry {
namespace {

Image pattern(int width, int height, int channels, int bits) {
  Image image = codec::make_image(width, height, channels, bits, nullptr).value();
  for (size_t i = 0; i < image.sample_count(); ++i) {
    if (bits == 8) image.data[i] = static_cast<uint8_t>(i * 37);
    if (bits == 16) image.data16[i] = static_cast<uint16_t>(i * 9377);
  }
  return image;
}

std::vector<float> floats(const Image& image, const PictureFormat& format) {
  std::vector<float> out(image.sample_count(), -1);
  const Status status = picture_to_floats(image, format, out);
  EXPECT_TRUE(status.ok()) << status.to_string();
  return out;
}

TEST(Picture, PlanarUnitIsDividedBy255) {
  Image image = codec::make_image(2, 1, 3, 8, nullptr).value();
  image.data = {0, 127, 255, 3, 5, 7};
  EXPECT_EQ(floats(image, {}), (std::vector<float>{0 / 255.f, 3 / 255.f, 127 / 255.f, 5 / 255.f,
                                                   255 / 255.f, 7 / 255.f}));
  EXPECT_EQ(floats(image, {.layout = PixelLayout::kNhwc, .range = ValueRange::k255}),
            (std::vector<float>{0, 127, 255, 3, 5, 7}));
  EXPECT_EQ(floats(image, {.layout = PixelLayout::kNhwc,
                           .order = ChannelOrder::kBgr,
                           .range = ValueRange::k255}),
            (std::vector<float>{255, 127, 0, 7, 5, 3}));
}

TEST(Picture, OrderIsThatOfTheTensor) {
  Image image = codec::make_image(1, 1, 4, 8, nullptr).value();
  image.data = {1, 2, 3, 4};
  image.order = ChannelOrder::kBgr;
  EXPECT_EQ(floats(image, {.range = ValueRange::k255}), (std::vector<float>{3, 2, 1, 4}));
  EXPECT_EQ(floats(image, {.order = ChannelOrder::kBgr, .range = ValueRange::k255}),
            (std::vector<float>{1, 2, 3, 4}));
}

TEST(Picture, MeanAndStdBelongToTensorChannels) {
  Image image = codec::make_image(1, 1, 3, 8, nullptr).value();
  image.data = {10, 20, 30};
  const PictureFormat format{.order = ChannelOrder::kBgr,
                             .range = ValueRange::kUnit,
                             .mean = {0.406f, 0.456f, 0.485f},
                             .std = {0.225f, 0.224f, 0.229f}};
  EXPECT_EQ(floats(image, format),
            (std::vector<float>{(30 / 255.f - 0.406f) / 0.225f, (20 / 255.f - 0.456f) / 0.224f,
                                (10 / 255.f - 0.485f) / 0.229f}));
}

TEST(Picture, SixteenBits) {
  Image image = codec::make_image(1, 1, 1, 16, nullptr).value();
  image.data16 = {12345};
  EXPECT_EQ(floats(image, {})[0], 12345 / 65535.f);
  EXPECT_EQ(floats(image, {.range = ValueRange::k255})[0], 12345 / 257.f);
}

TEST(Picture, ThereAndBackIsExact) {
  for (int channels = 1; channels <= 4; ++channels) {
    for (const int bits : {8, 16}) {
      for (const auto layout : {PixelLayout::kNchw, PixelLayout::kNhwc}) {
        for (const auto order : {ChannelOrder::kRgb, ChannelOrder::kBgr}) {
          for (const auto range : {ValueRange::kUnit, ValueRange::k255}) {
            const PictureFormat format{.layout = layout,
                                       .order = order,
                                       .range = range,
                                       .mean = {0.5f, 0.25f, 0.125f, 0},
                                       .std = {0.5f, 0.25f, 2, 1},
                                       .bits = bits};
            const Image image = pattern(61, 53, channels, bits);
            const auto again = floats_to_picture(floats(image, format), 61, 53, channels, format);
            ASSERT_TRUE(again.ok());
            EXPECT_EQ(again->data, image.data);
            EXPECT_EQ(again->data16, image.data16);
            EXPECT_TRUE(again->notes.empty());
          }
        }
      }
    }
  }
}

TEST(Picture, RoundsToNearestEvenAndClamps) {
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> values{0.5f, 1.5f, 2.5f, 254.5f, 254.49f, 255.5f, -0.5f,
                                  -3,   inf,  -inf, 1e30f,  0.49f,   3.99f,  -0.0f};
  const int n = static_cast<int>(values.size());
  EXPECT_EQ(floats_to_picture(values, n, 1, 1, {.range = ValueRange::k255})->data,
            (std::vector<uint8_t>{0, 2, 2, 254, 254, 255, 0, 0, 255, 0, 255, 0, 4, 0}));
  EXPECT_EQ(
      floats_to_picture(values, n, 1, 1, {.range = ValueRange::k255, .rounding = Rounding::kDown})
          ->data,
      (std::vector<uint8_t>{0, 1, 2, 254, 254, 255, 0, 0, 255, 0, 255, 0, 3, 0}));
}

TEST(Picture, NansAreCounted) {
  std::vector<float> values(5000, 1.0f);
  values[7] = values[4999] = std::nanf("");
  const auto image = floats_to_picture(values, 50, 100, 1, {});
  EXPECT_EQ(image->data[7], 0);
  EXPECT_EQ(image->data[8], 255);
  ASSERT_EQ(image->notes.size(), 1u);
  EXPECT_EQ(image->notes[0], "2 values were NaN and became 0");
}

TEST(Picture, Errors) {
  const Image image = pattern(2, 2, 3, 8);
  std::vector<float> out(12);
  const auto code = [&](const PictureFormat& format) {
    return picture_to_floats(image, format, out).code();
  };
  EXPECT_EQ(picture_to_floats(image, {}, std::span(out).first(11)).code(), Code::kShapeMismatch);
  EXPECT_EQ(picture_to_floats(Image{}, {}, {}).code(), Code::kInvalidArgument);
  EXPECT_EQ(code({.std = {1, 0, 1, 1}}), Code::kInvalidArgument);
  EXPECT_EQ(code({.mean = {std::nanf(""), 0, 0, 0}}), Code::kInvalidArgument);
  EXPECT_EQ(code({.std = {1, 1, 1, 0}}), Code::kOk);  // there is no fourth channel
  EXPECT_EQ(floats_to_picture(out, 2, 2, 3, {.bits = 12}).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(floats_to_picture(out, 0, 2, 3, {}).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(floats_to_picture(out, 2, 2, 5, {}).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(floats_to_picture(out, 2, 3, 3, {}).status().code(), Code::kShapeMismatch);
}

}  // namespace
}  // namespace ferry
