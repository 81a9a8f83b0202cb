// SPDX-License-Identifier: Apache-2.0
#include "ops/ml/key_index.h"

#include <algorithm>

namespace ferry {

KeyIndex::KeyIndex(const Tensor& keys) {
  const int64_t n = keys.count();
  if (keys.dtype() == DType::kString) {
    for (int64_t i = 0; i < n; ++i) strings_[keys.data<std::string>()[i]] = i;
    return;
  }
  numbers_.resize(std::bit_ceil(2 * static_cast<size_t>(n) + 1));
  shift_ = 64 - std::countr_zero(numbers_.size());
  const int64_t most = 16 * (n + 16);
  int64_t steps = 0;
  for (int64_t i = 0; i < n && steps <= most; ++i) {
    const int64_t key = number_key(keys, i);
    const size_t at = slot_of(key);
    numbers_[at] = {key, i};
    steps += static_cast<int64_t>((at - first_slot(key)) & (numbers_.size() - 1));
  }
  if (steps <= most) return;
  sorted_ = true;
  numbers_.clear();
  for (int64_t i = 0; i < n; ++i) numbers_.push_back({number_key(keys, i), i});
  std::sort(numbers_.begin(), numbers_.end(), [](const Entry& a, const Entry& b) {
    return a.key != b.key ? a.key < b.key : a.place < b.place;
  });
}

int64_t KeyIndex::find_sorted(int64_t key) const {
  size_t begin = 0, end = numbers_.size();  // the first that is larger lies in [begin, end]
  while (begin < end) {
    const size_t middle = (begin + end) / 2;
    (numbers_[middle].key <= key ? begin : end) = numbers_[middle].key <= key ? middle + 1 : middle;
  }
  return begin == 0 || numbers_[begin - 1].key != key ? -1 : numbers_[begin - 1].place;
}

}  // namespace ferry
