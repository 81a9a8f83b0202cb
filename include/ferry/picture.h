// SPDX-License-Identifier: Apache-2.0
// Picture files as tensors and back: PNG, JPEG, WebP, TIFF, JPEG 2000 (read only), BMP and PNM.
//
//   auto picture = ferry::read_picture("photo.jpg");             // f32[1,3,H,W], RGB, 0 to 1
//   auto outputs = session->run({{"image", picture->tensor}});
//   auto status = ferry::write_picture("out.png", outputs->at("y").tensor());
//
// The format is found from the bytes, never from the name. Nothing is converted silently: every
// palette, CMYK, dropped alpha, 16-bit sample or EXIF rotation is listed in Picture::notes
// (docs/pictures.md has the rules). Files are hostile input: sizes are checked before memory is
// taken. A build without codecs (FERRY_CODEC=OFF) knows BMP and PNM only, and says so.
//
// Threads: all functions may be called from several threads at once.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "ferry/status.h"
#include "ferry/tensor.h"

namespace ferry {

enum class PictureLayout : int {
  kNchw = 0,  // [1,C,H,W]
  kNhwc = 1,  // [1,H,W,C]
};
enum class PictureOrder : int { kRgb = 0, kBgr = 1 };
enum class PictureRange : int {
  kUnit = 0,  // black 0, white 1
  k255 = 1,   // black 0, white 255
};
enum class PictureRounding : int {
  kNearest = 0,  // half to even, as torch.round and np.rint
  kDown = 1,     // cut off, as clip and astype(uint8)
};

// What the numbers of a tensor mean:
//
//   number = (sample / white - mean[c]) / std[c]      `white` is 255 for kUnit and 1 for k255
//
// The defaults are those of most PyTorch image models.
struct PictureOptions {
  PictureLayout layout = PictureLayout::kNchw;
  PictureOrder order = PictureOrder::kRgb;  // of the tensor's channels, if 3 or 4
  PictureRange range = PictureRange::kUnit;
  PictureRounding rounding = PictureRounding::kNearest;  // writing only
  // Reading only: 1 (grey), 3 (colour) or 4 (colour and alpha, opaque where the file has none).
  int channels = 3;
  // Reading only: kFloat32, or kUInt8 for samples as they are (range, mean and std must be at
  // their defaults then).
  DType dtype = DType::kFloat32;
  // Per channel of the tensor, in units of `range`.
  std::array<float, 4> mean = {0, 0, 0, 0};
  std::array<float, 4> std = {1, 1, 1, 1};
};

struct Picture {
  Tensor tensor;
  int width = 0, height = 0;
  std::string format;              // "PNG", "JPEG", ...
  std::vector<std::string> notes;  // what was converted, dropped or ignored, in order
};

// Reads the picture in a file; of several pictures or frames, the first one.
//
// Errors: kIoError          missing, a directory, empty or unreadable
//         kInvalidArgument  damaged or truncated, no picture at all, or an option
//         kUnsupportedType  a format or a variant of a format that is not read
//         kLimitExceeded    more than 2^28 pixels or 2^31 bytes
//         kOutOfMemory
FERRY_API Result<Picture> read_picture(const std::string& path, const PictureOptions& options = {});
// The same from the bytes of a file.
FERRY_API Result<Picture> decode_picture(std::span<const std::byte> bytes,
                                         const PictureOptions& options = {});

// Writes a tensor as a picture of 8 bits by the extension of `path` (.png .jpg .jpeg .webp .tif
// .tiff .bmp .pgm .ppm .pnm .pam). `tensor` is f32 or u8 of [1,C,H,W], [C,H,W], [1,H,W,C] or
// [H,W,C] (by `options.layout`) with 1 to 4 channels, or [H,W]. Numbers outside the range are
// clamped; NaN becomes 0, of which `notes`, when given, receives a line. A reader of
// `path` sees the old file or the whole new one.
//
// Errors: kShapeMismatch    no picture has these dims
//         kUnsupportedType  another element type, or the format cannot hold the picture
//         kInvalidArgument  an option
//         kIoError, kOutOfMemory
FERRY_API Status write_picture(const std::string& path, const Tensor& tensor,
                               const PictureOptions& options = {},
                               std::vector<std::string>* notes = nullptr);

// True when write_picture takes the extension of this path.
FERRY_API bool is_picture_path(const std::string& path) noexcept;

}  // namespace ferry
