// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "codec/formats.h"

namespace ferry::codec {

int exif_orientation(Bytes exif) noexcept {
  constexpr uint32_t kOrientationTag = 0x0112, kShort = 3;
  if (exif.size() >= 6 && std::memcmp(exif.data(), "Exif\0\0", 6) == 0) exif = exif.subspan(6);
  if (exif.size() < 8) return 1;
  const bool little = exif[0] == 'I';
  if (exif[0] != exif[1] || (exif[0] != 'I' && exif[0] != 'M')) return 1;
  const auto u16 = [&](size_t at) { return little ? le16(exif, at) : be16(exif, at); };
  const size_t directory = little ? le32(exif, 4) : be32(exif, 4);
  if (u16(2) != 42 || directory > exif.size() - 2) return 1;
  const size_t entries = u16(directory);
  for (size_t i = 0; i < entries; ++i) {
    const size_t at = directory + 2 + i * 12;
    if (at + 12 > exif.size()) return 1;
    if (u16(at) != kOrientationTag || u16(at + 2) != kShort) continue;
    const uint32_t value = u16(at + 8);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

}  // namespace ferry::codec
