// SPDX-License-Identifier: Apache-2.0
#include "base/counted_memory.h"

#include <cstdint>
#include <cstdlib>

namespace ferry {

MemorySource heap_memory() noexcept {
  return {[](size_t bytes) noexcept { return std::aligned_alloc(kAlignment, bytes); },
          [](void* memory, size_t) noexcept { std::free(memory); }, kAlignment};
}

Result<std::shared_ptr<void>> counted_memory(const MemorySource& source, size_t bytes,
                                             MemoryBudget* budget, size_t wanted) {
  if (bytes > SIZE_MAX / 2) return out_of_memory("{} bytes wanted", wanted);
  const size_t whole =
      bytes == 0 ? source.unit : (bytes + source.unit - 1) / source.unit * source.unit;
  std::shared_ptr<MemoryBudget> counted;
  if (budget != nullptr) {
    FERRY_RETURN_IF_ERROR(budget->reserve(whole, wanted));
    counted = budget->shared_from_this();
  }
  void* p = source.take(whole);
  if (p == nullptr) {
    if (counted) counted->release(whole);
    return out_of_memory("the machine has no {} bytes left", wanted);
  }
  return std::shared_ptr<void>(p, [counted, whole, give_back = source.give_back](void* q) {
    give_back(q, whole);
    if (counted) counted->release(whole);
  });
}

}  // namespace ferry
