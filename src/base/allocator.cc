// SPDX-License-Identifier: Apache-2.0
#include "base/allocator.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <new>
#include <string>

#include "base/counted_memory.h"
#include "base/pages.h"
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
          "{} bytes wanted, {} of the budget of {} are in use; raise the memory limit or use "
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

// Buffers of this size or more are mapped by themselves. From the heap, buffers that grow with the
// shapes of the runs leave holes that nothing else fits into. Below it the page faults of a fresh
// mapping would cost more than the holes.
constexpr size_t kMapped = size_t{256} << 10;

}  // namespace

Result<std::shared_ptr<void>> allocate_buffer(size_t bytes, MemoryBudget* budget, size_t wanted) {
  if (bytes >= kMapped) return allocate_pages(bytes, budget, wanted, HugePages::kWhereQuick);
  return counted_memory(heap_memory(), bytes, budget, wanted);
}

}  // namespace ferry
