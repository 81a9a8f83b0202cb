// SPDX-License-Identifier: Apache-2.0
// Damaged files end in an error or a picture, never in a crash, and nothing is printed.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "codec/formats.h"
#include "codec/image.h"

namespace ferry {
namespace {

namespace fs = std::filesystem;

struct Sample {
  std::string name;
  std::vector<uint8_t> bytes;
};

std::vector<Sample> samples() {
  std::vector<Sample> all;
  for (const auto& entry : fs::directory_iterator(FERRY_SOURCE_DIR "/src/codec/testdata")) {
    std::ifstream file(entry.path(), std::ios::binary);
    all.push_back(
        {entry.path().filename(), std::vector<uint8_t>(std::istreambuf_iterator<char>(file), {})});
  }
  Image image = codec::make_image(19, 13, 3, 8, nullptr).value();
  for (size_t i = 0; i < image.data.size(); ++i) image.data[i] = static_cast<uint8_t>(i * i / 7);
  for (const FileFormat format : {FileFormat::kPng, FileFormat::kJpeg, FileFormat::kWebp,
                                  FileFormat::kTiff, FileFormat::kBmp, FileFormat::kPnm}) {
    all.push_back(
        {std::string("written ") + std::string(format_name(format)), *encode_image(image, format)});
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return all;
}

// Small enough that a damaged size cannot make the test slow.
const DecodeOptions kOptions{.color = ColorMode::kKeep,
                             .alpha = AlphaMode::kKeep,
                             .depth = BitDepth::kKeep,
                             .max_pixels = 1 << 18};

void expect_sound(const Result<Image>& image, const std::string& what) {
  if (!image.ok()) {
    EXPECT_FALSE(image.status().message().empty()) << what;
    EXPECT_NE(image.status().code(), Code::kInternal) << what << image.status().to_string();
    return;
  }
  EXPECT_GE(image->width, 1) << what;
  EXPECT_GE(image->height, 1) << what;
  EXPECT_EQ((image->bits == 8 ? image->data.size() : image->data16.size()), image->sample_count())
      << what;
}

// The bytes are copied to their own allocation so that a sanitizer sees a read past the end.
Result<Image> decode_copy(std::span<const uint8_t> bytes) {
  const std::vector<uint8_t> copy(bytes.begin(), bytes.end());
  return decode_image(copy, kOptions);
}

class Quiet {
 public:
  Quiet() {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
  }
  ~Quiet() {
    EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  }
};

TEST(Damage, EveryTruncation) {
  for (const Sample& sample : samples()) {
    const Quiet quiet;
    for (size_t cut = 0; cut < sample.bytes.size(); ++cut) {
      expect_sound(decode_copy(std::span(sample.bytes).first(cut)),
                   sample.name + " cut at " + std::to_string(cut));
    }
  }
}

TEST(Damage, EveryByteInverted) {
  for (const Sample& sample : samples()) {
    const Quiet quiet;
    std::vector<uint8_t> bytes = sample.bytes;
    for (size_t i = 0; i < bytes.size(); ++i) {
      for (const uint8_t flip : {uint8_t{0xff}, uint8_t{0x01}, uint8_t{0x80}}) {
        bytes[i] ^= flip;
        expect_sound(decode_copy(bytes), sample.name + " byte " + std::to_string(i));
        bytes[i] ^= flip;
      }
    }
  }
}

TEST(Damage, ManyBytesAtOnce) {
  std::mt19937 random(20260101);
  for (const Sample& sample : samples()) {
    const Quiet quiet;
    for (int round = 0; round < 200; ++round) {
      std::vector<uint8_t> bytes = sample.bytes;
      for (auto n = 1 + random() % 12; n > 0; --n) {
        constexpr uint8_t kNasty[] = {0, 1, 0x7f, 0x80, 0xff};
        uint8_t& byte = bytes[random() % bytes.size()];
        byte = random() % 2 == 0 ? kNasty[random() % 5] : static_cast<uint8_t>(random());
      }
      expect_sound(decode_copy(bytes), sample.name + " round " + std::to_string(round));
    }
  }
}

}  // namespace
}  // namespace ferry
