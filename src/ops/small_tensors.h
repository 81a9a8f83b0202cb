// SPDX-License-Identifier: Apache-2.0
// Memory for very many small tensors: blocks that several of them share, since memory of their own
// takes long to take and to let go.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/status.h"
#include "ir/eval.h"
#include "tensor/size.h"

namespace ferry {

class SmallTensors {
 public:
  explicit SmallTensors(EvalContext& c) : c_(c) {}

  // As Tensor::allocate.
  Result<Tensor> allocate(DType type, const Dims& dims) {
    FERRY_ASSIGN_OR_RETURN(const size_t bytes, checked_size_bytes(type, dims));
    if (bytes > kSmall || type == DType::kString) {
      return Tensor::allocate(type, dims, c_.budget());
    }
    // One without elements takes room too, so that no number of them is free.
    const size_t room = std::max(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
    if (left_ < room) {
      FERRY_ASSIGN_OR_RETURN(block_, new_block(kBlock / room));
      left_ = kBlock;
    }
    void* data = static_cast<std::byte*>(block_.get()) + (kBlock - left_);
    left_ -= room;
    return Tensor::share(type, dims, data, block_);
  }

  // The tensor itself where it is large, else a copy: what it lay in may be used again.
  Result<Tensor> keep(const Tensor& t) {
    if (t.dtype() == DType::kString || t.size_bytes() > kSmall) return t;
    FERRY_ASSIGN_OR_RETURN(Tensor copy, allocate(t.dtype(), t.dims()));
    if (t.size_bytes() > 0) std::memcpy(copy.raw(), t.raw(), t.size_bytes());
    return copy;
  }

 private:
  // A tensor that outlives the others of its block keeps all of it.
  static constexpr size_t kSmall = 1 << 10, kBlock = 32 << 10;

  // Counts the tensors themselves as well: what holds them is larger than what they hold.
  Result<std::shared_ptr<void>> new_block(size_t tensors) {
    FERRY_ASSIGN_OR_RETURN(std::shared_ptr<void> block, allocate_buffer(kBlock, c_.budget()));
    if (c_.budget() == nullptr) return block;
    const uint64_t extra = tensors * sizeof(Value);
    FERRY_RETURN_IF_ERROR(c_.budget()->reserve(extra));
    return std::shared_ptr<void>(block.get(),
                                 [block, extra, budget = c_.budget()->shared_from_this()](void*) {
                                   budget->release(extra);
                                 });
  }

  EvalContext& c_;
  std::shared_ptr<void> block_;
  size_t left_ = 0;
};

// Room for so many elements that they need not be moved when they are many; what is not used is
// never touched.
template <class Vector>
void reserve_many(Vector& v, int64_t wanted) {
  constexpr int64_t kMost = 1 << 20;
  v.reserve(static_cast<size_t>(std::min(wanted, kMost)));
}

}  // namespace ferry
