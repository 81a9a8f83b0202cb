// SPDX-License-Identifier: Apache-2.0
// Buffers of whole pages, mapped by themselves: freed, they go back to the machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/allocator.h"
#include "base/status.h"

namespace ferry {

// Whether a buffer of two megabytes and more lies on huge pages. A virtual machine whose free
// memory was given back to its host takes milliseconds for each.
enum class HugePages : uint8_t {
  kWanted,      // where the machine has them
  kWhereQuick,  // where it has the first one at once
  kLater,       // on small ones, but for what take_huge_pages() gets
};

// allocate_buffer() in whole pages.
Result<std::shared_ptr<void>> allocate_pages(size_t bytes, MemoryBudget* budget, size_t wanted,
                                             HugePages huge);

// For memory of HugePages::kLater that is about to be written: takes the huge pages that begin in
// [begin, begin + bytes) and end before `limit`, while the machine has them at once.
void take_huge_pages(void* begin, size_t bytes, const void* limit) noexcept;

// Moves memory that lies on small pages to huge ones, whole ones only: milliseconds for each.
// Others may read and write it meanwhile. False when the machine does not do it.
bool gather_pages(void* begin, size_t bytes) noexcept;

}  // namespace ferry
