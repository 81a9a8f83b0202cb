// SPDX-License-Identifier: Apache-2.0
#include "base/allocator.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <new>
#include <string>

#include "base/status.h"

namespace ferry {
namespace {

uint64_t read_limit(const char* path) {
  std::ifstream file(path);
  std::string word;
  if (!(file >> word) || word == "max") return 0;
  char* end = nullptr;
  const unsigned long long value = std::strtoull(word.c_str(), &end, 10);
  // cgroup v1 reports "no limit" as a number near 2^63.
  return end == word.c_str() || value > (1ull << 60) ? 0 : value;
}

}  // namespace

uint64_t available_memory_bytes() noexcept {
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page = sysconf(_SC_PAGE_SIZE);
  uint64_t bytes = pages > 0 && page > 0
                       ? static_cast<uint64_t>(pages) * static_cast<uint64_t>(page)
                       : (1ull << 32);
  try {
    for (const char* path :
         {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
      const uint64_t limit = read_limit(path);
      if (limit != 0 && limit < bytes) bytes = limit;
    }
  } catch (...) {  // the machine's memory stands
  }
  return bytes;
}

std::shared_ptr<MemoryBudget> MemoryBudget::create(uint64_t limit_bytes) {
  // 80 %: the rest is for the process's own code, stacks and page cache.
  if (limit_bytes == 0) limit_bytes = available_memory_bytes() / 5 * 4;
  return std::shared_ptr<MemoryBudget>(new MemoryBudget(limit_bytes));
}

Status MemoryBudget::reserve(uint64_t bytes, uint64_t wanted) {
  if (countdown_.load(std::memory_order_relaxed) > 0 &&
      countdown_.fetch_sub(1, std::memory_order_relaxed) == 1) {
    return out_of_memory("injected failure of an allocation of {} bytes", wanted);
  }
  uint64_t used = used_.load(std::memory_order_relaxed);
  do {
    if (bytes > limit_ || used > limit_ - bytes) {
      return out_of_memory(
          "{} bytes wanted, {} of the budget of {} are in use; raise memory_limit_bytes or use "
          "smaller inputs",
          wanted, used, limit_);
    }
  } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
  uint64_t peak = peak_.load(std::memory_order_relaxed);
  while (peak < used + bytes &&
         !peak_.compare_exchange_weak(peak, used + bytes, std::memory_order_relaxed)) {
  }
  return {};
}

namespace {

// Buffers of this size or more are mapped by themselves and go back to the machine when freed. From
// the heap, buffers that grow with the shapes of the runs leave holes that nothing else fits into.
// Below it the page faults of a fresh mapping would cost more than the holes.
constexpr size_t kMapped = size_t{256} << 10;

// Large buffers ask for huge pages: weights that are read once per run would otherwise miss the
// TLB all the time, and first touching them would cost 512 times as many faults.
constexpr size_t kHugePage = size_t{2} << 20;

// Sanitizers see what lies on the heap only.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kHeapOnly = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
constexpr bool kHeapOnly = true;
#else
constexpr bool kHeapOnly = false;
#endif
#else
constexpr bool kHeapOnly = false;
#endif

bool is_mapped(size_t bytes) { return !kHeapOnly && bytes >= kMapped; }

// Whole pages; of several huge pages' size: aligned to one. Null when the machine has no more.
void* map_pages(size_t bytes) {
  const bool huge = bytes >= 2 * kHugePage;
  const size_t slack = huge ? kHugePage : 0;
  if (bytes > SIZE_MAX - slack) return nullptr;
  void* mapped =
      mmap(nullptr, bytes + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  if (!huge) return mapped;
  auto* begin = static_cast<std::byte*>(mapped);
  const size_t before = (kHugePage - reinterpret_cast<uintptr_t>(mapped) % kHugePage) % kHugePage;
  if (before > 0) (void)munmap(begin, before);
  if (slack > before) (void)munmap(begin + before + bytes, slack - before);
#ifdef MADV_HUGEPAGE
  // Whole pages only, so that no memory is spent beyond the end; a refusal costs speed alone.
  (void)madvise(begin + before, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
  return begin + before;
}

// What is allocated for `bytes`.
size_t padded_bytes(size_t bytes) {
  static const auto page = static_cast<size_t>(sysconf(_SC_PAGE_SIZE));
  if (bytes == 0) return kAlignment;
  const size_t unit = is_mapped(bytes) ? page : kAlignment;
  return (bytes + unit - 1) / unit * unit;
}

}  // namespace

Result<std::shared_ptr<void>> allocate_buffer(size_t bytes, MemoryBudget* budget, size_t wanted) {
  if (bytes > SIZE_MAX / 2) return out_of_memory("{} bytes wanted", wanted);
  const size_t padded = padded_bytes(bytes);
  const bool mapped = is_mapped(padded);
  std::shared_ptr<MemoryBudget> counted;
  if (budget != nullptr) {
    FERRY_RETURN_IF_ERROR(budget->reserve(padded, wanted));
    counted = budget->shared_from_this();
  }
  void* p = mapped ? map_pages(padded) : std::aligned_alloc(kAlignment, padded);
  if (p == nullptr) {
    if (counted) counted->release(padded);
    return out_of_memory("the machine has no {} bytes left", wanted);
  }
  return std::shared_ptr<void>(p, [counted, padded, mapped](void* q) {
    if (mapped) {
      (void)munmap(q, padded);
    } else {
      std::free(q);
    }
    if (counted) counted->release(padded);
  });
}

}  // namespace ferry
