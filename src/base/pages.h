// SPDX-License-Identifier: Apache-2.0
// Buffers of whole pages, mapped by themselves: freed, they go back to the machine.
#pragma once

#include <cstddef>
#include <memory>

#include "base/allocator.h"
#include "base/status.h"

namespace ferry {

// allocate_buffer() in whole pages. From two megabytes on it lies on huge pages where the machine
// has them.
Result<std::shared_ptr<void>> allocate_pages(size_t bytes, MemoryBudget* budget, size_t wanted);

}  // namespace ferry
