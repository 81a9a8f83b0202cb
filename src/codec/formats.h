// SPDX-License-Identifier: Apache-2.0
// The decoder and encoder of each file format, and what they share. Inside src/codec only.
//
// A decoder returns RGB order, the channels and depth of the file, straight alpha, unrotated
// pixels, and the orientation that the file asks for. An encoder gets a picture that
// `check_encodable` accepted, in RGB order.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "codec/bytes.h"
#include "codec/image.h"
#include "codec/stopped.h"
#include "ferry/status.h"

namespace ferry::codec {

struct Decoded {
  Image image;
  int orientation = 1;  // EXIF 1 to 8
};

using Encoded = std::vector<uint8_t>;

Result<Decoded> decode_png(Bytes bytes, int64_t max_pixels, const Stopped& stopped);
Result<Decoded> decode_jpeg(Bytes bytes, int64_t max_pixels, const Stopped& stopped);
Result<Decoded> decode_webp(Bytes bytes, int64_t max_pixels, const Stopped& stopped);
Result<Decoded> decode_tiff(Bytes bytes, int64_t max_pixels, const Stopped& stopped);
Result<Decoded> decode_jpeg2000(Bytes bytes, int64_t max_pixels, const Stopped& stopped);
Result<Decoded> decode_bmp(Bytes bytes, int64_t max_pixels, const Stopped& stopped);
Result<Decoded> decode_pnm(Bytes bytes, int64_t max_pixels, const Stopped& stopped);

Result<Encoded> encode_png(const Image& image, const WriteOptions& options);
Result<Encoded> encode_jpeg(const Image& image, const WriteOptions& options);
Result<Encoded> encode_webp(const Image& image, const WriteOptions& options);
Result<Encoded> encode_tiff(const Image& image, const WriteOptions& options);
Result<Encoded> encode_bmp(const Image& image);
// `pam` allows alpha and writes P7; else P5 or P6.
Result<Encoded> encode_pnm(const Image& image, bool pam);

// encode_image for the extension of `path`.
Result<Encoded> encode_for_path(const std::filesystem::path& path, const Image& image,
                                const WriteOptions& options);

// At least one pixel, at most `max_pixels`.
Status check_size(std::string_view format, int64_t width, int64_t height, int64_t max_pixels);

// A picture of checked size with zeroed samples. Errors: kCancelled.
Result<Image> make_image(int64_t width, int64_t height, int channels, int bits,
                         const Stopped& stopped);

// The orientation in an EXIF block (a TIFF header and its first directory), with or without the
// "Exif\0\0" in front; 1 where there is none or it is damaged.
int exif_orientation(Bytes exif) noexcept;

}  // namespace ferry::codec
