// SPDX-License-Identifier: Apache-2.0
// ByteWriter, ByteReader: numbers, strings and lists as bytes, little-endian, nothing aligned.
//
// A reader never reads outside of its bytes: what goes wrong makes everything after it zero or
// empty, and ok() false. So a sequence of reads is checked once, at its end.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace ferry {

class ByteWriter {
 public:
  template <class T>
  requires std::is_arithmetic_v<T>
  void number(T value) { raw(&value, sizeof(value)); }
  void text(std::string_view s) {
    number(static_cast<uint32_t>(s.size()));
    raw(s.data(), s.size());
  }
  void raw(const void* data, size_t bytes) {
    const auto* p = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), p, p + bytes);
  }
  // A list: its length, then write(element) for each.
  template <class List, class Write>
  void list(const List& elements, Write&& write) {
    number(static_cast<uint32_t>(elements.size()));
    for (const auto& e : elements) write(e);
  }

  std::span<const std::byte> bytes() const { return bytes_; }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }
  void fail() {
    ok_ = false;
    rest_ = {};
  }

  template <class T>
  requires std::is_arithmetic_v<T> T number() {
    T value{};
    const std::span<const std::byte> from = raw(sizeof(T));
    if (!from.empty()) std::memcpy(&value, from.data(), sizeof(T));
    return value;
  }
  // At most `last`.
  template <class T>
  T number_to(T last) {
    const T value = number<T>();
    if (value <= last) return value;
    fail();
    return T{};
  }
  bool flag() { return number_to<uint8_t>(1) != 0; }
  std::string text() {
    const std::span<const std::byte> from = raw(number<uint32_t>());
    return std::string(reinterpret_cast<const char*>(from.data()), from.size());
  }
  std::span<const std::byte> raw(size_t bytes) {
    if (bytes > rest_.size()) {
      fail();
      return {};
    }
    const auto taken = rest_.first(bytes);
    rest_ = rest_.subspan(bytes);
    return taken;
  }
  // The length of a list whose elements take at least `element_bytes` each.
  uint32_t length(size_t element_bytes = 1) {
    const auto n = number<uint32_t>();
    if (n <= rest_.size() / element_bytes) return n;
    fail();
    return 0;
  }
  template <class Read>
  auto list(Read&& read, size_t element_bytes = 1) {
    std::vector<std::decay_t<decltype(read())>> elements;
    const uint32_t n = length(element_bytes);
    elements.reserve(n);
    for (uint32_t i = 0; i < n && ok_; ++i) elements.push_back(read());
    return elements;
  }

 private:
  std::span<const std::byte> rest_;
  bool ok_ = true;
};

}  // namespace ferry
