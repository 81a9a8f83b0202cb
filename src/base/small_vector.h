// SPDX-License-Identifier: Apache-2.0
// SmallVector: a vector of plain values that holds up to N of them in itself, so that short lists
// (axes, sizes, pads) cost no allocation.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <type_traits>
#include <vector>

namespace ferry {

template <class T, size_t N>
class SmallVector {
  static_assert(std::is_trivially_copyable_v<T> && !std::is_same_v<T, bool>);

 public:
  using value_type = T;

  SmallVector() = default;
  explicit SmallVector(size_t n, const T& value = T()) { assign(n, value); }
  SmallVector(std::initializer_list<T> values) { assign(values.begin(), values.end()); }
  explicit SmallVector(std::span<const T> values) { assign(values.begin(), values.end()); }
  template <class It>
    requires(!std::is_integral_v<It>)
  SmallVector(It first, It last) {
    assign(first, last);
  }

  size_t size() const noexcept { return more_.empty() ? size_ : more_.size(); }
  bool empty() const noexcept { return size() == 0; }
  T* data() noexcept { return more_.empty() ? few_.data() : more_.data(); }
  const T* data() const noexcept { return more_.empty() ? few_.data() : more_.data(); }
  T* begin() noexcept { return data(); }
  T* end() noexcept { return data() + size(); }
  const T* begin() const noexcept { return data(); }
  const T* end() const noexcept { return data() + size(); }
  T& operator[](size_t i) noexcept { return data()[i]; }
  const T& operator[](size_t i) const noexcept { return data()[i]; }
  T& back() noexcept { return data()[size() - 1]; }
  const T& back() const noexcept { return data()[size() - 1]; }

  void clear() noexcept {
    size_ = 0;
    more_.clear();
  }
  void push_back(const T& value) {
    if (more_.empty() && size_ < N) {
      few_[size_++] = value;
      return;
    }
    const T copy = value;  // `value` may lie in what moves
    if (more_.empty()) more_.assign(few_.begin(), few_.end());
    more_.push_back(copy);
  }
  void assign(size_t n, const T& value) {
    const T copy = value;
    clear();
    if (n > N) {
      more_.assign(n, copy);
      return;
    }
    std::fill_n(few_.begin(), n, copy);
    size_ = n;
  }
  template <class It>
    requires(!std::is_integral_v<It>)
  void assign(It first, It last) {
    clear();
    for (; first != last; ++first) push_back(static_cast<T>(*first));
  }

  friend bool operator==(const SmallVector& a, const SmallVector& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  std::array<T, N> few_{};
  size_t size_ = 0;      // of few_, while more_ is empty
  std::vector<T> more_;  // all values once there are more than N
};

}  // namespace ferry
