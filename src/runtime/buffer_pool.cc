// SPDX-License-Identifier: Apache-2.0
#include "runtime/buffer_pool.h"

#include <algorithm>

#include "base/status.h"

namespace ferry {
namespace {

// Idle buffers kept per pool: more than the dynamic values alive at once in any model seen.
constexpr size_t kMaxIdle = 64;

// Sizes come in steps of a quarter of a power of two, so that similar sizes share buffers while
// at most 25 % is wasted.
size_t size_class(size_t bytes) {
  if (bytes <= 256) return 256;
  const int top = 63 - __builtin_clzll(bytes - 1);
  const size_t step = size_t{1} << (top - 2);
  return (bytes + step - 1) / step * step;
}

}  // namespace

BufferPool::BufferPool(MemoryBudget* budget)
    : budget_(budget != nullptr ? budget->shared_from_this() : nullptr) {}

Result<std::shared_ptr<void>> BufferPool::take(size_t bytes) {
  if (bytes > SIZE_MAX / 2) return out_of_memory("{} bytes wanted", bytes);
  const size_t wanted = size_class(bytes);
  std::shared_ptr<void> memory;
  size_t have = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto it =
        std::find_if(free_.begin(), free_.end(), [&](const Free& f) { return f.bytes == wanted; });
    if (it != free_.end()) {
      memory = std::move(it->memory);
      have = it->bytes;
      free_.erase(it);
    }
  }
  if (!memory) {
    Result<std::shared_ptr<void>> fresh = allocate_buffer(wanted, budget_.get());
    if (!fresh.ok() && fresh.status().code() == Code::kOutOfMemory) {
      trim();
      fresh = allocate_buffer(wanted, budget_.get());
    }
    if (!fresh.ok()) return fresh;
    memory = *std::move(fresh);
    have = wanted;
  }
  void* raw = memory.get();
  return std::shared_ptr<void>(
      raw, [pool = weak_from_this(), memory = std::move(memory), have](void*) mutable {
        const std::shared_ptr<BufferPool> p = pool.lock();
        if (!p) return;
        const std::lock_guard lock(p->mutex_);
        if (p->free_.size() < kMaxIdle) p->free_.push_back({have, std::move(memory)});
      });
}

void BufferPool::trim() {
  const std::lock_guard lock(mutex_);
  free_.clear();
}

}  // namespace ferry
