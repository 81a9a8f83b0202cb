// SPDX-License-Identifier: Apache-2.0
#include "base/pages.h"

#include <sys/mman.h>
#include <unistd.h>

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

// Of a huge page and more: aligned to one. Null when the machine has no more.
void* map_pages(size_t bytes) noexcept {
  const bool huge = bytes >= kHugePage;
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

void unmap_pages(void* p, size_t bytes) noexcept { (void)munmap(p, bytes); }

}  // namespace

Result<std::shared_ptr<void>> allocate_pages(size_t bytes, MemoryBudget* budget, size_t wanted) {
  static const auto page = static_cast<size_t>(sysconf(_SC_PAGE_SIZE));
  const MemorySource pages{map_pages, unmap_pages, page};
  return counted_memory(kHeapOnly ? heap_memory() : pages, bytes, budget, wanted);
}

}  // namespace ferry
