// SPDX-License-Identifier: Apache-2.0
#include "ops/text/letter_case.h"

#include <cstdint>

namespace ferry {
namespace {

// Upper-case letters [first, last] whose lower case is `distance` further; with step 2, upper and
// lower case alternate.
struct Range {
  uint32_t first, last, distance, step;
};
constexpr Range kRanges[] = {
    {'A', 'Z', 32, 1},         {0xc0, 0xd6, 32, 1},      {0xd8, 0xde, 32, 1},
    {0x100, 0x12e, 1, 2},      {0x132, 0x136, 1, 2},     {0x139, 0x147, 1, 2},
    {0x14a, 0x176, 1, 2},      {0x179, 0x17d, 1, 2},     {0x386, 0x386, 38, 1},
    {0x388, 0x38a, 37, 1},     {0x38c, 0x38c, 64, 1},    {0x38e, 0x38f, 63, 1},
    {0x391, 0x3a1, 32, 1},     {0x3a3, 0x3ab, 32, 1},    {0x400, 0x40f, 80, 1},
    {0x410, 0x42f, 32, 1},     {0x460, 0x480, 1, 2},     {0x48a, 0x4be, 1, 2},
    {0x4d0, 0x52e, 1, 2},
};

uint32_t changed(uint32_t c, LetterCase to) {
  for (const Range& r : kRanges) {
    const uint32_t shift = to == LetterCase::kLower ? 0 : r.distance;
    if (c < r.first + shift || c > r.last + shift || (c - r.first - shift) % r.step != 0) continue;
    return to == LetterCase::kLower ? c + r.distance : c - r.distance;
  }
  if (c == 0x3c2 && to == LetterCase::kUpper) return 0x3a3;  // final sigma
  if (c == 0xff && to == LetterCase::kUpper) return 0x178;
  if (c == 0x178 && to == LetterCase::kLower) return 0xff;
  return c;
}

}  // namespace

std::string change_case(std::string_view text, LetterCase to) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool pair = byte >= 0xc2 && byte <= 0xdf && i + 1 < text.size() &&
                      (static_cast<unsigned char>(text[i + 1]) & 0xc0) == 0x80;
    if (byte < 0x80) {
      out += static_cast<char>(changed(byte, to));
    } else if (pair) {
      const uint32_t c = changed((byte & 0x1fu) << 6 | (static_cast<unsigned char>(text[++i]) & 0x3fu), to);
      out += static_cast<char>(0xc0 | (c >> 6));
      out += static_cast<char>(0x80 | (c & 0x3f));
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace ferry
