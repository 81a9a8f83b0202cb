// SPDX-License-Identifier: Apache-2.0
#include "codec/image.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"
#include "codec/convert.h"
#include "codec/formats.h"

namespace ferry {
namespace codec {
namespace {

using std::string_view;
using namespace std::string_view_literals;

bool has_at(Bytes bytes, size_t at, string_view magic) {
  return bytes.size() >= at + magic.size() &&
         std::memcmp(bytes.data() + at, magic.data(), magic.size()) == 0;
}

struct KnownMagic {
  size_t at;
  string_view magic;
  string_view name;
};

// Formats that people do hand in; named so that the error can say more than "unknown".
constexpr KnownMagic kUnreadFormats[] = {
    {0, "GIF87a", "GIF"},
    {0, "GIF89a", "GIF"},
    {4, "ftypavif", "AVIF"},
    {4, "ftypavis", "AVIF"},
    {4, "ftypheic", "HEIC"},
    {4, "ftypheix", "HEIC"},
    {4, "ftypmif1", "HEIF"},
    {4, "ftyp", "MP4 or QuickTime video"},
    {0, "\0\0\0\x0cJXL "sv, "JPEG XL"},
    {0, "\xff\x0a", "JPEG XL"},
    {0, "PF\n", "PFM (float samples)"},
    {0, "Pf\n", "PFM (float samples)"},
    {0, "8BPS", "Photoshop"},
    {0, "\0\0\x01\0"sv, "Windows icon"},
    {0, "\x76\x2f\x31\x01", "OpenEXR"},
    {0, "#?RADIANCE", "Radiance HDR"},
    {0, "#?RGBE", "Radiance HDR"},
    {0, "DDS ", "DDS"},
    {0, "qoif", "QOI"},
    {0, "%PDF", "PDF"},
    {0, "<svg", "SVG"},
    {0, "\x93NUMPY", "NumPy array"},
    {0, "PK\x03\x04", "ZIP archive"},
};

constexpr string_view kReadFormats = "PNG, JPEG, WebP, TIFF, JPEG 2000, BMP, PNM";

std::string lower_extension(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension;
}

bool looks_like_text(Bytes bytes) {
  const Bytes head = bytes.first(std::min<size_t>(bytes.size(), 512));
  return std::all_of(head.begin(), head.end(), [](uint8_t c) {
    return c >= 0x20 ? c != 0x7f : c == '\t' || c == '\n' || c == '\r';
  });
}

Status unknown_format(Bytes bytes) {
  for (const KnownMagic& known : kUnreadFormats) {
    if (has_at(bytes, known.at, known.magic)) {
      return unsupported_type("unsupported picture format {}; these are read: {}", known.name,
                              kReadFormats);
    }
  }
  if (bytes.empty()) return invalid_argument("not a picture: no bytes");
  std::string head;
  for (const uint8_t c : bytes.first(std::min<size_t>(bytes.size(), 8))) {
    head += fmt::format("{}{:02x}", head.empty() ? "" : " ", c);
  }
  return invalid_argument("not a picture: starts with {}{}; these are read: {}", head,
                          looks_like_text(bytes) ? ", which looks like text" : "", kReadFormats);
}

Result<Decoded> decode(Bytes bytes, int64_t max_pixels, const Stopped& stopped) {
  switch (detect_format(bytes)) {
    case FileFormat::kPng:
      return decode_png(bytes, max_pixels, stopped);
    case FileFormat::kJpeg:
      return decode_jpeg(bytes, max_pixels, stopped);
    case FileFormat::kWebp:
      return decode_webp(bytes, max_pixels, stopped);
    case FileFormat::kTiff:
      return decode_tiff(bytes, max_pixels, stopped);
    case FileFormat::kJpeg2000:
      return decode_jpeg2000(bytes, max_pixels, stopped);
    case FileFormat::kBmp:
      return decode_bmp(bytes, max_pixels, stopped);
    case FileFormat::kPnm:
      return decode_pnm(bytes, max_pixels, stopped);
    case FileFormat::kUnknown:
      break;
  }
  return unknown_format(bytes);
}

// What each format can hold. `max_side` is the format's own limit.
struct Capability {
  FileFormat format;
  bool alpha;
  bool sixteen_bits;
  int max_side;
};

constexpr Capability kWritten[] = {
    {FileFormat::kPng, true, true, 0x7fffffff},  {FileFormat::kJpeg, false, false, 65500},
    {FileFormat::kWebp, true, false, 16383},     {FileFormat::kTiff, true, true, 0x7fffffff},
    {FileFormat::kBmp, true, false, 0x7fffffff}, {FileFormat::kPnm, false, true, 0x7fffffff},
};

Status check_image(const Image& image) {
  if (image.width < 1 || image.height < 1 || image.channels < 1 || image.channels > 4 ||
      (image.bits != 8 && image.bits != 16)) {
    return invalid_argument("picture of {}x{} with {} channels of {} bits cannot be written",
                            image.width, image.height, image.channels, image.bits);
  }
  const size_t seen = image.bits == 8 ? image.data.size() : image.data16.size();
  if (seen != image.sample_count()) {
    return invalid_argument("picture of {}x{}x{} needs {} samples of {} bits, has {}", image.width,
                            image.height, image.channels, image.sample_count(), image.bits, seen);
  }
  return {};
}

Status check_encodable(const Image& image, FileFormat format, bool pam) {
  const string_view name = format_name(format);
  const auto* can = std::find_if(std::begin(kWritten), std::end(kWritten),
                                 [&](const Capability& c) { return c.format == format; });
  if (can == std::end(kWritten)) {
    return unsupported_type("{} is not written; these are: PNG, JPEG, WebP, TIFF, BMP, PNM", name);
  }
  const bool alpha_fits = can->alpha || pam;
  if (image.has_alpha() && (!alpha_fits || (format == FileFormat::kBmp && image.channels == 2))) {
    return unsupported_type(
        "{} cannot hold the alpha channel of a picture with {} channels; drop it first (alpha = "
        "drop) or write PNG",
        name, image.channels);
  }
  if (image.bits == 16 && !can->sixteen_bits) {
    return unsupported_type(
        "{} cannot hold 16 bits per sample; round to 8 first (depth = 8) or write PNG", name);
  }
  if (image.width > can->max_side || image.height > can->max_side) {
    return unsupported_type("{} holds at most {} pixels per side, the picture is {}x{}", name,
                            can->max_side, image.width, image.height);
  }
  return {};
}

Status check_options(const WriteOptions& options) {
  if (options.quality < 1 || options.quality > 100) {
    return invalid_argument("quality is {}, wanted 1 to 100", options.quality);
  }
  if (options.compression < 0 || options.compression > 9) {
    return invalid_argument("compression is {}, wanted 0 to 9", options.compression);
  }
  return {};
}

Result<Encoded> encode_as(const Image& image, FileFormat format, const WriteOptions& options,
                          bool pam) {
  FERRY_RETURN_IF_ERROR(check_image(image));
  FERRY_RETURN_IF_ERROR(check_encodable(image, format, pam));
  FERRY_RETURN_IF_ERROR(check_options(options));
  if (image.channels >= 3 && image.order == ChannelOrder::kBgr) {
    return encode_as(
        convert_image(
            image, {.color = ColorMode::kRgb, .alpha = AlphaMode::kKeep, .depth = BitDepth::kKeep}),
        format, options, pam);
  }
  switch (format) {
    case FileFormat::kPng:
      return encode_png(image, options);
    case FileFormat::kJpeg:
      return encode_jpeg(image, options);
    case FileFormat::kWebp:
      return encode_webp(image, options);
    case FileFormat::kTiff:
      return encode_tiff(image, options);
    case FileFormat::kBmp:
      return encode_bmp(image);
    case FileFormat::kPnm:
      return encode_pnm(image, pam);
    default:
      return internal_error("no encoder for {}", format_name(format));
  }
}

}  // namespace

Status check_size(string_view format, int64_t width, int64_t height, int64_t max_pixels) {
  if (width < 1 || height < 1) {
    return invalid_argument("{}: damaged: the size is {}x{}", format, width, height);
  }
  // The second bound keeps every product of pixels, channels and bytes inside 64 bits.
  const int64_t bound = std::min(max_pixels, int64_t{1} << 40);
  if (width > 0x7fffffff || height > 0x7fffffff || width > bound / height) {
    return limit_exceeded("{}: {}x{} pixels are more than the limit of {} (max_pixels)", format,
                          width, height, max_pixels);
  }
  return {};
}

Result<Image> make_image(int64_t width, int64_t height, int channels, int bits,
                         const Stopped& stopped) {
  Image image;
  image.width = static_cast<int>(width);
  image.height = static_cast<int>(height);
  image.channels = channels;
  image.bits = bits;
  FERRY_RETURN_IF_ERROR(bits == 8 ? grow(image.data, image.sample_count(), stopped)
                                  : grow(image.data16, image.sample_count(), stopped));
  return image;
}

Result<Encoded> encode_for_path(const std::filesystem::path& path, const Image& image,
                                const WriteOptions& options) {
  const FileFormat format = format_of_extension(path);
  if (format == FileFormat::kUnknown) {
    return unsupported_type(
        "no picture format is written for the extension '{}'; these are: .png .jpg .jpeg .webp "
        ".tif .tiff .bmp .pgm .ppm .pnm .pam",
        path.extension().string());
  }
  const std::string extension = lower_extension(path);
  if ((extension == ".pgm" && image.channels > 2) || (extension == ".ppm" && image.channels < 3)) {
    return unsupported_type("{} cannot hold a picture with {} channels; write .pnm", extension,
                            image.channels);
  }
  try {
    return encode_as(image, format, options, extension == ".pam");
  } catch (const std::bad_alloc&) {
    return out_of_memory("no memory left to encode {}x{} pixels", image.width, image.height);
  }
}

}  // namespace codec

FileFormat detect_format(std::span<const uint8_t> b) noexcept {
  using codec::has_at;
  using namespace std::string_view_literals;
  if (has_at(b, 0, "\x89PNG\r\n\x1a\n")) return FileFormat::kPng;
  if (has_at(b, 0, "\xff\xd8\xff")) return FileFormat::kJpeg;
  if (has_at(b, 0, "RIFF") && has_at(b, 8, "WEBP")) return FileFormat::kWebp;
  if (has_at(b, 0, "II*\0"sv) || has_at(b, 0, "MM\0*"sv)) return FileFormat::kTiff;
  if (has_at(b, 0, "II+\0"sv) || has_at(b, 0, "MM\0+"sv)) return FileFormat::kTiff;
  if (has_at(b, 0, "\0\0\0\x0cjP  \r\n\x87\n"sv)) return FileFormat::kJpeg2000;
  if (has_at(b, 0, "\xff\x4f\xff\x51")) return FileFormat::kJpeg2000;
  if (has_at(b, 0, "BM")) return FileFormat::kBmp;
  if (b.size() >= 3 && b[0] == 'P' && b[1] >= '1' && b[1] <= '7' &&
      (std::isspace(b[2]) != 0 || b[2] == '#')) {
    return FileFormat::kPnm;
  }
  return FileFormat::kUnknown;
}

FileFormat format_of_extension(const std::filesystem::path& path) {
  const std::string extension = codec::lower_extension(path);
  constexpr std::pair<std::string_view, FileFormat> kExtensions[] = {
      {".png", FileFormat::kPng},   {".jpg", FileFormat::kJpeg}, {".jpeg", FileFormat::kJpeg},
      {".webp", FileFormat::kWebp}, {".tif", FileFormat::kTiff}, {".tiff", FileFormat::kTiff},
      {".bmp", FileFormat::kBmp},   {".pgm", FileFormat::kPnm},  {".ppm", FileFormat::kPnm},
      {".pnm", FileFormat::kPnm},   {".pam", FileFormat::kPnm}};
  for (const auto& [name, format] : kExtensions) {
    if (extension == name) return format;
  }
  return FileFormat::kUnknown;
}

std::string_view format_name(FileFormat format) noexcept {
  switch (format) {
    case FileFormat::kPng:
      return "PNG";
    case FileFormat::kJpeg:
      return "JPEG";
    case FileFormat::kWebp:
      return "WebP";
    case FileFormat::kTiff:
      return "TIFF";
    case FileFormat::kJpeg2000:
      return "JPEG 2000";
    case FileFormat::kBmp:
      return "BMP";
    case FileFormat::kPnm:
      return "PNM";
    case FileFormat::kUnknown:
      break;
  }
  return "unknown";
}

Result<Image> decode_image(std::span<const uint8_t> bytes, const DecodeOptions& options) {
  try {
    FERRY_ASSIGN_OR_RETURN(codec::Decoded decoded,
                           codec::decode(bytes, options.max_pixels, options.stopped));
    if (options.apply_orientation && decoded.orientation != 1) {
      FERRY_RETURN_IF_ERROR(
          codec::apply_orientation(decoded.image, decoded.orientation, options.stopped));
      decoded.image.notes.push_back(
          fmt::format("turned upright (orientation {})", decoded.orientation));
    }
    Image image = convert_image(std::move(decoded.image), options);
    FERRY_RETURN_IF_ERROR(codec::check_stopped(options.stopped));
    return image;
  } catch (const std::bad_alloc&) {
    return out_of_memory("no memory left to decode a {} file of {} bytes",
                         format_name(detect_format(bytes)), bytes.size());
  }
}

Result<std::vector<uint8_t>> encode_image(const Image& image, FileFormat format,
                                          const WriteOptions& options) {
  try {
    // PNM bytes carry no extension: alpha, which only PAM holds, chooses PAM.
    return codec::encode_as(image, format, options,
                            format == FileFormat::kPnm && image.has_alpha());
  } catch (const std::bad_alloc&) {
    return out_of_memory("no memory left to encode {}x{} pixels", image.width, image.height);
  }
}

}  // namespace ferry
