// SPDX-License-Identifier: Apache-2.0
// MemoryPlan: one arena for all intermediate values, whose offsets are formulas in the symbols.
//
// Buffers whose lifetimes overlap conflict. A layout at hinted sizes decides which of two
// conflicting buffers lies below; a buffer's offset is then the maximum of the ends of those below
// it, which is right for any sizes. Several orders of placing are tried, and the layout is kept
// that comes closest to the bytes alive at once.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "plan/dim_table.h"

namespace ferry {

struct PlannedBuffer {
  Dim count;                          // elements, for the formula
  std::vector<DimTable::Index> dims;  // their factors
  int bits = 0;                       // of one element
  uint32_t first_step = 0, last_step = 0;
  // Those that must lie below this one, without those that lie below another of them.
  std::vector<uint32_t> above;
  std::vector<uint32_t> values;  // the graph values that live here
};

class MemoryPlan {
 public:
  uint32_t add(PlannedBuffer buffer);
  PlannedBuffer& buffer(uint32_t i) { return buffers_[i]; }
  const std::vector<PlannedBuffer>& buffers() const { return buffers_; }
  // Orders conflicting buffers, so that the arena is small at all `hints`: values of the table's
  // sizes, at least one.
  void solve(const std::vector<std::vector<int64_t>>& hints);
  // Byte offsets and the arena's size. Errors: kLimitExceeded on overflow, kShapeMismatch for a
  // negative size.
  Status place(std::span<const int64_t> sizes, std::vector<uint64_t>& offsets,
               uint64_t& total_bytes) const;
  // "max(e0, ...)" in words; see `ferry info`.
  std::string formula() const;

 private:
  // Takes over a layout: the buffers from the lowest on.
  void use(const std::vector<uint32_t>& by_offset);
  std::vector<int64_t> bytes_at(std::span<const int64_t> sizes) const;
  // The arena by the bytes alive at once, at worst over the hints.
  double excess(const std::vector<std::vector<int64_t>>& hints) const;

  std::vector<PlannedBuffer> buffers_;
  std::vector<uint32_t> order_;  // by hinted offset
};

}  // namespace ferry
