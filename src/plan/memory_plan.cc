// SPDX-License-Identifier: Apache-2.0
#include "plan/memory_plan.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "base/allocator.h"
#include "base/int128.h"
#include "base/status.h"

namespace ferry {
namespace {

// Bytes of a buffer, rounded up to the alignment; -1 when it overflows or is negative.
int64_t padded_bytes(const PlannedBuffer& b, std::span<const int64_t> sizes) {
  int64_t count = 1;
  for (DimTable::Index d : b.dims) {
    if (sizes[d] < 0 || __builtin_mul_overflow(count, sizes[d], &count)) return -1;
  }
  const int128 bytes = (static_cast<int128>(count) * b.bits + 7) / 8;
  const int128 padded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  return padded > INT64_MAX / 2 ? -1 : static_cast<int64_t>(padded);
}

bool overlap(const PlannedBuffer& a, const PlannedBuffer& b) {
  return a.first_step <= b.last_step && b.first_step <= a.last_step;
}

}  // namespace

uint32_t MemoryPlan::add(PlannedBuffer buffer) {
  buffers_.push_back(std::move(buffer));
  return static_cast<uint32_t>(buffers_.size()) - 1;
}

void MemoryPlan::solve(std::span<const int64_t> hint) {
  const auto n = static_cast<uint32_t>(buffers_.size());
  std::vector<int64_t> bytes(n), offset(n, 0);
  for (uint32_t i = 0; i < n; ++i) bytes[i] = std::max<int64_t>(0, padded_bytes(buffers_[i], hint));
  std::vector<uint32_t> by_size(n);
  std::iota(by_size.begin(), by_size.end(), 0u);
  std::stable_sort(by_size.begin(), by_size.end(),
                   [&](uint32_t a, uint32_t b) { return bytes[a] > bytes[b]; });
  // Largest first, each into the lowest gap between the placed buffers it conflicts with.
  std::vector<std::vector<uint32_t>> conflicts(n);
  std::vector<uint32_t> placed;
  for (uint32_t i : by_size) {
    std::vector<uint32_t>& near = conflicts[i];
    for (uint32_t j : placed) {
      if (overlap(buffers_[i], buffers_[j])) near.push_back(j);
    }
    std::sort(near.begin(), near.end(),
              [&](uint32_t a, uint32_t b) { return offset[a] < offset[b]; });
    int64_t at = 0;
    for (uint32_t j : near) {
      if (at + bytes[i] <= offset[j]) break;
      at = std::max(at, offset[j] + bytes[j]);
    }
    offset[i] = at;
    placed.push_back(i);
  }
  order_.resize(n);
  std::iota(order_.begin(), order_.end(), 0u);
  std::stable_sort(order_.begin(), order_.end(), [&](uint32_t a, uint32_t b) {
    return offset[a] != offset[b] ? offset[a] < offset[b] : a < b;
  });
  std::vector<uint32_t> rank(n);
  for (uint32_t r = 0; r < n; ++r) rank[order_[r]] = r;
  for (PlannedBuffer& b : buffers_) b.above.clear();
  for (uint32_t i = 0; i < n; ++i) {
    for (uint32_t j : conflicts[i]) {
      if (rank[j] < rank[i])
        buffers_[i].above.push_back(j);
      else
        buffers_[j].above.push_back(i);
    }
  }
}

Status MemoryPlan::place(std::span<const int64_t> sizes, std::vector<uint64_t>& offsets,
                         uint64_t& total_bytes) const {
  offsets.assign(buffers_.size(), 0);
  // Ends are kept where offsets go last; the two are separated in the second sweep.
  std::vector<uint64_t>& ends = offsets;
  total_bytes = 0;
  for (uint32_t i : order_) {
    const PlannedBuffer& b = buffers_[i];
    const int64_t bytes = padded_bytes(b, sizes);
    if (bytes < 0) {
      return limit_exceeded("a value of {} elements of {} bits has no valid size here",
                            b.count.to_string(), b.bits);
    }
    uint64_t at = 0;
    for (uint32_t j : b.above) at = std::max(at, ends[j]);
    ends[i] = at + static_cast<uint64_t>(bytes);
    if (ends[i] > static_cast<uint64_t>(INT64_MAX)) {
      return limit_exceeded("the arena overflows 63 bits");
    }
    total_bytes = std::max(total_bytes, ends[i]);
  }
  for (uint32_t i : order_) offsets[i] -= static_cast<uint64_t>(padded_bytes(buffers_[i], sizes));
  return {};
}

std::string MemoryPlan::formula() const {
  // The peak is the maximum over chains of buffers that lie on one another; print it as the
  // maximum over steps of the bytes alive, the bound that the layout aims at.
  std::map<uint32_t, Dim> alive;
  std::vector<Dim> sums;
  for (const PlannedBuffer& b : buffers_) {
    Dim sum = 0;
    for (const PlannedBuffer& o : buffers_) {
      if (o.first_step <= b.first_step && b.first_step <= o.last_step && !o.count.is_invalid()) {
        const int per_byte = o.bits >= 8 ? 1 : 8 / o.bits;
        sum = sum + (o.bits >= 8 ? o.count * Dim(o.bits / 8) : ceil_div(o.count, per_byte));
      }
    }
    bool covered = false;
    for (const Dim& s : sums) covered = covered || Dim::known_at_least(s, sum);
    if (covered) continue;
    std::erase_if(sums, [&](const Dim& s) { return Dim::known_at_least(sum, s); });
    sums.push_back(sum);
  }
  if (sums.empty()) return "0";
  if (sums.size() == 1) return sums[0].to_string();
  std::string text = "max(";
  for (size_t i = 0; i < sums.size(); ++i) text += (i > 0 ? ", " : "") + sums[i].to_string();
  return text + ")";
}

}  // namespace ferry
