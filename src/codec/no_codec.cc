// SPDX-License-Identifier: Apache-2.0
// In place of the files that use image libraries and RE2 when the build option FERRY_CODEC is off.
// BMP and PNM need no library and stay.
#include <string_view>

#include "base/status.h"
#include "codec/formats.h"
#include "codec/regex.h"

namespace ferry {
namespace {

Status left_out(std::string_view what) {
  return unsupported_type(
      "{} is not in this build of Ferry; build with the CMake option -DFERRY_CODEC=ON", what);
}

}  // namespace

namespace codec {

Result<Decoded> decode_png(Bytes, int64_t, const Stopped&) { return left_out("PNG"); }
Result<Decoded> decode_jpeg(Bytes, int64_t, const Stopped&) { return left_out("JPEG"); }
Result<Decoded> decode_webp(Bytes, int64_t, const Stopped&) { return left_out("WebP"); }
Result<Decoded> decode_tiff(Bytes, int64_t, const Stopped&) { return left_out("TIFF"); }
Result<Decoded> decode_jpeg2000(Bytes, int64_t, const Stopped&) { return left_out("JPEG 2000"); }
Result<Encoded> encode_png(const Image&, const WriteOptions&) { return left_out("PNG"); }
Result<Encoded> encode_jpeg(const Image&, const WriteOptions&) { return left_out("JPEG"); }
Result<Encoded> encode_webp(const Image&, const WriteOptions&) { return left_out("WebP"); }
Result<Encoded> encode_tiff(const Image&, const WriteOptions&) { return left_out("TIFF"); }

}  // namespace codec

struct Regex::Program {};

Result<Regex> Regex::compile(std::string_view) { return left_out("the regular expression engine"); }
bool Regex::full_match(std::string_view) const { return false; }
std::string_view Regex::find(std::string_view, size_t) const { return {}; }

}  // namespace ferry
