// SPDX-License-Identifier: Apache-2.0
// Windows and OS/2 bitmaps: 1, 4, 8, 16, 24 and 32 bits, RLE4, RLE8, bit fields, either row order.
// Own code, no library.
#include <algorithm>
#include <array>
#include <bit>

#include "base/status.h"
#include "codec/formats.h"

namespace ferry::codec {
namespace {

constexpr std::string_view kDamaged = "BMP: damaged: ";
constexpr size_t kFileHeader = 14;

enum Compression : uint32_t {
  kNone = 0,
  kRle8 = 1,
  kRle4 = 2,
  kBitFields = 3,
  kAlphaBitFields = 6
};

struct Header {
  int64_t width = 0, height = 0;
  bool top_down = false;
  uint32_t bits = 0, compression = kNone;
  uint32_t palette_size = 0, palette_entry = 4;
  size_t palette_at = 0, pixels_at = 0;
  std::array<uint32_t, 4> masks{};  // red, green, blue, alpha

  bool has_palette() const { return bits <= 8; }
  int64_t row_bytes() const { return (width * bits + 31) / 32 * 4; }
};

void set_masks(Bytes bytes, uint32_t info_size, Header& header) {
  const bool in_file = header.compression == kBitFields || header.compression == kAlphaBitFields;
  if (!in_file) {
    header.masks = header.bits == 16 ? std::array<uint32_t, 4>{0x7c00, 0x3e0, 0x1f, 0}
                                     : std::array<uint32_t, 4>{0xff0000, 0xff00, 0xff, 0};
    return;
  }
  const bool alpha = info_size >= 56 || header.compression == kAlphaBitFields;
  for (size_t i = 0; i < (alpha ? 4u : 3u); ++i) header.masks[i] = le32(bytes, 54 + i * 4);
  // A short info header is followed by its masks.
  if (info_size == 40) header.palette_at += alpha ? 16 : 12;
}

Status read_os2_header(Bytes bytes, Header& header) {
  header.width = le16(bytes, 18);
  header.height = le16(bytes, 20);
  header.bits = le16(bytes, 24);
  header.palette_entry = 3;
  set_masks(bytes, 12, header);
  return {};
}

Status read_windows_header(Bytes bytes, uint32_t info_size, Header& header) {
  header.width = static_cast<int32_t>(le32(bytes, 18));
  header.height = static_cast<int32_t>(le32(bytes, 22));
  header.bits = le16(bytes, 28);
  header.compression = le32(bytes, 30);
  header.palette_size = le32(bytes, 46);
  header.top_down = header.height < 0;
  if (header.top_down) header.height = -header.height;
  const size_t masks_end = 54 + 16;
  if (header.compression != kNone && bytes.size() < masks_end) {
    return invalid_argument("{}truncated inside the header", kDamaged);
  }
  set_masks(bytes, info_size, header);
  return {};
}

Status check_variant(const Header& header) {
  const uint32_t bits = header.bits, compression = header.compression;
  if (compression == 4 || compression == 5) {
    return unsupported_type("BMP: a bitmap that wraps a {} is not read",
                            compression == 4 ? "JPEG" : "PNG");
  }
  const bool plain = compression == kNone && (bits == 1 || bits == 4 || bits == 8 || bits == 16 ||
                                              bits == 24 || bits == 32);
  const bool masked = compression == kBitFields || compression == kAlphaBitFields;
  const bool fields = masked && (bits == 16 || bits == 32);
  if (fields && (header.masks[0] == 0 || header.masks[1] == 0 || header.masks[2] == 0)) {
    return invalid_argument("{}a colour has no bits", kDamaged);
  }
  const bool runs = (compression == kRle8 && bits == 8) || (compression == kRle4 && bits == 4);
  if (plain || fields || (runs && !header.top_down)) return {};
  return unsupported_type("BMP: {} bits per pixel with compression {} are not read", bits,
                          compression);
}

Result<Header> read_header(Bytes bytes) {
  if (bytes.size() < kFileHeader + 12) {
    return invalid_argument("{}truncated inside the header", kDamaged);
  }
  Header header;
  const uint32_t info_size = le32(bytes, 14);
  header.pixels_at = le32(bytes, 10);
  header.palette_at = kFileHeader + info_size;
  if (info_size == 12) {
    FERRY_RETURN_IF_ERROR(read_os2_header(bytes, header));
  } else if (info_size >= 40 && info_size <= 124) {
    if (bytes.size() < kFileHeader + info_size) {
      return invalid_argument("{}truncated inside the header", kDamaged);
    }
    FERRY_RETURN_IF_ERROR(read_windows_header(bytes, info_size, header));
  } else {
    return unsupported_type("BMP: an information header of {} bytes is not read", info_size);
  }
  FERRY_RETURN_IF_ERROR(check_variant(header));
  if (header.has_palette()) {
    const uint32_t most = 1u << header.bits;
    header.palette_size = header.palette_size == 0 ? most : std::min(header.palette_size, most);
    // Files exist whose palette is shorter than it should be, cut off by the pixels.
    if (header.pixels_at > header.palette_at) {
      const size_t room = (header.pixels_at - header.palette_at) / header.palette_entry;
      header.palette_size = static_cast<uint32_t>(std::min<size_t>(header.palette_size, room));
    }
  }
  return header;
}

using Palette = std::array<std::array<uint8_t, 3>, 256>;

// Colours past the end of the palette are black.
Result<Palette> read_palette(Bytes bytes, const Header& header) {
  Palette palette{};
  const size_t end = header.palette_at + size_t{header.palette_size} * header.palette_entry;
  if (end > bytes.size()) return invalid_argument("{}truncated inside the palette", kDamaged);
  for (size_t i = 0; i < header.palette_size; ++i) {
    const size_t at = header.palette_at + i * header.palette_entry;
    palette[i] = {bytes[at + 2], bytes[at + 1], bytes[at]};
  }
  return palette;
}

// Indices of a run-length coded picture, bottom row first. Pixels that the file skips are colour 0.
class RunReader {
 public:
  RunReader(Bytes bytes, const Header& header)
      : bytes_(bytes),
        width_(static_cast<size_t>(header.width)),
        height_(static_cast<size_t>(header.height)),
        four_bits_(header.bits == 4) {}

  Result<std::vector<uint8_t>> read(const Stopped& stopped) {
    FERRY_RETURN_IF_ERROR(grow(indices_, width_ * height_, stopped));
    for (size_t runs = 0; y_ < height_; ++runs) {
      if (runs % 4096 == 0) FERRY_RETURN_IF_ERROR(check_stopped(stopped));
      if (at_ + 2 > bytes_.size()) return truncated();
      const uint8_t count = bytes_[at_], value = bytes_[at_ + 1];
      at_ += 2;
      if (count > 0) {
        for (size_t i = 0; i < count; ++i) put(pick(value, i));
      } else if (value == 0) {
        x_ = 0, ++y_;
      } else if (value == 1) {
        break;
      } else if (value == 2) {
        if (at_ + 2 > bytes_.size()) return truncated();
        x_ += bytes_[at_], y_ += bytes_[at_ + 1];
        at_ += 2;
      } else if (!literal(value)) {
        return truncated();
      }
    }
    return std::move(indices_);
  }

 private:
  static Status truncated() { return invalid_argument("{}truncated inside the pixels", kDamaged); }

  uint8_t pick(uint8_t value, size_t i) const {
    if (!four_bits_) return value;
    return i % 2 == 0 ? value >> 4 : value & 15;
  }

  void put(uint8_t index) {
    if (x_ < width_ && y_ < height_) indices_[y_ * width_ + x_] = index;
    ++x_;
  }

  // `n` pixels as they are, padded to 16 bits.
  bool literal(size_t n) {
    const size_t size = four_bits_ ? (n + 1) / 2 : n;
    if (at_ + size > bytes_.size()) return false;
    for (size_t i = 0; i < n; ++i) put(pick(bytes_[at_ + (four_bits_ ? i / 2 : i)], i));
    at_ += size + size % 2;
    return true;
  }

  Bytes bytes_;
  size_t width_, height_;
  bool four_bits_;
  std::vector<uint8_t> indices_;
  size_t at_ = 0, x_ = 0, y_ = 0;
};

void put_palette_row(const uint8_t* row, const Header& header, const Palette& palette,
                     uint8_t* to) {
  const uint32_t per_byte = 8 / header.bits, mask = (1u << header.bits) - 1;
  for (size_t x = 0; x < static_cast<size_t>(header.width); ++x) {
    const uint32_t shift = header.bits * static_cast<uint32_t>(per_byte - 1 - x % per_byte);
    const auto& colour = palette[row[x / per_byte] >> shift & mask];
    to = std::copy(colour.begin(), colour.end(), to);
  }
}

// 24 bits, and 32 bits whose masks are whole bytes go through the same general path as 16 bits.
void put_colour_row(Bytes row, const Header& header, int channels, uint8_t* to) {
  if (header.bits == 24) {
    for (size_t x = 0; x < static_cast<size_t>(header.width); ++x, to += 3) {
      to[0] = row[x * 3 + 2], to[1] = row[x * 3 + 1], to[2] = row[x * 3];
    }
    return;
  }
  for (size_t x = 0; x < static_cast<size_t>(header.width); ++x) {
    const uint32_t pixel = header.bits == 16 ? le16(row, x * 2) : le32(row, x * 4);
    for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
      const uint32_t mask = header.masks[c];
      const uint64_t low = mask >> std::countr_zero(mask);
      // Rounded down, as Pillow does.
      *to++ = static_cast<uint8_t>(uint64_t{(pixel & mask) >> std::countr_zero(mask)} * 255 / low);
    }
  }
}

// A palette of greys in a picture without other colours is a grey picture.
bool is_grey(const Palette& palette, uint32_t size) {
  return std::all_of(palette.begin(), palette.begin() + size,
                     [](const auto& c) { return c[0] == c[1] && c[1] == c[2]; });
}

Status keep_red(Image& image, const Stopped& stopped) {
  FERRY_RETURN_IF_ERROR(in_parts(image.data.size() / 3, stopped, [&](size_t i, size_t end) {
    for (; i < end; ++i) image.data[i] = image.data[i * 3];
  }));
  image.channels = 1;
  image.data.resize(image.sample_count());
  return {};
}

Result<Decoded> decode_palette(Bytes bytes, Bytes pixels, Header header, const Stopped& stopped) {
  FERRY_ASSIGN_OR_RETURN(const Palette palette, read_palette(bytes, header));
  std::vector<uint8_t> indices;
  const uint8_t* rows = pixels.data();
  int64_t row_bytes = header.row_bytes();
  if (header.compression != kNone) {
    FERRY_ASSIGN_OR_RETURN(indices, RunReader(pixels, header).read(stopped));
    rows = indices.data();
    row_bytes = header.width;
    header.bits = 8;
  }
  Decoded decoded;
  FERRY_ASSIGN_OR_RETURN(decoded.image, make_image(header.width, header.height, 3, 8, stopped));
  for (int64_t y = 0; y < header.height; ++y) {
    FERRY_RETURN_IF_ERROR(check_stopped(stopped));
    const int64_t from = header.top_down ? y : header.height - 1 - y;
    put_palette_row(rows + from * row_bytes, header, palette,
                    &decoded.image.data[static_cast<size_t>(y * header.width * 3)]);
  }
  decoded.image.notes.push_back("palette expanded");
  if (is_grey(palette, header.palette_size)) {
    FERRY_RETURN_IF_ERROR(keep_red(decoded.image, stopped));
  }
  return decoded;
}

}  // namespace

Result<Decoded> decode_bmp(Bytes bytes, int64_t max_pixels, const Stopped& stopped) {
  FERRY_ASSIGN_OR_RETURN(const Header header, read_header(bytes));
  FERRY_RETURN_IF_ERROR(check_size("BMP", header.width, header.height, max_pixels));
  if (header.pixels_at > bytes.size()) {
    return invalid_argument("{}truncated before the pixels", kDamaged);
  }
  const Bytes pixels = bytes.subspan(header.pixels_at);
  const bool runs = header.compression == kRle8 || header.compression == kRle4;
  const int64_t needed = header.row_bytes() * header.height;
  if (!runs && static_cast<int64_t>(pixels.size()) < needed) {
    return invalid_argument("{}truncated: {}x{} pixels of {} bits need {} bytes, the file has {}",
                            kDamaged, header.width, header.height, header.bits, needed,
                            pixels.size());
  }
  if (header.has_palette()) return decode_palette(bytes, pixels, header, stopped);
  const int channels = header.masks[3] != 0 ? 4 : 3;
  Decoded decoded;
  FERRY_ASSIGN_OR_RETURN(decoded.image,
                         make_image(header.width, header.height, channels, 8, stopped));
  const size_t row_bytes = static_cast<size_t>(header.row_bytes());
  for (int64_t y = 0; y < header.height; ++y) {
    FERRY_RETURN_IF_ERROR(check_stopped(stopped));
    const int64_t from = header.top_down ? y : header.height - 1 - y;
    put_colour_row(pixels.subspan(static_cast<size_t>(from) * row_bytes, row_bytes), header,
                   channels, &decoded.image.data[static_cast<size_t>(y * header.width * channels)]);
  }
  return decoded;
}

Result<Encoded> encode_bmp(const Image& image) {
  const int channels = image.channels;
  const uint32_t bits = static_cast<uint32_t>(channels) * 8;
  const uint32_t info_size = channels == 4 ? 108 : 40;
  const uint32_t palette_bytes = channels == 1 ? 1024 : 0;
  const size_t width = static_cast<size_t>(image.width),
               row = width * static_cast<size_t>(channels);
  const size_t padding = (4 - row % 4) % 4;
  const size_t pixel_bytes = (row + padding) * static_cast<size_t>(image.height);
  const size_t pixels_at = kFileHeader + info_size + palette_bytes;
  if (pixel_bytes > 0xffffffffu - pixels_at) {
    return unsupported_type("BMP holds at most 4 GiB, the picture is {}x{}", image.width,
                            image.height);
  }
  Encoded out{'B', 'M'};
  out.reserve(pixels_at + pixel_bytes);
  for (const size_t v : {pixels_at + pixel_bytes, size_t{0}, pixels_at, size_t{info_size}, width,
                         static_cast<size_t>(image.height)}) {
    put_le32(out, static_cast<uint32_t>(v));
  }
  put_le16(out, 1);
  put_le16(out, bits);
  constexpr uint32_t kDotsPerMetre = 2835;  // 72 per inch
  for (const uint32_t v :
       {channels == 4 ? uint32_t{kBitFields} : uint32_t{kNone}, static_cast<uint32_t>(pixel_bytes),
        kDotsPerMetre, kDotsPerMetre, 0u, 0u}) {
    put_le32(out, v);
  }
  if (channels == 4) {
    for (const uint32_t v : {0xff0000u, 0xff00u, 0xffu, 0xff000000u}) put_le32(out, v);
    put_le32(out, 0x73524742);  // sRGB
    out.resize(pixels_at);
  }
  for (uint32_t i = 0; i < palette_bytes / 4; ++i) put_le32(out, i * 0x010101);
  for (size_t y = static_cast<size_t>(image.height); y-- > 0;) {
    const uint8_t* p = &image.data[y * row];
    for (size_t x = 0; x < width; ++x, p += channels) {
      if (channels == 1) {
        out.push_back(p[0]);
      } else {
        out.insert(out.end(), {p[2], p[1], p[0]});
        if (channels == 4) out.push_back(p[3]);
      }
    }
    out.insert(out.end(), padding, 0);
  }
  return out;
}

}  // namespace ferry::codec
