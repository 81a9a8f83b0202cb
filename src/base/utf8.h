// SPDX-License-Identifier: Apache-2.0
// Characters out of text that should be UTF-8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ferry {

struct Utf8Char {
  uint32_t code = 0;
  size_t size = 0;  // in bytes; 0 where there is no valid character
};

// The character that begins at byte `at` < text.size(). Not valid: bytes that are cut off, longer
// than needed, surrogates, and what is above U+10FFFF.
inline Utf8Char utf8_char_at(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) -> uint32_t { return static_cast<uint8_t>(text[at + i]); };
  const uint32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  const size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() - at < size) return {};
  uint32_t code = first & (0xffu >> (size + 1));
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3f);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code < 0xe000;
  return code < kLeast[size] || code > 0x10ffff || surrogate ? Utf8Char{} : Utf8Char{code, size};
}

}  // namespace ferry
