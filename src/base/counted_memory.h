// SPDX-License-Identifier: Apache-2.0
// What buffers of every kind have in common: a budget counts them until their last owner is gone.
#pragma once

#include <cstddef>
#include <memory>

#include "base/allocator.h"
#include "base/status.h"

namespace ferry {

// Where memory comes from, in multiples of `unit` bytes. `take` gives null when there is no more.
struct MemorySource {
  void* (*take)(size_t bytes) noexcept;
  void (*give_back)(void* memory, size_t bytes) noexcept;
  size_t unit;
};

// The heap, kAlignment-aligned.
MemorySource heap_memory() noexcept;

// As allocate_buffer().
Result<std::shared_ptr<void>> counted_memory(const MemorySource& source, size_t bytes,
                                             MemoryBudget* budget, size_t wanted);

}  // namespace ferry
