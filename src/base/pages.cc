// SPDX-License-Identifier: Apache-2.0
#include "base/pages.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/counted_memory.h"
#include "base/sanitizers.h"

namespace ferry {
namespace {

// Large buffers ask for huge pages: weights that are read once per run would otherwise miss the
// TLB all the time, and first touching them would cost 512 times as many faults.
constexpr size_t kHugePage = size_t{2} << 20;

// Sanitizers see what lies on the heap only.
constexpr bool kHeapOnly = kAddressSanitizer || kMemorySanitizer;

std::byte* up_to_huge_page(void* p) {
  const size_t before = (kHugePage - reinterpret_cast<uintptr_t>(p) % kHugePage) % kHugePage;
  return static_cast<std::byte*>(p) + before;
}

// A refusal costs speed alone.
void advise_huge([[maybe_unused]] std::byte* begin, [[maybe_unused]] size_t bytes) noexcept {
#ifdef MADV_HUGEPAGE
  (void)madvise(begin, bytes, MADV_HUGEPAGE);
#endif
}

// Takes the huge pages from `begin` on, up to `bytes`, while they are had at once. True when all
// were; one that took long speaks for a second.
bool take_while_quick(std::byte* begin, size_t bytes) noexcept {
  using Clock = std::chrono::steady_clock;
  // Small pages of the same size take a millisecond.
  constexpr std::chrono::microseconds kLong{1500};
  constexpr std::chrono::seconds kSpeaksFor{1};
  static std::atomic<Clock::rep> slow_until{Clock::time_point::min().time_since_epoch().count()};
  auto start = Clock::now();
  if (start.time_since_epoch().count() < slow_until.load(std::memory_order_relaxed)) return false;
  for (size_t at = 0; bytes - at >= kHugePage; at += kHugePage) {
    advise_huge(begin + at, kHugePage);
    *reinterpret_cast<volatile std::byte*>(begin + at) = std::byte{0};
    const auto end = Clock::now();
    if (end - start >= kLong) {
      slow_until.store((end + kSpeaksFor).time_since_epoch().count(), std::memory_order_relaxed);
      return false;
    }
    start = end;
  }
  return true;
}

// Of a huge page and more: aligned to one. Null when the machine has no more.
void* map_pages(size_t bytes, HugePages wanted) noexcept {
  const bool huge = bytes >= kHugePage;
  const size_t slack = huge ? kHugePage : 0;
  if (bytes > SIZE_MAX - slack) return nullptr;
  void* mapped =
      mmap(nullptr, bytes + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  if (!huge) return mapped;
  std::byte* begin = up_to_huge_page(mapped);
  const auto before = static_cast<size_t>(begin - static_cast<std::byte*>(mapped));
  if (before > 0) (void)munmap(mapped, before);
  if (slack > before) (void)munmap(begin + bytes, slack - before);
  // Whole pages only, so that no memory is spent beyond the end.
  if (wanted == HugePages::kWanted ||
      (wanted == HugePages::kWhereQuick && take_while_quick(begin, kHugePage))) {
    advise_huge(begin, bytes / kHugePage * kHugePage);
  }
  return begin;
}

void* map_wanted(size_t bytes) noexcept { return map_pages(bytes, HugePages::kWanted); }
void* map_quick(size_t bytes) noexcept { return map_pages(bytes, HugePages::kWhereQuick); }
void* map_small(size_t bytes) noexcept { return map_pages(bytes, HugePages::kLater); }
void unmap_pages(void* p, size_t bytes) noexcept { (void)munmap(p, bytes); }

}  // namespace

Result<std::shared_ptr<void>> allocate_pages(size_t bytes, MemoryBudget* budget, size_t wanted,
                                             HugePages huge) {
  static const auto page = static_cast<size_t>(sysconf(_SC_PAGE_SIZE));
  const auto map = huge == HugePages::kWanted       ? map_wanted
                   : huge == HugePages::kWhereQuick ? map_quick
                                                    : map_small;
  const MemorySource pages{map, unmap_pages, page};
  return counted_memory(kHeapOnly ? heap_memory() : pages, bytes, budget, wanted);
}

void take_huge_pages(void* begin, size_t bytes, const void* limit) noexcept {
  if (kHeapOnly) return;
  std::byte* first = up_to_huge_page(begin);
  const std::byte* end = static_cast<std::byte*>(begin) + bytes;
  if (first >= end || first >= limit) return;
  const auto begun = static_cast<size_t>(end - first + kHugePage - 1) / kHugePage * kHugePage;
  const auto room = static_cast<size_t>(static_cast<const std::byte*>(limit) - first);
  (void)take_while_quick(first, std::min(begun, room / kHugePage * kHugePage));
}

bool gather_pages([[maybe_unused]] void* begin, [[maybe_unused]] size_t bytes) noexcept {
#ifdef __linux__
  // Linux 6.1; the headers may be older.
  constexpr int kCollapse = 25;
  std::byte* first = up_to_huge_page(begin);
  std::byte* end = static_cast<std::byte*>(begin) + bytes;
  if (kHeapOnly) return false;
  if (first >= end || static_cast<size_t>(end - first) < kHugePage) return true;
  return madvise(first, static_cast<size_t>(end - first) / kHugePage * kHugePage, kCollapse) == 0;
#else
  return false;
#endif
}

}  // namespace ferry
