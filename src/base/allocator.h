// SPDX-License-Identifier: Apache-2.0
// The one place that allocates tensor memory: counted, bounded, 64-byte aligned.
//
// A budget fails before the allocation, so limits and out-of-memory injection are testable.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "ferry/status.h"

namespace ferry {

// Cache-line alignment; also the widest vector load.
inline constexpr size_t kAlignment = 64;

// Counts bytes against a limit. Thread-safe. Must outlive the buffers it counts unless held by
// shared_ptr (buffers keep a reference).
class FERRY_API MemoryBudget : public std::enable_shared_from_this<MemoryBudget> {
 public:
  // `limit_bytes` of 0 means 80 % of the cgroup's (else the machine's) memory.
  static std::shared_ptr<MemoryBudget> create(uint64_t limit_bytes = 0);

  uint64_t limit() const noexcept { return limit_; }
  uint64_t used() const noexcept { return used_.load(std::memory_order_relaxed); }
  uint64_t peak() const noexcept { return peak_.load(std::memory_order_relaxed); }
  // Test hook: the n-th allocation from now (1 = next) fails; 0 switches it off.
  void fail_after(int64_t n) noexcept { countdown_.store(n, std::memory_order_relaxed); }

  // Reserves `bytes`, or says what is used and that `wanted` were wanted: `bytes` without what
  // alignment and bookkeeping add. Pair with release().
  Status reserve(uint64_t bytes, uint64_t wanted);
  Status reserve(uint64_t bytes) { return reserve(bytes, bytes); }
  void release(uint64_t bytes) noexcept { used_.fetch_sub(bytes, std::memory_order_relaxed); }

 private:
  explicit MemoryBudget(uint64_t limit) : limit_(limit) {}
  const uint64_t limit_;
  std::atomic<uint64_t> used_{0};
  std::atomic<uint64_t> peak_{0};
  std::atomic<int64_t> countdown_{0};
};

// Owned bytes, 64-byte aligned, uninitialised; released to `budget` (if any) with the last owner.
// Errors name `wanted`, where the caller has made more of it.
Result<std::shared_ptr<void>> allocate_buffer(size_t bytes, MemoryBudget* budget, size_t wanted);
inline Result<std::shared_ptr<void>> allocate_buffer(size_t bytes, MemoryBudget* budget) {
  return allocate_buffer(bytes, budget, bytes);
}

// Memory that this process may use: the cgroup's limit or the machine's memory, in bytes.
uint64_t available_memory_bytes() noexcept;

}  // namespace ferry
