// SPDX-License-Identifier: Apache-2.0
#include "runtime/buffer_pool.h"

#include <algorithm>
#include <new>
#include <utility>

#include "base/status.h"

namespace ferry {
namespace {

// Room for a control block; keeps the data on a cache line of its own.
constexpr size_t kHeaderBytes = 2 * kAlignment;
// A buffer that a caller has kept for more runs than this is not kept for another.
constexpr uint64_t kRecentRuns = 8;

// Sizes come in steps of an eighth of a power of two, so that similar sizes share buffers while
// at most 12 % is wasted.
size_t size_class(size_t bytes) {
  if (bytes <= 256) return 256;
  const int top = 63 - __builtin_clzll(bytes - 1);
  const size_t step = size_t{1} << (top - 3);
  return (bytes + step - 1) / step * step;
}

}  // namespace

// Hands out the header of a block, and gives the block back when the control block in it goes,
// which is after the last owner and the last observer of the data.
template <class T>
struct BufferPool::HeaderAllocator {
  using value_type = T;

  HeaderAllocator(std::weak_ptr<BufferPool> p, Block b) : pool(std::move(p)), block(std::move(b)) {}
  template <class U>
  HeaderAllocator(const HeaderAllocator<U>& o) : pool(o.pool), block(o.block) {}  // NOLINT

  T* allocate(size_t n) {
    static_assert(sizeof(T) <= kHeaderBytes && alignof(T) <= kAlignment);
    if (n != 1) throw std::bad_alloc();
    return static_cast<T*>(block.memory.get());
  }
  void deallocate(T*, size_t) noexcept {
    if (const std::shared_ptr<BufferPool> p = pool.lock()) p->give_back(std::move(block));
  }
  template <class U>
  bool operator==(const HeaderAllocator<U>& o) const {
    return block.memory == o.block.memory;
  }

  std::weak_ptr<BufferPool> pool;
  Block block;
};

BufferPool::BufferPool(MemoryBudget* budget, bool keeps)
    : budget_(budget != nullptr ? budget->shared_from_this() : nullptr), keeps_(keeps) {}

Result<std::shared_ptr<void>> BufferPool::take(size_t bytes) {
  if (bytes > SIZE_MAX / 2) return out_of_memory("{} bytes wanted", bytes);
  FERRY_ASSIGN_OR_RETURN(Block block, find_or_allocate(bytes));
  void* data = static_cast<char*>(block.memory.get()) + kHeaderBytes;
  const auto keep = [](void*) {};
  HeaderAllocator<char> header(weak_from_this(), std::move(block));
  return std::shared_ptr<void>(data, keep, header);
}

Result<BufferPool::Block> BufferPool::find_or_allocate(size_t wanted) {
  const size_t bytes = size_class(wanted);
  const std::lock_guard lock(mutex_);
  // The smallest that is large enough, unless most of it would lie waste.
  const auto it = std::lower_bound(idle_.begin(), idle_.end(), bytes,
                                   [](const Block& b, size_t n) { return b.bytes < n; });
  Block block;
  if (it != idle_.end() && it->bytes / 2 <= bytes) {
    block = std::move(*it);
    idle_.erase(it);
    idle_bytes_ -= block.bytes;
  } else {
    free_stale(bytes);
    idle_.reserve(blocks_ + 1);
    Result<std::shared_ptr<void>> fresh =
        allocate_buffer(kHeaderBytes + bytes, budget_.get(), wanted);
    if (!fresh.ok() && fresh.status().code() == Code::kOutOfMemory && !idle_.empty()) {
      free_idle();
      fresh = allocate_buffer(kHeaderBytes + bytes, budget_.get(), wanted);
    }
    if (!fresh.ok()) return std::move(fresh).status();
    block.memory = *std::move(fresh);
    block.bytes = bytes;
    ++blocks_;
  }
  block.run = run_;
  lent_bytes_ += block.bytes;
  return block;
}

void BufferPool::give_back(Block block) noexcept {
  const std::lock_guard lock(mutex_);
  lent_bytes_ -= block.bytes;
  if (block.run + kRecentRuns < run_ || (!keeps_ && active_ == 0)) {
    --blocks_;
    return;
  }
  idle_bytes_ += block.bytes;
  const auto at = std::upper_bound(idle_.begin(), idle_.end(), block.bytes,
                                   [](size_t n, const Block& b) { return n < b.bytes; });
  idle_.insert(at, std::move(block));
}

void BufferPool::count_run(int change) {
  const std::lock_guard lock(mutex_);
  if (change > 0) {
    ++run_;
    ++active_;
  } else {
    --active_;
    if (!keeps_ && active_ == 0) free_idle();
  }
}

void BufferPool::free_stale(size_t bytes) {
  size_t freed = 0;
  for (auto it = idle_.begin(); it != idle_.end() && freed < bytes;) {
    if (it->run + active_ > run_) {
      ++it;
      continue;
    }
    freed += it->bytes;
    it = idle_.erase(it);
    --blocks_;
  }
  idle_bytes_ -= freed;
}

void BufferPool::free_idle() {
  blocks_ -= idle_.size();
  idle_.clear();
  idle_bytes_ = 0;
}

void BufferPool::trim() {
  const std::lock_guard lock(mutex_);
  free_idle();
}

size_t BufferPool::idle_bytes() const {
  const std::lock_guard lock(mutex_);
  return idle_bytes_;
}

size_t BufferPool::lent_bytes() const {
  const std::lock_guard lock(mutex_);
  return lent_bytes_;
}

}  // namespace ferry
