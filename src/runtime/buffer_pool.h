// SPDX-License-Identifier: Apache-2.0
// BufferPool: recycles the memory of values whose size is only known when they are computed.
// A buffer returns to the pool with its last owner, so after warm-up nothing is allocated.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "base/allocator.h"

namespace ferry {

class BufferPool : public std::enable_shared_from_this<BufferPool> {
 public:
  explicit BufferPool(MemoryBudget* budget);

  // At least `bytes`, 64-byte aligned, uninitialised. Thread-safe.
  Result<std::shared_ptr<void>> take(size_t bytes);
  // Frees what is idle.
  void trim();

 private:
  struct Free {
    size_t bytes;
    std::shared_ptr<void> memory;
  };
  std::shared_ptr<MemoryBudget> budget_;
  std::mutex mutex_;
  std::vector<Free> free_;
};

}  // namespace ferry
