// SPDX-License-Identifier: Apache-2.0
// Large arrays that a reference kernel works in: counted like tensors, and on pages that are
// quickly given back, which a run that was stopped waits for.
#pragma once

#include <algorithm>
#include <memory>
#include <type_traits>

#include "base/status.h"
#include "ir/eval.h"
#include "ops/in_ranges.h"

namespace ferry {

template <class T>
class WorkingArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  WorkingArray() = default;
  // `size` elements without values. Errors: kOutOfMemory.
  static Result<WorkingArray> make(EvalContext& c, int64_t size) {
    WorkingArray a;
    a.size_ = static_cast<size_t>(size);
    size_t bytes = 0;
    // An axis of a tensor without elements can be that long.
    if (__builtin_mul_overflow(a.size_, sizeof(T), &bytes)) {
      return limit_exceeded("{} elements of {} bytes", size, sizeof(T));
    }
    FERRY_ASSIGN_OR_RETURN(a.memory_, allocate_buffer(bytes, c.budget()));
    return a;
  }
  static Result<WorkingArray> filled(EvalContext& c, int64_t size, T value) {
    FERRY_ASSIGN_OR_RETURN(WorkingArray a, make(c, size));
    FERRY_RETURN_IF_ERROR(in_ranges(c, size, 1, [&](int64_t from, int64_t to) {
      std::fill(a.data() + from, a.data() + to, value);
    }));
    return a;
  }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* data() { return static_cast<T*>(memory_.get()); }
  const T* data() const { return static_cast<const T*>(memory_.get()); }
  T* begin() { return data(); }
  T* end() { return data() + size_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size_; }
  T& operator[](size_t i) { return data()[i]; }
  const T& operator[](size_t i) const { return data()[i]; }

 private:
  std::shared_ptr<void> memory_;
  size_t size_ = 0;
};

}  // namespace ferry
