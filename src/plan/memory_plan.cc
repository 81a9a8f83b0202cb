// SPDX-License-Identifier: Apache-2.0
#include "plan/memory_plan.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <iterator>
#include <map>
#include <numeric>
#include <set>
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

}  // namespace

uint32_t MemoryPlan::add(PlannedBuffer buffer) {
  buffers_.push_back(std::move(buffer));
  return static_cast<uint32_t>(buffers_.size()) - 1;
}

namespace {

using Order = std::vector<uint32_t>;

// Numbers of n buffers in the order that `less` says, equal ones as they are.
Order sorted(size_t n, const std::function<bool(uint32_t, uint32_t)>& less) {
  Order order(n);
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return less(a, b); });
  return order;
}

Order by_first_step(const std::vector<PlannedBuffer>& buffers) {
  return sorted(buffers.size(), [&](uint32_t a, uint32_t b) {
    return buffers[a].first_step < buffers[b].first_step;
  });
}

// Finds the buffers placed so far that live at the same time as another: a tree over the buffers by
// their first step, with the latest last step of each subtree.
class Placed {
 public:
  explicit Placed(const std::vector<PlannedBuffer>& buffers)
      : buffers_(buffers), by_first_(by_first_step(buffers)), position_(buffers.size()) {
    for (size_t p = 0; p < by_first_.size(); ++p) position_[by_first_[p]] = p;
    leaves_ = std::bit_ceil(std::max<size_t>(buffers.size(), 1));
    end_.assign(2 * leaves_, 0);
  }

  void insert(uint32_t i) {
    const uint64_t end = uint64_t{buffers_[i].last_step} + 1;
    for (size_t n = leaves_ + position_[i]; n > 0; n /= 2) end_[n] = std::max(end_[n], end);
  }

  // Appends them to `found`.
  void find_alive_with(const PlannedBuffer& b, Order& found) const {
    const auto behind = std::partition_point(by_first_.begin(), by_first_.end(), [&](uint32_t i) {
      return buffers_[i].first_step <= b.last_step;
    });
    visit(1, 0, leaves_, static_cast<size_t>(behind - by_first_.begin()), b.first_step, found);
  }

 private:
  // Of the leaves [from, to) below `node`, those before `limit` that end after `step`.
  void visit(size_t node, size_t from, size_t to, size_t limit, uint32_t step, Order& found) const {
    if (from >= limit || end_[node] <= step) return;
    if (to - from == 1) {
      found.push_back(by_first_[from]);
      return;
    }
    const size_t middle = from + (to - from) / 2;
    visit(2 * node, from, middle, limit, step, found);
    visit(2 * node + 1, middle, to, limit, step, found);
  }

  const std::vector<PlannedBuffer>& buffers_;
  Order by_first_;
  std::vector<size_t> position_;
  size_t leaves_;
  std::vector<uint64_t> end_;  // by node: one after the latest last step; 0 where none is placed
};

// In the given order, each buffer into the lowest gap between those that live at the same time.
std::vector<int64_t> fill_gaps(const std::vector<PlannedBuffer>& buffers,
                               const std::vector<int64_t>& bytes, const Order& order) {
  std::vector<int64_t> offset(buffers.size(), 0);
  Placed placed(buffers);
  Order near;
  for (uint32_t i : order) {
    near.clear();
    placed.find_alive_with(buffers[i], near);
    std::sort(near.begin(), near.end(),
              [&](uint32_t a, uint32_t b) { return offset[a] < offset[b]; });
    int64_t at = 0;
    for (uint32_t j : near) {
      if (at + bytes[i] <= offset[j]) break;
      at = std::max(at, offset[j] + bytes[j]);
    }
    offset[i] = at;
    placed.insert(i);
  }
  return offset;
}

// Gaps of an arena, none beside another.
class Gaps {
 public:
  // The offset of `bytes` in the smallest gap that holds them, or at the end.
  int64_t take(int64_t bytes) {
    const auto fit = by_size_.lower_bound({bytes, 0});
    if (fit != by_size_.end()) {
      const auto [size, at] = *fit;
      remove(at, size);
      if (size > bytes) add(at + bytes, size - bytes);
      return at;
    }
    int64_t at = end_;
    if (!by_offset_.empty()) {
      const auto [last, size] = *by_offset_.rbegin();
      if (last + size == end_) {
        remove(last, size);
        at = last;
      }
    }
    end_ = at + bytes;
    return at;
  }

  void give_back(int64_t at, int64_t bytes) {
    if (bytes == 0) return;
    const auto after = by_offset_.lower_bound(at);
    if (after != by_offset_.begin()) {
      const auto [before, size] = *std::prev(after);
      if (before + size == at) {
        remove(before, size);
        at = before;
        bytes += size;
      }
    }
    const auto next = by_offset_.find(at + bytes);
    if (next != by_offset_.end()) {
      const auto [offset, size] = *next;
      remove(offset, size);
      bytes += size;
    }
    add(at, bytes);
  }

 private:
  void add(int64_t at, int64_t size) {
    by_offset_.emplace(at, size);
    by_size_.emplace(size, at);
  }
  void remove(int64_t at, int64_t size) {
    by_offset_.erase(at);
    by_size_.erase({size, at});
  }

  std::map<int64_t, int64_t> by_offset_;
  std::set<std::pair<int64_t, int64_t>> by_size_;
  int64_t end_ = 0;
};

// In the order of their first steps, as an allocator would place them.
std::vector<int64_t> follow_time(const std::vector<PlannedBuffer>& buffers,
                                 const std::vector<int64_t>& bytes) {
  const Order by_first = sorted(buffers.size(), [&](uint32_t a, uint32_t b) {
    return std::pair(buffers[a].first_step, -bytes[a]) <
           std::pair(buffers[b].first_step, -bytes[b]);
  });
  const Order by_last = sorted(buffers.size(), [&](uint32_t a, uint32_t b) {
    return buffers[a].last_step < buffers[b].last_step;
  });
  std::vector<int64_t> offset(buffers.size(), 0);
  Gaps gaps;
  auto ended = by_last.begin();
  for (uint32_t i : by_first) {
    for (; buffers[*ended].last_step < buffers[i].first_step; ++ended) {
      gaps.give_back(offset[*ended], bytes[*ended]);
    }
    offset[i] = gaps.take(bytes[i]);
  }
  return offset;
}

// The lowest first.
Order by_offset(const std::vector<int64_t>& offset) {
  return sorted(offset.size(), [&](uint32_t a, uint32_t b) { return offset[a] < offset[b]; });
}

// The buffer whose end is highest, the first placed of several.
uint32_t topmost(const std::vector<int64_t>& offset, const std::vector<int64_t>& bytes,
                 const Order& order) {
  uint32_t top = order.front();
  for (uint32_t i : order) {
    if (offset[i] + bytes[i] > offset[top] + bytes[top]) top = i;
  }
  return top;
}

// How many pairs of buffers are alive at the same time.
uint64_t count_pairs(const std::vector<PlannedBuffer>& buffers) {
  std::vector<uint32_t> firsts, lasts;
  for (const PlannedBuffer& b : buffers) {
    firsts.push_back(b.first_step);
    lasts.push_back(b.last_step);
  }
  std::sort(firsts.begin(), firsts.end());
  std::sort(lasts.begin(), lasts.end());
  uint64_t pairs = 0;
  size_t ended = 0;
  for (size_t begun = 0; begun < firsts.size(); ++begun) {
    while (lasts[ended] < firsts[begun]) ++ended;
    pairs += begun - ended;
  }
  return pairs;
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

// Orders in which buffers may be placed, at most `most`, the best one first as a rule. Which gives
// the smallest arena depends on the network.
std::vector<Order> orders_of(const std::vector<PlannedBuffer>& buffers,
                             const std::vector<int64_t>& bytes, const Alive& alive, size_t most) {
  std::vector<Order> orders;
  const auto sort_by = [&](auto&& key) {
    if (orders.size() == most) return;
    std::vector<decltype(key(0u))> keys;
    for (uint32_t i = 0; i < buffers.size(); ++i) keys.push_back(key(i));
    orders.push_back(
        sorted(keys.size(), [&](uint32_t a, uint32_t b) { return keys[a] < keys[b]; }));
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
  sort_by([&](uint32_t i) { return -bytes[i]; });
  sort_by([&](uint32_t i) { return std::pair(is_at_peak(i) ? 0 : 1, -bytes[i]); });
  sort_by([&](uint32_t i) { return std::pair(-fullest(i), -bytes[i]); });
  sort_by([&](uint32_t i) { return std::pair(-steps(i), -bytes[i]); });
  sort_by(
      [&](uint32_t i) { return -static_cast<double>(bytes[i]) * static_cast<double>(steps(i)); });
  sort_by([&](uint32_t i) { return buffers[i].first_step; });
  return orders;
}

}  // namespace

void MemoryPlan::use(const std::vector<uint32_t>& by_offset) {
  order_ = by_offset;
  constexpr uint32_t kNobody = UINT32_MAX;
  // From each step to the next in the map: the highest buffer so far that is alive there.
  std::map<uint64_t, uint32_t> top = {{0, kNobody}};
  const auto cut_at = [&](uint64_t step) {
    const auto after = top.upper_bound(step);
    const auto it = std::prev(after);
    return it->first == step ? it : top.emplace_hint(after, step, it->second);
  };
  for (uint32_t i : order_) {
    PlannedBuffer& b = buffers_[i];
    b.above.clear();
    const auto begin = cut_at(b.first_step), end = cut_at(uint64_t{b.last_step} + 1);
    for (auto it = begin; it != end; ++it) {
      if (it->second != kNobody) b.above.push_back(it->second);
    }
    std::sort(b.above.begin(), b.above.end());
    b.above.erase(std::unique(b.above.begin(), b.above.end()), b.above.end());
    begin->second = i;
    top.erase(std::next(begin), end);
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
  // larger searches would cost more time than the bytes are worth. Beyond so many pairs alive at
  // the same time even one order would take seconds.
  constexpr size_t kPairs = 500'000, kMaxSearched = 1000;
  constexpr uint64_t kMaxPairs = 4'000'000;
  if (buffers_.empty()) return use({});
  const size_t n = buffers_.size();
  const bool search = n <= kMaxSearched;
  const size_t rounds = search ? std::clamp<size_t>(kPairs / (n * n), 1, 24) : 1;
  Order best;
  double least = 0;
  const auto consider = [&](const std::vector<int64_t>& offset) {
    Order order = by_offset(offset);
    use(order);
    const double found = excess(hints);
    if (least != 0 && found >= least) return;
    least = found;
    best = std::move(order);
  };
  if (count_pairs(buffers_) > kMaxPairs) {
    consider(follow_time(buffers_, bytes_at(hints.front())));
    return;
  }
  for (const std::vector<int64_t>& hint : hints) {
    const std::vector<int64_t> bytes = bytes_at(hint);
    for (Order& order : orders_of(buffers_, bytes, count_alive(buffers_, bytes), search ? 6 : 1)) {
      // What ends highest is placed first in the next round.
      for (size_t round = 0; round < rounds; ++round) {
        const std::vector<int64_t> offset = fill_gaps(buffers_, bytes, order);
        consider(offset);
        const auto top = std::find(order.begin(), order.end(), topmost(offset, bytes, order));
        if (least <= 1 || top == order.begin()) break;
        std::rotate(order.begin(), top, top + 1);
      }
      if (least <= 1 || !search) return use(best);
    }
  }
  use(best);
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
      return limit_exceeded(
          "a value of {} elements of {} bits is larger than any memory; wanted smaller inputs",
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

namespace {

Dim bytes_of(const PlannedBuffer& b) {
  if (b.count.is_invalid()) return 0;
  return b.bits >= 8 ? b.count * Dim(b.bits / 8) : ceil_div(b.count, 8 / b.bits);
}

// To sums of which none is known to be at least another.
void add_sum(const Dim& sum, std::vector<Dim>& sums) {
  for (const Dim& s : sums) {
    if (Dim::known_at_least(s, sum)) return;
  }
  std::erase_if(sums, [&](const Dim& s) { return Dim::known_at_least(sum, s); });
  sums.push_back(sum);
}

}  // namespace

std::string MemoryPlan::formula() const {
  // The peak is the maximum over chains of buffers that lie on one another; print it as the
  // maximum over steps of the bytes alive, the bound that the layout aims at. Only where a buffer
  // ends next may a step have more than all around it.
  const Order by_first = by_first_step(buffers_);
  std::vector<Dim> sums;
  std::set<std::pair<uint32_t, uint32_t>> ends;  // last steps of those alive
  Dim fixed = 0;                                 // bytes of those alive of fixed size
  std::set<uint32_t> others;                     // alive, of sizes that depend on symbols
  for (size_t next = 0; next < by_first.size();) {
    while (next < by_first.size() &&
           (ends.empty() || buffers_[by_first[next]].first_step <= ends.begin()->first)) {
      const uint32_t i = by_first[next++];
      ends.emplace(buffers_[i].last_step, i);
      const Dim bytes = bytes_of(buffers_[i]);
      if (bytes.is_constant())
        fixed = fixed + bytes;
      else
        others.insert(i);
    }
    Dim sum = fixed;
    for (uint32_t i : others) sum = sum + bytes_of(buffers_[i]);
    add_sum(sum, sums);
    for (const uint32_t end = ends.begin()->first; !ends.empty() && ends.begin()->first == end;) {
      const uint32_t i = ends.begin()->second;
      ends.erase(ends.begin());
      if (others.erase(i) == 0) fixed = fixed - bytes_of(buffers_[i]);
    }
  }
  if (sums.empty()) return "0";
  if (sums.size() == 1) return sums[0].to_string();
  std::string text = "max(";
  for (size_t i = 0; i < sums.size(); ++i) text += (i > 0 ? ", " : "") + sums[i].to_string();
  return text + ")";
}

}  // namespace ferry
