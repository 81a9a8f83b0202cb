// SPDX-License-Identifier: Apache-2.0
// Integers of fixed byte order out of byte spans. The caller has checked the bounds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ferry::codec {

using Bytes = std::span<const uint8_t>;

inline uint32_t le16(Bytes b, size_t at) { return b[at] | uint32_t{b[at + 1]} << 8; }
inline uint32_t be16(Bytes b, size_t at) { return b[at + 1] | uint32_t{b[at]} << 8; }
inline uint32_t le32(Bytes b, size_t at) { return le16(b, at) | le16(b, at + 2) << 16; }
inline uint32_t be32(Bytes b, size_t at) { return be16(b, at + 2) | be16(b, at) << 16; }
inline uint64_t be64(Bytes b, size_t at) { return uint64_t{be32(b, at)} << 32 | be32(b, at + 4); }

inline void put_le16(std::vector<uint8_t>& out, uint32_t v) {
  out.push_back(static_cast<uint8_t>(v));
  out.push_back(static_cast<uint8_t>(v >> 8));
}
inline void put_le32(std::vector<uint8_t>& out, uint32_t v) {
  put_le16(out, v & 0xffff);
  put_le16(out, v >> 16);
}

}  // namespace ferry::codec
