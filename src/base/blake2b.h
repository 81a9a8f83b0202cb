// SPDX-License-Identifier: Apache-2.0
// BLAKE2b with 256 bits (RFC 7693): tells contents apart that somebody may have made alike.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace ferry {

using Digest = std::array<uint8_t, 32>;

class Blake2b {
 public:
  Blake2b();
  void update(std::span<const std::byte> bytes);
  // Ends it; no update() afterwards.
  Digest finish();

 private:
  void compress(const std::byte* block, bool last);

  std::array<uint64_t, 8> state_;
  std::array<std::byte, 128> pending_{};
  size_t pending_bytes_ = 0;
  uint64_t total_bytes_ = 0;
};

Digest blake2b(std::span<const std::byte> bytes);
std::string hex(const Digest& digest);

}  // namespace ferry
