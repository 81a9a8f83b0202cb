// SPDX-License-Identifier: Apache-2.0
// BufferPool: recycles the memory of values whose size is only known when they are computed.
// A buffer returns to the pool with its last owner, so after warm-up nothing is allocated.
//
// What lies idle is bounded: before it grows, the pool frees what the current run has not used, so
// that it never holds more than the largest set of buffers that one run has used, and what callers
// still own. A pool that keeps nothing frees what is idle whenever no run is going on.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/allocator.h"
#include "base/fork_mutex.h"

namespace ferry {

class BufferPool : public std::enable_shared_from_this<BufferPool> {
 public:
  explicit BufferPool(MemoryBudget* budget, bool keeps = true);

  // At least `bytes`, 64-byte aligned, uninitialised. Thread-safe. Errors: kOutOfMemory.
  Result<std::shared_ptr<void>> take(size_t bytes);
  // Frees what is idle.
  void trim();

  // Marks the time of a run; runs may overlap.
  class Run {
   public:
    explicit Run(BufferPool& pool) : pool_(pool) { pool_.count_run(1); }
    ~Run() { pool_.count_run(-1); }
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

   private:
    BufferPool& pool_;
  };

  size_t idle_bytes() const;
  size_t lent_bytes() const;

 private:
  // A buffer begins with room for the control block of the shared_ptr that lends it, so that
  // lending one again allocates nothing.
  struct Block {
    std::shared_ptr<void> memory;
    size_t bytes = 0;
    uint64_t run = 0;  // that used it last
  };
  template <class T>
  struct HeaderAllocator;

  Result<Block> find_or_allocate(size_t wanted);
  void give_back(Block block) noexcept;
  void count_run(int change);
  // Frees blocks that no current run has used, until `bytes` are free or none is left. Requires the
  // lock.
  void free_stale(size_t bytes);
  void free_idle();

  std::shared_ptr<MemoryBudget> budget_;
  const bool keeps_;
  mutable ForkMutex mutex_;
  std::vector<Block> idle_;  // by size; has room for every block, so that giving back cannot fail
  size_t blocks_ = 0;        // idle and lent
  size_t idle_bytes_ = 0, lent_bytes_ = 0;
  uint64_t run_ = 0;     // the newest
  uint64_t active_ = 0;  // runs now
};

}  // namespace ferry
