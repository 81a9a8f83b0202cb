// SPDX-License-Identifier: Apache-2.0
#include "ops_cpu/sliced_order.h"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

namespace ferry {
namespace {

constexpr int kDigits = 8;  // of a byte each

size_t digit_of(uint64_t item, int digit) {
  return static_cast<size_t>(item >> (8 * (kDigits - 1 - digit)) & 0xff);
}

// The k-th largest, found digit by digit.
uint64_t kth_largest(const Team& team, const uint64_t* items, int64_t n, int64_t k) {
  uint64_t prefix = 0;
  for (int digit = 0; digit < kDigits; ++digit) {
    const int shift = 8 * (kDigits - digit);
    std::array<int64_t, 256> counts{};
    team.in_slices(0, n, kAtAStroke, [&](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; ++i) {
        if (digit == 0 || items[i] >> shift == prefix) ++counts[digit_of(items[i], digit)];
      }
    });
    size_t value = 255;
    for (; value > 0 && counts[value] < k; --value) k -= counts[value];
    prefix = prefix << 8 | value;
  }
  return prefix;
}

}  // namespace

uint64_t move_largest_first(const Team& team, uint64_t* items, int64_t n, int64_t k) {
  if (n <= kAtAStroke) {
    std::nth_element(items, items + k - 1, items + n, std::greater<>());
    return items[k - 1];
  }
  const uint64_t least = kth_largest(team, items, n, k);
  int64_t moved = 0;
  team.in_slices(0, n, kAtAStroke, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i) {
      if (items[i] >= least) std::swap(items[moved++], items[i]);
    }
  });
  return moved == k ? least : items[0];
}

void sort_falling(const Team& team, uint64_t* items, int64_t n, uint64_t* room) {
  if (n <= kFew) return std::sort(items, items + n, std::greater<>());
  uint64_t different = 0;
  team.in_slices(0, n, kAtAStroke, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i) different |= items[i] ^ items[0];
  });
  // From the last digit to the first; those that all have in common are passed over.
  uint64_t *from = items, *to = room;
  for (int digit = kDigits - 1; digit >= 0; --digit) {
    if (digit_of(different, digit) == 0) continue;
    std::array<int64_t, 256> next{};
    team.in_slices(0, n, kAtAStroke, [&](int64_t i0, int64_t i1) {
      for (int64_t i = i0; i < i1; ++i) ++next[255 - digit_of(from[i], digit)];
    });
    int64_t first = 0;
    for (int64_t& count : next) first += std::exchange(count, first);
    team.in_slices(0, n, kAtAStroke, [&](int64_t i0, int64_t i1) {
      for (int64_t i = i0; i < i1; ++i) to[next[255 - digit_of(from[i], digit)]++] = from[i];
    });
    std::swap(from, to);
  }
  if (from == items) return;
  team.in_slices(0, n, kAtAStroke,
                 [&](int64_t i0, int64_t i1) { std::copy(from + i0, from + i1, items + i0); });
}

}  // namespace ferry
