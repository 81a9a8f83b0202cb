// SPDX-License-Identifier: Apache-2.0
#include "ferry/picture.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>

namespace ferry {
namespace {

// A PPM of two pixels: pure red and (0, 51, 255).
constexpr char kPpm[] = "P6 2 1 255\n\xff\0\0\0\x33\xff";

std::span<const std::byte> ppm() { return std::as_bytes(std::span(kPpm, sizeof kPpm - 1)); }

std::vector<float> floats(const Tensor& t) {
  const auto e = t.elements<float>();
  return {e.begin(), e.end()};
}

TEST(Picture, IsNchwRgbAndUnitByDefault) {
  const Picture p = decode_picture(ppm()).value();
  EXPECT_EQ(p.tensor.describe(), "f32[1,3,1,2]");
  EXPECT_EQ(p.format, "PNM");
  EXPECT_EQ(floats(p.tensor), (std::vector<float>{1, 0, 0, 0.2F, 0, 1}));
}

TEST(Picture, FollowsItsOptions) {
  PictureOptions o;
  o.layout = PictureLayout::kNhwc;
  o.order = PictureOrder::kBgr;
  o.range = PictureRange::k255;
  o.mean = {1, 2, 3, 0};
  o.std = {2, 2, 2, 1};
  const Picture p = decode_picture(ppm(), o).value();
  EXPECT_EQ(p.tensor.describe(), "f32[1,1,2,3]");
  EXPECT_EQ(floats(p.tensor), (std::vector<float>{-0.5F, -1, 126, 127, 24.5F, -1.5F}));
}

TEST(Picture, ConvertsChannels) {
  PictureOptions o;
  o.channels = 1;
  const Picture grey = decode_picture(ppm(), o).value();
  EXPECT_EQ(grey.tensor.describe(), "f32[1,1,1,2]");
  EXPECT_FALSE(grey.notes.empty());
  o.channels = 4;
  o.dtype = DType::kUInt8;
  const Picture alpha = decode_picture(ppm(), o).value();
  EXPECT_EQ(alpha.tensor.describe(), "u8[1,4,1,2]");
  EXPECT_EQ(alpha.tensor.data<uint8_t>()[7], 255);
  EXPECT_FALSE(alpha.notes.empty());
}

TEST(Picture, RefusesBadOptionsAndFiles) {
  PictureOptions o;
  o.channels = 2;
  EXPECT_EQ(decode_picture(ppm(), o).status().code(), Code::kInvalidArgument);
  o.channels = 3;
  o.dtype = DType::kInt64;
  EXPECT_EQ(decode_picture(ppm(), o).status().code(), Code::kUnsupportedType);
  o.dtype = DType::kUInt8;
  o.mean[0] = 1;
  EXPECT_EQ(decode_picture(ppm(), o).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(read_picture("/nowhere/a.png").status().code(), Code::kIoError);
  EXPECT_EQ(decode_picture(ppm().first(13)).status().code(), Code::kInvalidArgument);
}

TEST(Picture, ComesBackFromWhatItWas) {
  const std::string path = testing::TempDir() + "ferry_picture_test.ppm";
  for (PictureLayout layout : {PictureLayout::kNchw, PictureLayout::kNhwc}) {
    for (DType type : {DType::kFloat32, DType::kUInt8}) {
      PictureOptions o;
      o.layout = layout;
      o.dtype = type;
      o.order = PictureOrder::kBgr;
      const Picture p = decode_picture(ppm(), o).value();
      const Status written = write_picture(path, p.tensor, o);
      ASSERT_TRUE(written.ok()) << written.to_string();
      const Picture back = read_picture(path, o).value();
      EXPECT_EQ(std::memcmp(back.tensor.raw(), p.tensor.raw(), p.tensor.size_bytes()), 0);
    }
  }
  std::remove(path.c_str());
}

TEST(Picture, ClampsRoundsAndSaysSo) {
  const std::string path = testing::TempDir() + "ferry_picture_test2.pgm";
  const float numbers[] = {-1, 2, NAN, 0.5F};
  const Tensor t = Tensor::borrow(DType::kFloat32, {2, 2}, numbers);
  for (const auto& [rounding, middle] :
       {std::pair(PictureRounding::kNearest, 128), std::pair(PictureRounding::kDown, 127)}) {
    PictureOptions o;
    o.rounding = rounding;
    std::vector<std::string> notes;
    ASSERT_TRUE(write_picture(path, t, o, &notes).ok());
    EXPECT_FALSE(notes.empty());
    PictureOptions grey;
    grey.channels = 1;
    grey.dtype = DType::kUInt8;
    const Picture back = read_picture(path, grey).value();
    const auto samples = back.tensor.elements<uint8_t>();
    EXPECT_EQ((std::vector<int>(samples.begin(), samples.end())),
              (std::vector<int>{0, 255, 0, middle}));
  }
  std::remove(path.c_str());
}

TEST(Picture, WritesPicturesOnly) {
  const Tensor batch = Tensor::allocate(DType::kFloat32, {2, 3, 4, 4}).value();
  const Tensor wide = Tensor::allocate(DType::kFloat32, {1, 5, 4, 4}).value();
  const Tensor empty = Tensor::allocate(DType::kFloat32, {1, 3, 0, 4}).value();
  const Tensor ids = Tensor::allocate(DType::kInt64, {1, 3, 4, 4}).value();
  EXPECT_EQ(write_picture("a.png", batch).code(), Code::kShapeMismatch);
  EXPECT_EQ(write_picture("a.png", wide).code(), Code::kShapeMismatch);
  EXPECT_EQ(write_picture("a.png", empty).code(), Code::kShapeMismatch);
  EXPECT_EQ(write_picture("a.png", ids).code(), Code::kUnsupportedType);
  EXPECT_TRUE(is_picture_path("a.PNG"));
  EXPECT_FALSE(is_picture_path("a.npz"));
}

}  // namespace
}  // namespace ferry
