// SPDX-License-Identifier: Apache-2.0
#include "plan/memory_plan.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

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

namespace {

using Order = std::vector<uint32_t>;

// Buffers that lie lower come first; conflicts[i]: those placed before i whose lifetimes overlap.
struct Layout {
  Order by_offset;
  uint32_t topmost = 0;  // the buffer whose end is highest
  std::vector<Order> conflicts;
};

// In the given order, each buffer into the lowest gap between those that it conflicts with.
Layout lay_out(const std::vector<PlannedBuffer>& buffers, const std::vector<int64_t>& bytes,
               const Order& order) {
  Layout layout;
  layout.conflicts.resize(buffers.size());
  std::vector<int64_t> offset(buffers.size(), 0);
  Order placed;
  int64_t top = -1;
  for (uint32_t i : order) {
    Order& near = layout.conflicts[i];
    for (uint32_t j : placed) {
      if (overlap(buffers[i], buffers[j])) near.push_back(j);
    }
    std::sort(near.begin(), near.end(),
              [&](uint32_t a, uint32_t b) { return offset[a] < offset[b]; });
    int64_t at = 0;
    for (uint32_t j : near) {
      if (at + bytes[i] <= offset[j]) break;
      at = std::max(at, offset[j] + bytes[j]);
    }
    offset[i] = at;
    if (at + bytes[i] > top) {
      top = at + bytes[i];
      layout.topmost = i;
    }
    placed.push_back(i);
  }
  layout.by_offset.resize(buffers.size());
  std::iota(layout.by_offset.begin(), layout.by_offset.end(), 0u);
  std::stable_sort(layout.by_offset.begin(), layout.by_offset.end(), [&](uint32_t a, uint32_t b) {
    return offset[a] != offset[b] ? offset[a] < offset[b] : a < b;
  });
  return layout;
}

// Bytes alive by step, and the step where they are most: no layout is smaller than that.
struct Alive {
  std::vector<int64_t> bytes;
  uint32_t peak_step = 0;
};

Alive count_alive(const std::vector<PlannedBuffer>& buffers, const std::vector<int64_t>& bytes) {
  Alive alive;
  for (size_t i = 0; i < buffers.size(); ++i) {
    const PlannedBuffer& b = buffers[i];
    if (alive.bytes.size() < b.last_step + 2u) alive.bytes.resize(b.last_step + 2u, 0);
    alive.bytes[b.first_step] += bytes[i];
    alive.bytes[b.last_step + 1] -= bytes[i];
  }
  for (size_t s = 1; s < alive.bytes.size(); ++s) alive.bytes[s] += alive.bytes[s - 1];
  if (alive.bytes.empty()) alive.bytes.push_back(0);
  alive.peak_step = static_cast<uint32_t>(std::max_element(alive.bytes.begin(), alive.bytes.end()) -
                                          alive.bytes.begin());
  return alive;
}

// Orders in which buffers may be placed. Which gives the smallest arena depends on the network.
std::vector<Order> orders_of(const std::vector<PlannedBuffer>& buffers,
                             const std::vector<int64_t>& bytes, const Alive& alive) {
  Order first(buffers.size());
  std::iota(first.begin(), first.end(), 0u);
  const auto sorted = [&](const auto& key) {
    Order order = first;
    std::stable_sort(order.begin(), order.end(),
                     [&](uint32_t a, uint32_t b) { return key(a) < key(b); });
    return order;
  };
  const auto fullest = [&](uint32_t i) {
    const auto begin = alive.bytes.begin();
    return *std::max_element(begin + buffers[i].first_step, begin + buffers[i].last_step + 1);
  };
  const auto is_at_peak = [&](uint32_t i) {
    return buffers[i].first_step <= alive.peak_step && alive.peak_step <= buffers[i].last_step;
  };
  const auto steps = [&](uint32_t i) -> int64_t {
    return buffers[i].last_step - buffers[i].first_step + 1;
  };
  std::vector<Order> orders;
  orders.push_back(sorted([&](uint32_t i) { return -bytes[i]; }));
  orders.push_back(sorted([&](uint32_t i) { return std::pair(is_at_peak(i) ? 0 : 1, -bytes[i]); }));
  orders.push_back(sorted([&](uint32_t i) { return std::pair(-fullest(i), -bytes[i]); }));
  orders.push_back(sorted([&](uint32_t i) { return std::pair(-steps(i), -bytes[i]); }));
  orders.push_back(sorted(
      [&](uint32_t i) { return -static_cast<double>(bytes[i]) * static_cast<double>(steps(i)); }));
  orders.push_back(sorted([&](uint32_t i) { return buffers[i].first_step; }));
  return orders;
}

}  // namespace

void MemoryPlan::use(const std::vector<uint32_t>& by_offset,
                     const std::vector<std::vector<uint32_t>>& conflicts) {
  order_ = by_offset;
  std::vector<uint32_t> rank(buffers_.size());
  for (uint32_t r = 0; r < buffers_.size(); ++r) rank[order_[r]] = r;
  for (PlannedBuffer& b : buffers_) b.above.clear();
  for (uint32_t i = 0; i < buffers_.size(); ++i) {
    for (uint32_t j : conflicts[i]) {
      if (rank[j] < rank[i])
        buffers_[i].above.push_back(j);
      else
        buffers_[j].above.push_back(i);
    }
  }
}

double MemoryPlan::excess(const std::vector<std::vector<int64_t>>& hints) const {
  double worst = 1;
  std::vector<uint64_t> offsets;
  for (const std::vector<int64_t>& hint : hints) {
    uint64_t total = 0;
    if (!place(hint, offsets, total).ok()) continue;
    const Alive alive = count_alive(buffers_, bytes_at(hint));
    const auto least = static_cast<double>(std::max<int64_t>(1, alive.bytes[alive.peak_step]));
    worst = std::max(worst, static_cast<double>(total) / least);
  }
  return worst;
}

std::vector<int64_t> MemoryPlan::bytes_at(std::span<const int64_t> sizes) const {
  std::vector<int64_t> bytes(buffers_.size());
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = std::max<int64_t>(0, padded_bytes(buffers_[i], sizes));
  }
  return bytes;
}

void MemoryPlan::solve(const std::vector<std::vector<int64_t>>& hints) {
  // Pairs of buffers that are compared per order, and buffers beyond which one order is enough:
  // larger searches would cost more time than the bytes are worth.
  constexpr size_t kPairs = 500'000, kMaxSearched = 1000;
  const size_t n = std::max<size_t>(buffers_.size(), 1);
  const bool search = n <= kMaxSearched;
  const size_t rounds = search ? std::clamp<size_t>(kPairs / (n * n), 1, 24) : 1;
  Layout best;
  double least = 0;
  const auto consider = [&](Layout layout) {
    use(layout.by_offset, layout.conflicts);
    const double found = excess(hints);
    if (least != 0 && found >= least) return;
    least = found;
    best = std::move(layout);
  };
  for (const std::vector<int64_t>& hint : hints) {
    const std::vector<int64_t> bytes = bytes_at(hint);
    for (Order& order : orders_of(buffers_, bytes, count_alive(buffers_, bytes))) {
      // What ends highest is placed first in the next round.
      for (size_t round = 0; round < rounds; ++round) {
        Layout layout = lay_out(buffers_, bytes, order);
        const auto top = std::find(order.begin(), order.end(), layout.topmost);
        consider(std::move(layout));
        if (least <= 1 || top == order.begin() || top == order.end()) break;
        std::rotate(order.begin(), top, top + 1);
      }
      if (least <= 1 || !search) return use(best.by_offset, best.conflicts);
    }
  }
  use(best.by_offset, best.conflicts);
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
