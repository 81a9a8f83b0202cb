// SPDX-License-Identifier: Apache-2.0
// KeyIndex: places of numbers or strings in a list.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "ferry/tensor.h"
#include "ops/convert.h"

namespace ferry {

// Number i of x as an integer.
inline int64_t integer_at(const Tensor& x, int64_t i) {
  switch (x.dtype()) {
    case DType::kInt16:
      return x.data<int16_t>()[i];
    case DType::kInt32:
      return x.data<int32_t>()[i];
    case DType::kInt64:
      return x.data<int64_t>()[i];
    case DType::kFloat32:
      return clamp_to_int<int64_t>(x.data<float>()[i]);
    default:
      return clamp_to_int<int64_t>(x.data<double>()[i]);
  }
}

// Number i of x as a key: equal numbers of one type have equal keys, NaN equals NaN.
inline int64_t number_key(const Tensor& x, int64_t i) {
  const bool narrow = x.dtype() == DType::kFloat32;
  if (!narrow && x.dtype() != DType::kFloat64) return integer_at(x, i);
  const double v = narrow ? static_cast<double>(x.data<float>()[i]) : x.data<double>()[i];
  return std::isnan(v) ? INT64_MIN : std::bit_cast<int64_t>(v == 0 ? 0.0 : v);
}

// Places of keys in a list; the last of equal ones counts.
class KeyIndex {
 public:
  explicit KeyIndex(const Tensor& keys);
  // The place of element i of x, which is of the keys' type; -1 for an unknown one.
  int64_t find(const Tensor& x, int64_t i) const {
    if (x.dtype() != DType::kString) return find_number(number_key(x, i));
    const auto at = strings_.find(x.data<std::string>()[i]);
    return at == strings_.end() ? -1 : at->second;
  }
  int64_t find_number(int64_t key) const {
    if (sorted_) return find_sorted(key);
    return numbers_.empty() ? -1 : numbers_[slot_of(key)].place;
  }

 private:
  struct Entry {
    int64_t key = 0, place = -1;
  };

  size_t first_slot(int64_t key) const {
    constexpr uint64_t kGolden = 0x9e3779b97f4a7c15;
    return static_cast<uint64_t>(key) * kGolden >> (shift_ % 64) & (numbers_.size() - 1);
  }
  // Where the key is, or would be: open addressing in a table that is at most half full.
  size_t slot_of(int64_t key) const {
    size_t at = first_slot(key);
    while (numbers_[at].place >= 0 && numbers_[at].key != key) {
      at = (at + 1) & (numbers_.size() - 1);
    }
    return at;
  }
  int64_t find_sorted(int64_t key) const;

  std::unordered_map<std::string, int64_t> strings_;
  std::vector<Entry> numbers_;
  int shift_ = 0;
  bool sorted_ = false;  // numbers_, by key: somebody has chosen them to collide
};

}  // namespace ferry
