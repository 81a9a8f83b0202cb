// SPDX-License-Identifier: Apache-2.0
#include "npy.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "verb.h"

namespace ferry::cli {
namespace {

constexpr std::array<unsigned char, 6> kMagic = {0x93, 'N', 'U', 'M', 'P', 'Y'};
static_assert(std::endian::native == std::endian::little);

struct TypeCode {
  const char* text;
  DType type;
};
constexpr TypeCode kTypes[] = {
    {"f4", DType::kFloat32},   {"f8", DType::kFloat64},    {"f2", DType::kFloat16},
    {"u1", DType::kUInt8},     {"i1", DType::kInt8},       {"u2", DType::kUInt16},
    {"i2", DType::kInt16},     {"u4", DType::kUInt32},     {"i4", DType::kInt32},
    {"u8", DType::kUInt64},    {"i8", DType::kInt64},      {"b1", DType::kBool},
    {"c8", DType::kComplex64}, {"c16", DType::kComplex128}};

struct Header {
  std::string descr;
  bool fortran = false;
  Dims dims;
  size_t data_at = 0;
};

[[noreturn]] void damaged(const std::string& who, const std::string& what) {
  fail(Code::kInvalidArgument, "{}: {}", who, what);
}

// What stands behind 'key': in the header's dictionary.
std::string after_key(const std::string& text, const std::string& key, const std::string& who) {
  const size_t at = text.find("'" + key + "'");
  if (at == std::string::npos) damaged(who, "the .npy header lacks '" + key + "'");
  const size_t from = text.find_first_not_of(' ', text.find(':', at) + 1);
  return from == std::string::npos ? "" : text.substr(from);
}

Header parse_header(std::span<const std::byte> bytes, const std::string& who) {
  if (bytes.size() < 10 || std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) {
    damaged(who, "no .npy file");
  }
  const auto byte = [&](size_t i) { return std::to_integer<size_t>(bytes[i]); };
  const bool wide = byte(6) >= 2;
  if (byte(6) < 1 || byte(6) > 3 || (wide && bytes.size() < 12))
    damaged(who, "unknown .npy version");
  const size_t start = wide ? 12 : 10;
  const size_t length = byte(8) | byte(9) << 8 | (wide ? byte(10) << 16 | byte(11) << 24 : 0);
  if (length > bytes.size() - start) damaged(who, "truncated in the .npy header");
  const std::string text(reinterpret_cast<const char*>(bytes.data()) + start, length);
  Header header;
  header.data_at = start + length;
  header.fortran = after_key(text, "fortran_order", who).starts_with("True");
  const std::string descr = after_key(text, "descr", who);
  if (!descr.starts_with("'")) {
    fail(Code::kUnsupportedType, "{}: records are not read, only plain arrays", who);
  }
  header.descr = descr.substr(1, descr.find('\'', 1) - 1);
  const std::string shape = after_key(text, "shape", who);
  if (!shape.starts_with("(") || shape.find(')') == std::string::npos) {
    damaged(who, "the .npy header has no shape");
  }
  for (const char* p = shape.data() + 1; *p != ')';) {
    if (*p == ' ' || *p == ',') {
      ++p;
      continue;
    }
    int64_t size = 0;
    const auto [end, error] = std::from_chars(p, shape.data() + shape.size(), size);
    if (error != std::errc() || size < 0) damaged(who, "a dim in the .npy header is no size");
    if (header.dims.size() == Dims::kMaxRank) damaged(who, "more than 16 dims");
    header.dims.push_back(size);
    p = end;
  }
  return header;
}

// Row-major from column-major elements of `width` bytes.
void turn(const std::byte* from, const Dims& dims, size_t width, std::byte* to) {
  const int64_t count = dims.count();
  std::vector<int64_t> index(dims.size(), 0);
  for (int64_t i = 0; i < count; ++i) {
    int64_t at = 0;
    for (size_t d = dims.size(); d-- > 0;) at = at * dims[d] + index[d];
    std::memcpy(to + static_cast<size_t>(i) * width, from + static_cast<size_t>(at) * width, width);
    for (size_t d = dims.size(); d-- > 0;) {
      if (++index[d] < dims[d]) break;
      index[d] = 0;
    }
  }
}

void append_utf8(std::string& text, uint32_t c) {
  const auto put = [&](uint32_t v) { text += static_cast<char>(v); };
  if (c < 0x80) return put(c);
  if (c < 0x800) return put(0xC0 | c >> 6), put(0x80 | (c & 0x3F));
  if (c < 0x10000) return put(0xE0 | c >> 12), put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F));
  put(0xF0 | (c >> 18 & 7)), put(0x80 | (c >> 12 & 0x3F)), put(0x80 | (c >> 6 & 0x3F));
  put(0x80 | (c & 0x3F));
}

// One element of a string array: '<U5' (UTF-32) or '|S5' (bytes), padded with zeros.
std::string parse_string(const std::byte* from, size_t width, bool unicode, bool swap) {
  std::string text;
  if (!unicode) {
    text.assign(reinterpret_cast<const char*>(from), width);
    text.erase(text.find_last_not_of('\0') + 1);
    return text;
  }
  for (size_t i = 0; i + 4 <= width; i += 4) {
    uint32_t c = 0;
    std::memcpy(&c, from + i, 4);
    if (swap) c = __builtin_bswap32(c);
    if (c == 0) break;
    append_utf8(text, c);
  }
  return text;
}

Tensor allocate(DType type, const Dims& dims) { return Tensor::allocate(type, dims).value(); }

// Bytes that `dims` elements of `width` need, which must be all that the file has left.
void check_size(const Header& header, size_t width, size_t left, const std::string& who) {
  uint64_t need = width;
  for (int64_t d : header.dims) {
    if (__builtin_mul_overflow(need, static_cast<uint64_t>(d), &need)) damaged(who, "too large");
  }
  if (need > left) {
    fail(Code::kInvalidArgument, "{}: truncated: {} bytes of elements, wanted {}", who, left, need);
  }
}

uint32_t utf8_at(const std::string& s, size_t& i) {
  const auto byte = [&](size_t k) {
    return static_cast<uint32_t>(static_cast<unsigned char>(s[k]));
  };
  const uint32_t c = byte(i++);
  const int more = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : c >= 0xC0 ? 1 : 0;
  uint32_t v = more == 0 ? c : c & (0x3Fu >> more);
  for (int k = 0; k < more && i < s.size(); ++k) v = v << 6 | (byte(i++) & 0x3F);
  return v;
}

float widened(const Tensor& t, int64_t i) {
  // The library's own conversions are not public; these few formats are cheap to spell out.
  const auto* bytes = static_cast<const uint8_t*>(t.raw());
  if (t.dtype() == DType::kBFloat16) {
    return std::bit_cast<float>(static_cast<uint32_t>(t.data<uint16_t>()[i]) << 16);
  }
  if (t.dtype() == DType::kFloat8E8M0) {
    return bytes[i] == 0xFF ? std::nanf("") : std::ldexp(1.0F, bytes[i] - 127);
  }
  const bool e4 = t.dtype() == DType::kFloat8E4M3FN || t.dtype() == DType::kFloat8E4M3FNUZ;
  const bool fnuz = t.dtype() == DType::kFloat8E4M3FNUZ || t.dtype() == DType::kFloat8E5M2FNUZ;
  const bool e2 = t.dtype() == DType::kFloat4E2M1;
  const unsigned bits = e2 ? bytes[i / 2] >> (i % 2 * 4) & 0xF : bytes[i];
  const int mantissa_bits = e2 ? 1 : e4 ? 3 : 2, width = e2 ? 4 : 8;
  const int exponent_bits = width - 1 - mantissa_bits;
  const int bias = (1 << (exponent_bits - 1)) - (fnuz ? 0 : 1);
  const unsigned mantissa = bits & ((1U << mantissa_bits) - 1);
  const int exponent = static_cast<int>(bits >> mantissa_bits & ((1U << exponent_bits) - 1));
  const float sign = bits >> (width - 1) != 0 ? -1.0F : 1.0F;
  if (fnuz && bits == 0x80) return std::nanf("");
  if (!fnuz && e4 && (bits & 0x7F) == 0x7F) return std::nanf("");
  if (!fnuz && !e4 && !e2 && exponent == 31) return mantissa != 0 ? std::nanf("") : sign * INFINITY;
  const float whole = exponent == 0 ? 0.0F : static_cast<float>(1 << mantissa_bits);
  return sign * std::ldexp(whole + static_cast<float>(mantissa),
                           std::max(exponent, 1) - bias - mantissa_bits);
}

// A packed integer of 2 or 4 bits as a byte.
uint8_t unpacked(const Tensor& t, int64_t i) {
  const int bits = dtype_bits(t.dtype());
  const int per_byte = 8 / bits;
  const unsigned raw = static_cast<const uint8_t*>(t.raw())[i / per_byte] >> (i % per_byte * bits) &
                       ((1U << bits) - 1);
  const bool is_signed = t.dtype() == DType::kInt4 || t.dtype() == DType::kInt2;
  const bool negative = is_signed && (raw >> (bits - 1)) != 0;
  return static_cast<uint8_t>(negative ? raw | (0xFFU << bits) : raw);
}

// `tensor` in a type that NumPy has.
Tensor numpy_tensor(const Tensor& tensor, std::string& note) {
  for (const TypeCode& t : kTypes) {
    if (t.type == tensor.dtype()) return tensor;
  }
  const bool integer = tensor.dtype() == DType::kInt4 || tensor.dtype() == DType::kUInt4 ||
                       tensor.dtype() == DType::kInt2 || tensor.dtype() == DType::kUInt2;
  const bool is_signed = tensor.dtype() == DType::kInt4 || tensor.dtype() == DType::kInt2;
  const DType type = !integer ? DType::kFloat32 : is_signed ? DType::kInt8 : DType::kUInt8;
  Tensor out = allocate(type, tensor.dims());
  for (int64_t i = 0; i < tensor.count(); ++i) {
    if (integer)
      out.data<uint8_t>()[i] = unpacked(tensor, i);
    else
      out.data<float>()[i] = widened(tensor, i);
  }
  note =
      fmt::format("written as {}: NumPy has no {}", dtype_name(type), dtype_name(tensor.dtype()));
  return out;
}

std::vector<std::byte> string_elements(const Tensor& tensor, std::string& descr) {
  std::vector<std::u32string> strings;
  size_t longest = 1;
  for (const std::string& s : tensor.elements<std::string>()) {
    std::u32string wide;
    for (size_t i = 0; i < s.size();) wide += static_cast<char32_t>(utf8_at(s, i));
    longest = std::max(longest, wide.size());
    strings.push_back(std::move(wide));
  }
  descr = fmt::format("<U{}", longest);
  std::vector<std::byte> bytes(strings.size() * longest * 4);
  for (size_t i = 0; i < strings.size(); ++i) {
    std::memcpy(bytes.data() + i * longest * 4, strings[i].data(), strings[i].size() * 4);
  }
  return bytes;
}

}  // namespace

Tensor parse_npy(std::span<const std::byte> bytes, const std::string& who) {
  const Header header = parse_header(bytes, who);
  const std::span<const std::byte> data = bytes.subspan(header.data_at);
  if (header.descr.size() < 2) damaged(who, "the .npy header has no element type");
  const bool swap = header.descr[0] == '>';
  const char kind = header.descr[1];
  const std::string code = header.descr.substr(1);
  if (kind == 'U' || kind == 'S') {
    size_t length = 0;
    std::from_chars(code.data() + 1, code.data() + code.size(), length);
    if (length > (size_t{1} << 30)) damaged(who, "too large");
    const size_t width = kind == 'U' ? length * 4 : length;
    check_size(header, std::max<size_t>(width, 1), width == 0 ? SIZE_MAX : data.size(), who);
    Tensor flat = allocate(DType::kString, header.dims);
    std::vector<std::byte> turned;
    const std::byte* from = data.data();
    if (header.fortran && width > 0) {
      turned.resize(static_cast<size_t>(header.dims.count()) * width);
      turn(from, header.dims, width, turned.data());
      from = turned.data();
    }
    for (int64_t i = 0; i < flat.count(); ++i) {
      flat.data<std::string>()[i] =
          parse_string(from + static_cast<size_t>(i) * width, width, kind == 'U', swap);
    }
    return flat;
  }
  for (const TypeCode& t : kTypes) {
    if (code != t.text) continue;
    const size_t width = static_cast<size_t>(dtype_bits(t.type)) / 8;
    check_size(header, width, data.size(), who);
    Tensor tensor = allocate(t.type, header.dims);
    auto* to = static_cast<std::byte*>(tensor.raw());
    if (header.fortran)
      turn(data.data(), header.dims, width, to);
    else if (tensor.size_bytes() > 0)
      std::memcpy(to, data.data(), tensor.size_bytes());
    const size_t part = kind == 'c' ? width / 2 : width;
    for (size_t i = 0; swap && i < tensor.size_bytes(); i += part)
      std::reverse(to + i, to + i + part);
    if (t.type == DType::kBool) {
      for (size_t i = 0; i < tensor.size_bytes(); ++i) to[i] = std::byte{to[i] != std::byte{0}};
    }
    return tensor;
  }
  fail(Code::kUnsupportedType, "{}: element type '{}' is not read", who, header.descr);
}

std::vector<std::byte> to_npy(const Tensor& tensor, std::string& note) {
  std::string descr;
  std::vector<std::byte> strings;
  Tensor plain;
  std::span<const std::byte> data;
  if (tensor.dtype() == DType::kString) {
    strings = string_elements(tensor, descr);
    data = strings;
  } else {
    plain = numpy_tensor(tensor, note);
    for (const TypeCode& t : kTypes) {
      if (t.type == plain.dtype()) descr = t.text;
    }
    descr.insert(0, dtype_bits(plain.dtype()) == 8 ? "|" : "<");
    data = {static_cast<const std::byte*>(plain.raw()), plain.size_bytes()};
  }
  std::string dims;
  for (int64_t d : tensor.dims()) dims += fmt::format("{}, ", d);
  if (tensor.rank() > 1) dims.resize(dims.size() - 2);
  if (tensor.rank() == 1) dims.pop_back();
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", descr, dims);
  // The elements start at a multiple of 64 bytes, as NumPy writes them.
  header.resize((10 + header.size() + 1 + 63) / 64 * 64 - 10 - 1, ' ');
  header += '\n';
  std::vector<std::byte> bytes(10 + header.size() + data.size());
  std::memcpy(bytes.data(), kMagic.data(), kMagic.size());
  bytes[6] = std::byte{1};
  bytes[8] = static_cast<std::byte>(header.size() & 0xFF);
  bytes[9] = static_cast<std::byte>(header.size() >> 8);
  std::memcpy(bytes.data() + 10, header.data(), header.size());
  if (!data.empty()) std::memcpy(bytes.data() + 10 + header.size(), data.data(), data.size());
  return bytes;
}

std::vector<std::byte> read_file(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    fail(Code::kIoError, "{}: is a directory", path);
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) fail(Code::kIoError, "{}: {}", path, std::strerror(errno));
  std::vector<std::byte> bytes(static_cast<size_t>(std::max<std::streamoff>(file.tellg(), 0)));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!file) fail(Code::kIoError, "{}: could not be read", path);
  return bytes;
}

void write_file(const std::string& path, std::span<const std::byte> bytes) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) fail(Code::kIoError, "{}: {}", path, std::strerror(errno));
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  int error = written ? 0 : errno;
  if (std::fclose(file) != 0 && error == 0) error = errno;
  if (error == 0) return;
  // A part of a file would pass for a damaged one.
  std::error_code ignored;
  if (std::filesystem::is_regular_file(path, ignored)) std::filesystem::remove(path, ignored);
  fail(Code::kIoError, "{}: cannot be written: {}", path, std::strerror(error));
}

void check_can_write(const std::string& path) {
  std::error_code ignored;
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  const bool there = std::filesystem::exists(path, ignored);
  const std::string place = there ? path : parent.empty() ? "." : parent.string();
  int error = access(place.c_str(), W_OK) == 0 ? 0 : errno;
  if (std::filesystem::is_directory(path, ignored)) error = EISDIR;
  if (error == 0) return;
  fail(Code::kIoError, "{}: cannot be written: {}", path, std::strerror(error));
}

}  // namespace ferry::cli
