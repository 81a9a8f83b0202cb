// SPDX-License-Identifier: Apache-2.0
#include "codec/image.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "codec/formats.h"

namespace ferry {
namespace {

namespace fs = std::filesystem;

const DecodeOptions kAsStored{
    .color = ColorMode::kKeep, .alpha = AlphaMode::kKeep, .depth = BitDepth::kKeep};

fs::path sample(const std::string& name) {
  return fs::path(FERRY_SOURCE_DIR) / "src/codec/testdata" / name;
}

Image pattern(int width, int height, int channels, int bits) {
  Image image = codec::make_image(width, height, channels, bits, nullptr).value();
  for (size_t i = 0; i < image.sample_count(); ++i) {
    const size_t v = i * 2654435761u;
    if (bits == 8) image.data[i] = static_cast<uint8_t>(v >> 16);
    if (bits == 16) image.data16[i] = static_cast<uint16_t>(v >> 11);
  }
  return image;
}

std::span<const uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

bool has_note(const Image& image, std::string_view words) {
  for (const std::string& note : image.notes) {
    if (note.find(words) != std::string::npos) return true;
  }
  return false;
}

void expect_error(const Status& status, Code code, std::string_view words) {
  EXPECT_EQ(status.code(), code) << status.to_string();
  EXPECT_NE(status.message().find(words), std::string::npos) << status.to_string();
}

class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ("ferry_codec_" + std::to_string(::getpid()))) {
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  fs::path operator/(const std::string& name) const { return path_ / name; }
  size_t files() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(path_), {}));
  }

 private:
  fs::path path_;
};

TEST(Image, LosslessFormatsKeepEverySample) {
  const std::pair<FileFormat, WriteOptions> formats[] = {{FileFormat::kPng, {}},
                                                         {FileFormat::kPng, {.compression = 0}},
                                                         {FileFormat::kTiff, {}},
                                                         {FileFormat::kTiff, {.compression = 0}},
                                                         {FileFormat::kBmp, {}},
                                                         {FileFormat::kPnm, {}},
                                                         {FileFormat::kWebp, {.lossless = true}}};
  for (const auto& [format, options] : formats) {
    for (int channels = 1; channels <= 4; ++channels) {
      for (const int bits : {8, 16}) {
        for (const auto& [w, h] : {std::pair{1, 1}, {1, 7}, {5, 3}, {31, 33}}) {
          const Image image = pattern(w, h, channels, bits);
          const Result<std::vector<uint8_t>> file = encode_image(image, format, options);
          if (!file.ok()) {
            EXPECT_EQ(file.status().code(), Code::kUnsupportedType);
            EXPECT_TRUE(bits == 16 || channels == 2) << file.status().to_string();
            continue;
          }
          EXPECT_EQ(detect_format(*file), format);
          const Result<Image> again = decode_image(*file, kAsStored);
          ASSERT_TRUE(again.ok()) << again.status().to_string();
          EXPECT_EQ(again->width, w);
          EXPECT_EQ(again->height, h);
          if (format == FileFormat::kWebp && channels < 3) continue;  // stored as colour
          ASSERT_EQ(again->channels, channels) << format_name(format);
          EXPECT_EQ(again->data, image.data) << format_name(format) << channels;
          EXPECT_EQ(again->data16, image.data16) << format_name(format) << channels;
        }
      }
    }
  }
}

TEST(Image, LossyFormatsComeClose) {
  Image image = codec::make_image(64, 48, 3, 8, nullptr).value();
  for (size_t i = 0; i < image.sample_count(); ++i) {
    image.data[i] = static_cast<uint8_t>(i / 3 % 64 * 3 + i / 192);
  }
  for (const FileFormat format : {FileFormat::kJpeg, FileFormat::kWebp}) {
    const auto file = encode_image(image, format);
    ASSERT_TRUE(file.ok());
    const auto again = decode_image(*file);
    ASSERT_TRUE(again.ok());
    double error = 0;
    for (size_t i = 0; i < image.sample_count(); ++i) {
      error += std::abs(again->data[i] - image.data[i]);
    }
    EXPECT_LT(error / static_cast<double>(image.sample_count()), 3) << format_name(format);
    EXPECT_LT(encode_image(image, format, {.quality = 10})->size(), file->size());
  }
}

TEST(Image, WriterTurnsBgrAround) {
  Image image = pattern(4, 3, 3, 8);
  const Image bgr = convert_image(image, {.color = ColorMode::kBgr});
  EXPECT_EQ(bgr.order, ChannelOrder::kBgr);
  EXPECT_EQ(bgr.data[0], image.data[2]);
  EXPECT_EQ(*encode_image(bgr, FileFormat::kPng), *encode_image(image, FileFormat::kPng));
}

TEST(Image, ConversionsAreExact) {
  Image image = codec::make_image(2, 1, 4, 16, nullptr).value();
  image.data16 = {65535, 0, 128, 7, 129, 257, 65406, 9};
  const Image rgb = convert_image(image, {});
  EXPECT_EQ(rgb.data, (std::vector<uint8_t>{255, 0, 0, 1, 1, 254}));
  EXPECT_TRUE(has_note(rgb, "alpha dropped"));
  EXPECT_TRUE(has_note(rgb, "16 bits rounded to 8"));
  const Image grey = convert_image(image, {.color = ColorMode::kGrey, .alpha = AlphaMode::kKeep});
  EXPECT_EQ(grey.channels, 2);
  EXPECT_EQ(grey.data, (std::vector<uint8_t>{76, 0, 30, 0}));
  Image deep = codec::make_image(1, 1, 3, 16, nullptr).value();
  deep.data16 = {65535, 65535, 65535};
  deep = convert_image(deep, {.color = ColorMode::kGrey, .depth = BitDepth::kKeep});
  EXPECT_EQ(deep.data16, std::vector<uint16_t>{65535});
  Image one = codec::make_image(1, 2, 2, 8, nullptr).value();
  one.data = {5, 6, 7, 8};
  EXPECT_EQ(convert_image(one, {.alpha = AlphaMode::kKeep}).data,
            (std::vector<uint8_t>{5, 5, 5, 6, 7, 7, 7, 8}));
}

TEST(Image, SamplesOfEveryFormatDecode) {
  size_t seen = 0;
  for (const auto& entry : fs::directory_iterator(sample(""))) {
    const Result<Image> image = read_image(entry.path());
    ASSERT_TRUE(image.ok()) << image.status().to_string();
    EXPECT_EQ(image->channels, 3);
    EXPECT_EQ(image->data.size(), image->sample_count());
    ++seen;
  }
  EXPECT_GE(seen, 24u);
}

TEST(Image, NotesSayWhatHappened) {
  EXPECT_TRUE(has_note(*read_image(sample("turned.jpg")), "orientation 6"));
  EXPECT_TRUE(has_note(*read_image(sample("animated.webp")), "first of 2 frames"));
  EXPECT_TRUE(has_note(*read_image(sample("cmyk.jpg")), "CMYK"));
  EXPECT_TRUE(has_note(*read_image(sample("palette.png")), "palette"));
  EXPECT_TRUE(has_note(*read_image(sample("plain.ppm")), "samples up to 100 scaled"));
}

TEST(Image, OrientationTurnsTheSize) {
  const auto turned = read_image(sample("turned.jpg"));
  EXPECT_EQ(turned->width, 9);
  EXPECT_EQ(turned->height, 14);
  EXPECT_EQ(read_image(sample("turned.jpg"), {.apply_orientation = false})->width, 14);
}

TEST(Image, ExifOrientationSurvivesDamage) {
  const std::string little("II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\7\0\0\0", 22);
  const std::string big("MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\5\0\0", 22);
  EXPECT_EQ(codec::exif_orientation(bytes_of(little)), 7);
  EXPECT_EQ(codec::exif_orientation(bytes_of(big)), 5);
  EXPECT_EQ(codec::exif_orientation(bytes_of(std::string("Exif\0\0", 6) + big)), 5);
  for (size_t cut = 0; cut < 22; ++cut) {
    EXPECT_EQ(codec::exif_orientation(bytes_of(little.substr(0, cut))), 1);
  }
  std::string wild = little;
  wild[4] = wild[5] = wild[6] = wild[7] = '\xff';
  EXPECT_EQ(codec::exif_orientation(bytes_of(wild)), 1);
}

TEST(Image, LimitsHoldBeforeMemoryIsTaken) {
  for (const auto& entry : fs::directory_iterator(sample(""))) {
    expect_error(read_image(entry.path(), {.max_pixels = 3}).status(), Code::kLimitExceeded,
                 "max_pixels");
  }
  expect_error(read_image(sample("cmyk.jpg"), {.max_file_bytes = 100}).status(),
               Code::kLimitExceeded, "the limit is 100");
  // 2^31 - 1 squared, in a handful of bytes.
  for (const std::string_view head :
       {"P5 2147483647 2147483647 255\n", "P1 2147483647 2147483647 "}) {
    expect_error(decode_image(bytes_of(head)).status(), Code::kLimitExceeded, "more than");
    EXPECT_FALSE(decode_image(bytes_of(head), {.max_pixels = INT64_MAX}).ok());
  }
}

TEST(Image, ErrorsOfBytesThatAreNoPicture) {
  expect_error(decode_image({}).status(), Code::kInvalidArgument, "no bytes");
  expect_error(decode_image(bytes_of("once upon a time")).status(), Code::kInvalidArgument,
               "looks like text");
  expect_error(decode_image(bytes_of("GIF89a......")).status(), Code::kUnsupportedType, "GIF");
  expect_error(decode_image(bytes_of("\x01\x02\x03")).status(), Code::kInvalidArgument,
               "starts with 01 02 03;");
  expect_error(decode_image(bytes_of("BM")).status(), Code::kInvalidArgument, "BMP");
  expect_error(decode_image(bytes_of("P6 2 2 255\nabc")).status(), Code::kInvalidArgument,
               "need 12 bytes, the file has 3");
  expect_error(decode_image(bytes_of("P6 2 x 255\nabc")).status(), Code::kInvalidArgument,
               "the height is 'x'");
  expect_error(decode_image(bytes_of("P6 0 2 255\nabc")).status(), Code::kInvalidArgument, "width");
}

TEST(Image, ErrorsOfReading) {
  const Folder folder;
  expect_error(read_image(folder / "none.png").status(), Code::kIoError, "No such file");
  expect_error(read_image(folder / "").status(), Code::kIoError, "is a directory");
  std::ofstream(folder / "empty.png").close();
  expect_error(read_image(folder / "empty.png").status(), Code::kIoError,
               "empty.png': the file is");
}

TEST(Image, ErrorsOfWriting) {
  const Folder folder;
  const Image rgba = pattern(3, 2, 4, 8), deep = pattern(3, 2, 3, 16), grey = pattern(3, 2, 1, 8);
  expect_error(write_image(folder / "a.jpg", rgba), Code::kUnsupportedType, "alpha = drop");
  expect_error(write_image(folder / "a.ppm", rgba), Code::kUnsupportedType, "alpha");
  expect_error(write_image(folder / "a.jpg", deep), Code::kUnsupportedType, "depth = 8");
  expect_error(write_image(folder / "a.ppm", grey), Code::kUnsupportedType, "write .pnm");
  expect_error(write_image(folder / "a.gif", grey), Code::kUnsupportedType, "'.gif'");
  expect_error(write_image(folder / "a.jp2", grey), Code::kUnsupportedType, "'.jp2'");
  expect_error(write_image(folder / "a", grey), Code::kUnsupportedType, "extension ''");
  expect_error(write_image(folder / "a.jpg", grey, {.quality = 0}), Code::kInvalidArgument,
               "1 to 100");
  expect_error(write_image(folder / "a.png", grey, {.compression = 10}), Code::kInvalidArgument,
               "0 to 9");
  expect_error(write_image(folder / "no/a.png", grey), Code::kIoError, "No such file");
  expect_error(write_image(folder / "a.png", Image{}), Code::kInvalidArgument, "0x0");
  Image wrong = grey;
  wrong.data.pop_back();
  expect_error(write_image(folder / "a.png", wrong), Code::kInvalidArgument, "needs 6 samples");
  fs::create_directory(folder / "dir.png");
  expect_error(write_image(folder / "dir.png", grey), Code::kIoError, "is a directory");
  expect_error(
      encode_image(codec::make_image(16384, 1, 3, 8, nullptr).value(), FileFormat::kWebp).status(),
      Code::kUnsupportedType, "at most 16383");
  EXPECT_EQ(folder.files(), 1u);
}

TEST(Image, WritingReplacesTheFileAtOnce) {
  const Folder folder;
  const Image first = pattern(3, 2, 3, 8), second = pattern(5, 4, 3, 8);
  ASSERT_TRUE(write_image(folder / "A.PNG", first).ok());
  fs::create_symlink(folder / "A.PNG", folder / "link.png");
  ASSERT_TRUE(write_image(folder / "link.png", second).ok());
  EXPECT_TRUE(fs::is_symlink(folder / "link.png"));
  EXPECT_EQ(read_image(folder / "A.PNG")->data, second.data);
  EXPECT_EQ(folder.files(), 2u);
  // A device stays what it is.
  fs::create_symlink("/dev/null", folder / "null.png");
  ASSERT_TRUE(write_image(folder / "null.png", second).ok());
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST(Image, WritingIntoAFullDeviceFails) {
  const Folder folder;
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  fs::create_symlink("/dev/full", folder / "full.png");
  expect_error(write_image(folder / "full.png", pattern(3, 2, 3, 8)), Code::kIoError,
               "cannot be written");
}

// Decodes with somebody who is asked whether to stop: the same picture when he never says so, an
// error from whatever question on he does.
void check_stops(std::span<const uint8_t> bytes) {
  const Result<Image> whole = decode_image(bytes, {});
  ASSERT_TRUE(whole.ok()) << whole.status().to_string();
  int times = 0, last = 0;
  DecodeOptions options;
  options.stopped = [&] { return ++times == last; };
  const Result<Image> parts = decode_image(bytes, options);
  ASSERT_TRUE(parts.ok()) << parts.status().to_string();
  EXPECT_EQ(parts->data, whole->data);
  EXPECT_EQ(parts->notes, whole->notes);
  const int all = times;
  ASSERT_GT(all, 1);
  for (int question : {1, 2, all / 2, all}) {
    times = 0;
    last = question;
    options.stopped = [&] { return ++times >= last; };
    EXPECT_EQ(decode_image(bytes, options).status().code(), Code::kCancelled) << question;
  }
}

TEST(Stopped, EveryFormat) {
  for (const auto& entry : fs::directory_iterator(sample(""))) {
    SCOPED_TRACE(entry.path().filename().string());
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    check_stops(bytes_of(bytes));
  }
  for (FileFormat format : {FileFormat::kPng, FileFormat::kJpeg, FileFormat::kWebp,
                            FileFormat::kTiff, FileFormat::kBmp, FileFormat::kPnm}) {
    SCOPED_TRACE(format_name(format));
    for (const bool lossless : {false, true}) {
      const auto bytes = encode_image(pattern(700, 500, 3, 8), format, {.lossless = lossless});
      ASSERT_TRUE(bytes.ok()) << bytes.status().to_string();
      check_stops(*bytes);
    }
  }
}

}  // namespace
}  // namespace ferry
