// SPDX-License-Identifier: Apache-2.0
// Pictures in and out of files: PNG, JPEG, WebP, TIFF, JPEG 2000, BMP and PNM.
//
// The format is found from the bytes, never from the name. Every conversion on the way (palette,
// CMYK, dropped alpha, EXIF rotation, ...) is listed in Image::notes; docs/pictures.md has the
// rules. Nothing is printed. Files are hostile input: sizes are checked before memory is taken.
//
// Threads: all functions may be called from several threads at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ferry/status.h"

namespace ferry {

enum class FileFormat { kUnknown, kPng, kJpeg, kWebp, kTiff, kJpeg2000, kBmp, kPnm };

enum class ChannelOrder { kRgb, kBgr };

// A decoded picture: rows from top to bottom, pixels from left to right, channels interleaved,
// no padding. Alpha is straight (not premultiplied) and always the last channel.
struct Image {
  int width = 0;
  int height = 0;
  int channels = 0;                         // 1 grey, 2 grey + alpha, 3 colour, 4 colour + alpha
  int bits = 8;                             // 8: samples are in data; 16: samples are in data16
  ChannelOrder order = ChannelOrder::kRgb;  // of 3 or 4 channels
  std::vector<uint8_t> data;
  std::vector<uint16_t> data16;    // host byte order, white is 65535
  std::vector<std::string> notes;  // what was converted, dropped or ignored, in order

  bool has_alpha() const noexcept { return channels == 2 || channels == 4; }
  size_t sample_count() const noexcept {
    return static_cast<size_t>(width) * static_cast<size_t>(height) * static_cast<size_t>(channels);
  }
};

enum class ColorMode {
  kRgb,   // grey is repeated into three channels
  kBgr,   // the same, blue first
  kGrey,  // (19595 R + 38470 G + 7471 B + 32768) >> 16
  kKeep,  // grey stays grey, colour becomes RGB
};

enum class AlphaMode {
  kDrop,  // the colour under the alpha is kept as it is; nothing is composited
  kKeep,  // kept where the file has it; no opaque channel is made up
};

enum class BitDepth {
  k8,     // 16-bit samples become round(x / 257)
  kKeep,  // 8 or 16, as the file has it
};

struct DecodeOptions {
  ColorMode color = ColorMode::kRgb;
  AlphaMode alpha = AlphaMode::kDrop;
  BitDepth depth = BitDepth::k8;
  bool apply_orientation = true;  // EXIF (JPEG, PNG, WebP) and TIFF orientation 1 to 8
  // Met before memory for pixels is taken. Decoding needs at most about 24 bytes per pixel.
  int64_t max_pixels = int64_t{1} << 28;
  int64_t max_file_bytes = int64_t{1} << 31;  // read_image only
  // Asked from row to row, or tile to tile, when set: true, from then on, ends decoding with
  // kCancelled.
  std::function<bool()> stopped = nullptr;
};

struct WriteOptions {
  int quality = 95;              // 1 to 100; JPEG and lossy WebP
  bool subsample_chroma = true;  // JPEG: 4:2:0, else 4:4:4
  bool lossless = false;         // WebP
  int compression = 6;           // 0 to 9; PNG and TIFF (0: stored)
};

// What the first bytes say. kUnknown for everything that decode_image does not read.
FileFormat detect_format(std::span<const uint8_t> bytes) noexcept;

// The format that write_image takes for this extension, in any case; kUnknown if there is none.
FileFormat format_of_extension(const std::filesystem::path& path);

// "PNG", "JPEG 2000", ...
std::string_view format_name(FileFormat format) noexcept;

// Decodes one picture; of several pictures or frames, the first one.
//
// Errors: kInvalidArgument  damaged or truncated, or no picture at all
//         kUnsupportedType  a format or a variant of a format that is not read
//         kLimitExceeded    more than max_pixels
//         kOutOfMemory      the machine has no memory left
//         kCancelled        options.stopped said so
Result<Image> decode_image(std::span<const uint8_t> bytes, const DecodeOptions& options = {});

// Reads and decodes one file. The errors of decode_image with the path in front, or
//         kIoError          missing, a directory, empty or unreadable
//         kLimitExceeded    more than max_file_bytes
Result<Image> read_image(const std::filesystem::path& path, const DecodeOptions& options = {});

// Applies color, alpha and depth of `options` to a picture that is already decoded.
Image convert_image(Image image, const DecodeOptions& options);

// The bytes of a file. Nothing is converted silently: what a format cannot hold (alpha or 16 bits
// in a JPEG) is an error that says which option of convert_image helps.
//
// Errors: kInvalidArgument  an empty or inconsistent picture, an option outside its range
//         kUnsupportedType  the format cannot hold the picture, or is not written
Result<std::vector<uint8_t>> encode_image(const Image& image, FileFormat format,
                                          const WriteOptions& options = {});

// Encodes by the extension of `path` (.png .jpg .jpeg .webp .tif .tiff .bmp .pgm .ppm .pnm .pam)
// into a new file beside it that takes its name at the end, so that a reader sees the old file or
// the whole new one. After an error the old file is untouched and nothing is left behind. The
// errors of encode_image with the path in front, and kIoError.
Status write_image(const std::filesystem::path& path, const Image& image,
                   const WriteOptions& options = {});

}  // namespace ferry
