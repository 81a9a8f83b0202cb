// SPDX-License-Identifier: Apache-2.0
// GrowingBuffer: memory that is kept from run to run and replaced when a run wants more. What it
// held goes back to the machine then, so that many sizes leave no holes in the heap.
#pragma once

#include <cstddef>
#include <memory>

#include "base/pages.h"
#include "base/status.h"

namespace ferry {

class GrowingBuffer {
 public:
  void* data() const { return memory_.get(); }
  size_t size() const { return size_; }

  bool holds(size_t bytes) const { return memory_ != nullptr && size_ >= bytes; }
  // At least `bytes`, 64-byte aligned; the contents are lost where it grows. After an error it is
  // empty.
  Status reserve(size_t bytes, MemoryBudget* budget) {
    if (holds(bytes)) return {};
    memory_.reset();
    size_ = 0;
    FERRY_ASSIGN_OR_RETURN(memory_, bytes >= kMapped
                                        ? allocate_pages(bytes, budget, bytes, HugePages::kWanted)
                                        : allocate_buffer(bytes, budget));
    size_ = bytes;
    return {};
  }

 private:
  // Below it the rest of the last page would be worth more than the hole.
  static constexpr size_t kMapped = size_t{64} << 10;

  std::shared_ptr<void> memory_;
  size_t size_ = 0;
};

}  // namespace ferry
