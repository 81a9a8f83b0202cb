// SPDX-License-Identifier: Apache-2.0
#include "npz.h"

#include <zlib.h>

#include <cstring>

#include "npy.h"
#include "verb.h"

namespace ferry::cli {
namespace {

constexpr uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50;
constexpr uint32_t kEnd64 = 0x06064b50, kLocator64 = 0x07064b50;
constexpr uint32_t kFull32 = 0xFFFFFFFF;
constexpr size_t kEndBytes = 22, kCentralBytes = 46, kLocalBytes = 30;

// Little-endian fields of an archive; every read is checked.
struct Archive {
  std::span<const std::byte> bytes;
  const std::string& path;

  [[noreturn]] void damaged(const char* what) const {
    fail(Code::kInvalidArgument, "{}: no .npz file, or damaged: {}", path, what);
  }
  std::span<const std::byte> at(uint64_t from, uint64_t size) const {
    if (from > bytes.size() || size > bytes.size() - from) damaged("truncated");
    return bytes.subspan(from, size);
  }
  template <class T>
  T read(uint64_t from) const {
    T value;
    std::memcpy(&value, at(from, sizeof(T)).data(), sizeof(T));
    return value;
  }
};

struct Entry {
  std::string name;
  uint16_t method = 0, flags = 0;
  uint32_t crc = 0;
  uint64_t packed = 0, size = 0, local = 0;
};

uint64_t find_end(const Archive& zip) {
  // A comment of at most 64 KiB may follow the end record.
  const size_t n = zip.bytes.size();
  for (size_t back = kEndBytes; back <= std::min<size_t>(n, kEndBytes + 0xFFFF); ++back) {
    if (zip.read<uint32_t>(n - back) == kEnd) return n - back;
  }
  zip.damaged("no end record");
}

// Sizes that do not fit 32 bits stand in an extra field, in the order of those that overflowed.
void read_extra64(const Archive& zip, Entry& e, uint64_t from, uint64_t size) {
  for (uint64_t at = from; at + 4 <= from + size;) {
    const auto tag = zip.read<uint16_t>(at), length = zip.read<uint16_t>(at + 2);
    if (tag == 1) {
      uint64_t field = at + 4;
      for (uint64_t* value : {&e.size, &e.packed, &e.local}) {
        if (*value != kFull32) continue;
        *value = zip.read<uint64_t>(field);
        field += 8;
      }
      return;
    }
    at += 4 + uint64_t{length};
  }
}

std::vector<Entry> list_entries(const Archive& zip) {
  const uint64_t end = find_end(zip);
  uint64_t count = zip.read<uint16_t>(end + 10), at = zip.read<uint32_t>(end + 16);
  if ((count == 0xFFFF || at == kFull32) && end >= 20 &&
      zip.read<uint32_t>(end - 20) == kLocator64) {
    const auto end64 = zip.read<uint64_t>(end - 12);
    if (zip.read<uint32_t>(end64) != kEnd64) zip.damaged("bad end record");
    count = zip.read<uint64_t>(end64 + 32);
    at = zip.read<uint64_t>(end64 + 48);
  }
  std::vector<Entry> entries;
  for (uint64_t i = 0; i < count; ++i) {
    if (zip.read<uint32_t>(at) != kCentral) zip.damaged("bad directory");
    Entry e;
    e.flags = zip.read<uint16_t>(at + 8);
    e.method = zip.read<uint16_t>(at + 10);
    e.crc = zip.read<uint32_t>(at + 16);
    e.packed = zip.read<uint32_t>(at + 20);
    e.size = zip.read<uint32_t>(at + 24);
    e.local = zip.read<uint32_t>(at + 42);
    const uint64_t name = zip.read<uint16_t>(at + 28), extra = zip.read<uint16_t>(at + 30);
    const auto text = zip.at(at + kCentralBytes, name);
    e.name.assign(reinterpret_cast<const char*>(text.data()), text.size());
    read_extra64(zip, e, at + kCentralBytes + name, extra);
    at += kCentralBytes + name + extra + zip.read<uint16_t>(at + 32);
    entries.push_back(std::move(e));
  }
  return entries;
}

std::vector<std::byte> inflate_entry(const Archive& zip, const Entry& e,
                                     std::span<const std::byte> packed) {
  // Deflate cannot pack better than about 1032 to 1: a larger claim is a lie.
  if (e.size / 1100 > packed.size() + 1) zip.damaged("impossible size");
  std::vector<std::byte> out(e.size);
  z_stream z{};
  if (inflateInit2(&z, -MAX_WBITS) != Z_OK) fail(Code::kOutOfMemory, "{}: zlib", zip.path);
  constexpr uint64_t kPiece = 1U << 30;  // zlib counts in 32 bits
  uint64_t in = 0, made = 0;
  int state = Z_OK;
  while (state == Z_OK) {
    const auto give = static_cast<uInt>(std::min<uint64_t>(packed.size() - in, kPiece));
    const auto take = static_cast<uInt>(std::min<uint64_t>(e.size - made, kPiece));
    z.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data() + in));
    z.avail_in = give;
    z.next_out = reinterpret_cast<Bytef*>(out.data() + made);
    z.avail_out = take;
    state = inflate(&z, Z_NO_FLUSH);
    in += give - z.avail_in;
    made += take - z.avail_out;
    if (give == z.avail_in && take == z.avail_out) break;
  }
  inflateEnd(&z);
  if (state != Z_STREAM_END || made != e.size) zip.damaged("bad compressed data");
  return out;
}

uint32_t crc_of(std::span<const std::byte> bytes) {
  return static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

Tensor read_entry(const Archive& zip, const Entry& e) {
  if ((e.flags & 1) != 0) zip.damaged("encrypted");
  if (zip.read<uint32_t>(e.local) != kLocal) zip.damaged("bad entry");
  const uint64_t from =
      e.local + kLocalBytes + zip.read<uint16_t>(e.local + 26) + zip.read<uint16_t>(e.local + 28);
  std::span<const std::byte> data = zip.at(from, e.packed);
  std::vector<std::byte> inflated;
  if (e.method == 8) {
    inflated = inflate_entry(zip, e, data);
    data = inflated;
  } else if (e.method != 0) {
    fail(Code::kUnsupportedType, "{}: '{}' is packed by method {}; wanted stored or deflate",
         zip.path, e.name, e.method);
  }
  if (crc_of(data) != e.crc) zip.damaged("wrong checksum");
  return parse_npy(data, fmt::format("{}: '{}'", zip.path, e.name));
}

// Grows by little-endian fields.
struct Writer {
  std::vector<std::byte> bytes;
  template <class T>
  Writer& put(T value) {
    const auto* p = reinterpret_cast<const std::byte*>(&value);
    bytes.insert(bytes.end(), p, p + sizeof(T));
    return *this;
  }
  Writer& text(const std::string& s) {
    const auto* p = reinterpret_cast<const std::byte*>(s.data());
    bytes.insert(bytes.end(), p, p + s.size());
    return *this;
  }
};

// The fields that local and central records share; sizes stand in the extra field.
void put_common(Writer& w, const Entry& e) {
  constexpr uint16_t kVersion = 45, kUtf8 = 1 << 11;
  constexpr uint16_t kDate = (1 << 5) | 1;  // 1980-01-01: files do not depend on the clock
  w.put(kVersion).put(kUtf8).put(uint16_t{0}).put(uint16_t{0}).put(kDate).put(e.crc);
  w.put(kFull32).put(kFull32).put(static_cast<uint16_t>(e.name.size()));
}

void put_local(Writer& w, const Entry& e) {
  put_common(w.put(kLocal), e);
  w.put(uint16_t{20}).text(e.name).put(uint16_t{1}).put(uint16_t{16}).put(e.size).put(e.size);
}

void put_central(Writer& w, const Entry& e) {
  w.put(kCentral).put(uint16_t{45});
  put_common(w, e);
  w.put(uint16_t{28}).put(uint16_t{0}).put(uint16_t{0}).put(uint16_t{0}).put(uint32_t{0});
  w.put(kFull32).text(e.name);
  w.put(uint16_t{1}).put(uint16_t{24}).put(e.size).put(e.size).put(e.local);
}

}  // namespace

NamedTensors read_npz(const std::string& path) {
  const std::vector<std::byte> bytes = read_file(path);
  const Archive zip{bytes, path};
  NamedTensors tensors;
  for (const Entry& e : list_entries(zip)) {
    std::string name = e.name;
    if (name.ends_with(".npy")) name.resize(name.size() - 4);
    tensors.emplace_back(name, read_entry(zip, e));
  }
  return tensors;
}

void write_npz(const std::string& path, const NamedTensors& tensors,
               std::vector<std::string>& notes) {
  Writer w;
  std::vector<Entry> entries;
  for (const auto& [name, tensor] : tensors) {
    std::string note;
    const std::vector<std::byte> data = to_npy(tensor, note);
    if (!note.empty()) notes.push_back(fmt::format("output '{}' {}", name, note));
    Entry e;
    e.name = name + ".npy";
    e.crc = crc_of(data);
    e.size = data.size();
    e.local = w.bytes.size();
    put_local(w, e);
    w.bytes.insert(w.bytes.end(), data.begin(), data.end());
    entries.push_back(std::move(e));
  }
  const uint64_t start = w.bytes.size();
  for (const Entry& e : entries) put_central(w, e);
  const uint64_t end = w.bytes.size(), count = entries.size();
  w.put(kEnd64).put(uint64_t{44}).put(uint16_t{45}).put(uint16_t{45}).put(uint32_t{0});
  w.put(uint32_t{0}).put(count).put(count).put(end - start).put(start);
  w.put(kLocator64).put(uint32_t{0}).put(end).put(uint32_t{1});
  w.put(kEnd).put(uint16_t{0}).put(uint16_t{0}).put(uint16_t{0xFFFF}).put(uint16_t{0xFFFF});
  w.put(kFull32).put(kFull32).put(uint16_t{0});
  write_file(path, w.bytes);
}

}  // namespace ferry::cli
