// SPDX-License-Identifier: Apache-2.0
// Portable anymap: P1 to P6 (plain and raw bitmap, grey, colour) and P7 (PAM). Own code, no
// library.
#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>
#include <string_view>

#include "base/status.h"
#include "codec/convert.h"
#include "codec/formats.h"

namespace ferry::codec {
namespace {

constexpr std::string_view kDamaged = "PNM: damaged: ";

struct Header {
  char kind = '0';  // '1' to '7'
  int64_t width = 0, height = 0, channels = 0, max_value = 0;
  size_t pixels_at = 0;
};

bool is_space(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

class Tokens {
 public:
  Tokens(Bytes bytes, size_t at) : bytes_(bytes), at_(at) {}

  // Empty at the end of the file. Comments run from # to the end of the line.
  std::string_view next() {
    while (at_ < bytes_.size() && (is_space(bytes_[at_]) || bytes_[at_] == '#')) {
      if (bytes_[at_] == '#') {
        while (at_ < bytes_.size() && bytes_[at_] != '\n') ++at_;
      } else {
        ++at_;
      }
    }
    const size_t start = at_;
    while (at_ < bytes_.size() && !is_space(bytes_[at_]) && bytes_[at_] != '#') ++at_;
    return {reinterpret_cast<const char*>(bytes_.data()) + start, at_ - start};
  }

  Result<int64_t> number(std::string_view what, int64_t min, int64_t max) {
    const std::string_view text = next();
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty()) return invalid_argument("{}the file ends before the {}", kDamaged, what);
    if (error != std::errc() || end != text.data() + text.size() || value < min || value > max) {
      return invalid_argument("{}the {} is '{}', wanted {} to {}", kDamaged, what,
                              text.substr(0, 20), min, max);
    }
    return value;
  }

  // A single sample of a plain bitmap, which needs no space between digits.
  Result<int64_t> bit() {
    while (at_ < bytes_.size() && bytes_[at_] != '0' && bytes_[at_] != '1') {
      if (bytes_[at_] == '#') {
        while (at_ < bytes_.size() && bytes_[at_] != '\n') ++at_;
      } else if (is_space(bytes_[at_])) {
        ++at_;
      } else {
        return invalid_argument("{}a pixel of a bitmap is neither 0 nor 1", kDamaged);
      }
    }
    if (at_ == bytes_.size())
      return invalid_argument("{}the file ends before the pixels", kDamaged);
    return bytes_[at_++] - '0';
  }

  size_t at() const { return at_; }

 private:
  Bytes bytes_;
  size_t at_;
};

constexpr int64_t kMaxSide = 0x7fffffff;

Result<Header> read_pam_header(Bytes bytes) {
  Header header{.kind = '7'};
  Tokens tokens(bytes, 2);
  for (;;) {
    const std::string_view key = tokens.next();
    if (key == "ENDHDR") break;
    if (key == "TUPLTYPE") {
      if (tokens.next() == "CMYK") return unsupported_type("PNM: a PAM file of CMYK is not read");
    } else if (key == "WIDTH") {
      FERRY_ASSIGN_OR_RETURN(header.width, tokens.number("width", 1, kMaxSide));
    } else if (key == "HEIGHT") {
      FERRY_ASSIGN_OR_RETURN(header.height, tokens.number("height", 1, kMaxSide));
    } else if (key == "DEPTH") {
      FERRY_ASSIGN_OR_RETURN(header.channels, tokens.number("depth", 1, 4));
    } else if (key == "MAXVAL") {
      FERRY_ASSIGN_OR_RETURN(header.max_value, tokens.number("largest value", 1, 65535));
    } else {
      return invalid_argument("{}header line '{}' of a PAM file", kDamaged, key.substr(0, 20));
    }
  }
  if (header.width == 0 || header.height == 0 || header.channels == 0 || header.max_value == 0) {
    return invalid_argument("{}the header lacks WIDTH, HEIGHT, DEPTH or MAXVAL", kDamaged);
  }
  header.pixels_at = tokens.at() + 1;
  return header;
}

Result<Header> read_header(Bytes bytes) {
  if (bytes[1] == '7') return read_pam_header(bytes);
  Header header{.kind = static_cast<char>(bytes[1])};
  Tokens tokens(bytes, 2);
  header.channels = header.kind == '3' || header.kind == '6' ? 3 : 1;
  header.max_value = 1;
  FERRY_ASSIGN_OR_RETURN(header.width, tokens.number("width", 1, kMaxSide));
  FERRY_ASSIGN_OR_RETURN(header.height, tokens.number("height", 1, kMaxSide));
  if (header.kind != '1' && header.kind != '4') {
    FERRY_ASSIGN_OR_RETURN(header.max_value, tokens.number("largest value", 1, 65535));
  }
  header.pixels_at = tokens.at() + 1;  // exactly one space before raw pixels
  return header;
}

void put_sample(Image& image, size_t i, uint32_t value, uint32_t max_value) {
  value = std::min(value, max_value);
  if (image.bits == 8) {
    image.data[i] = static_cast<uint8_t>(rescale(value, max_value, 255));
  } else {
    image.data16[i] = static_cast<uint16_t>(rescale(value, max_value, 65535));
  }
}

Status read_plain(Bytes bytes, const Header& header, Image& image, const Stopped& stopped) {
  Tokens tokens(bytes, std::min(header.pixels_at, bytes.size()));
  for (size_t i = 0, n = image.sample_count(); i < n; ++i) {
    if (i % 4096 == 0) FERRY_RETURN_IF_ERROR(check_stopped(stopped));
    if (header.kind == '1') {
      FERRY_ASSIGN_OR_RETURN(const int64_t bit, tokens.bit());
      image.data[i] = bit == 0 ? 255 : 0;
    } else {
      FERRY_ASSIGN_OR_RETURN(const int64_t value, tokens.number("sample", 0, header.max_value));
      put_sample(image, i, static_cast<uint32_t>(value), static_cast<uint32_t>(header.max_value));
    }
  }
  return {};
}

Status read_raw(Bytes pixels, const Header& header, Image& image, const Stopped& stopped) {
  const auto max_value = static_cast<uint32_t>(header.max_value);
  const size_t width = static_cast<size_t>(image.width), row_bytes = (width + 7) / 8;
  return in_parts(image.sample_count(), stopped, [&](size_t i, size_t end) {
    if (header.kind == '4') {
      for (; i < end; ++i) {
        const size_t y = i / width, x = i % width;
        const bool black = (pixels[y * row_bytes + x / 8] >> (7 - x % 8) & 1) != 0;
        image.data[i] = black ? 0 : 255;
      }
    } else if (header.max_value == 255) {
      std::copy_n(pixels.data() + i, end - i, image.data.data() + i);
    } else if (header.max_value < 255) {
      for (; i < end; ++i) put_sample(image, i, pixels[i], max_value);
    } else {
      for (; i < end; ++i) put_sample(image, i, be16(pixels, i * 2), max_value);
    }
  });
}

}  // namespace

Result<Decoded> decode_pnm(Bytes bytes, int64_t max_pixels, const Stopped& stopped) {
  FERRY_ASSIGN_OR_RETURN(const Header header, read_header(bytes));
  FERRY_RETURN_IF_ERROR(check_size("PNM", header.width, header.height, max_pixels));
  const int64_t row_bytes = header.kind == '4'
                                ? (header.width + 7) / 8
                                : header.width * header.channels * (header.max_value > 255 ? 2 : 1);
  const bool plain = header.kind <= '3';
  const size_t left = bytes.size() - std::min(bytes.size(), header.pixels_at);
  // Plain samples take at least one byte each.
  const int64_t needed = (plain ? header.width * header.channels : row_bytes) * header.height;
  if (static_cast<int64_t>(left) < needed) {
    return invalid_argument("{}truncated: {}x{} pixels need {} bytes, the file has {}", kDamaged,
                            header.width, header.height, needed, left);
  }
  Decoded decoded;
  FERRY_ASSIGN_OR_RETURN(decoded.image,
                         make_image(header.width, header.height, static_cast<int>(header.channels),
                                    header.max_value > 255 ? 16 : 8, stopped));
  FERRY_RETURN_IF_ERROR(
      plain ? read_plain(bytes, header, decoded.image, stopped)
            : read_raw(bytes.subspan(header.pixels_at), header, decoded.image, stopped));
  if (header.max_value != 255 && header.max_value != 65535) {
    decoded.image.notes.push_back(
        fmt::format("samples up to {} scaled to {} bits", header.max_value, decoded.image.bits));
  }
  return decoded;
}

Result<Encoded> encode_pnm(const Image& image, bool pam) {
  constexpr std::string_view kTupleTypes[] = {"GRAYSCALE", "GRAYSCALE_ALPHA", "RGB", "RGB_ALPHA"};
  const int max_value = image.bits == 8 ? 255 : 65535;
  const std::string header =
      pam ? fmt::format("P7\nWIDTH {}\nHEIGHT {}\nDEPTH {}\nMAXVAL {}\nTUPLTYPE {}\nENDHDR\n",
                        image.width, image.height, image.channels, max_value,
                        kTupleTypes[image.channels - 1])
          : fmt::format("P{}\n{} {}\n{}\n", image.channels == 1 ? 5 : 6, image.width, image.height,
                        max_value);
  Encoded out(header.begin(), header.end());
  if (image.bits == 8) {
    out.insert(out.end(), image.data.begin(), image.data.end());
    return out;
  }
  out.reserve(out.size() + image.sample_count() * 2);
  for (const uint16_t sample : image.data16) {
    out.push_back(static_cast<uint8_t>(sample >> 8));
    out.push_back(static_cast<uint8_t>(sample));
  }
  return out;
}

}  // namespace ferry::codec
