// SPDX-License-Identifier: Apache-2.0
// KeyIndex: places of numbers or strings in a list.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <unordered_map>

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
  explicit KeyIndex(const Tensor& keys) {
    for (int64_t i = 0; i < keys.count(); ++i) {
      if (keys.dtype() == DType::kString)
        strings_[keys.data<std::string>()[i]] = i;
      else
        numbers_[number_key(keys, i)] = i;
    }
  }
  // The place of element i of x, which is of the keys' type; -1 for an unknown one.
  int64_t find(const Tensor& x, int64_t i) const {
    if (x.dtype() == DType::kString) return place(strings_, x.data<std::string>()[i]);
    return find_number(number_key(x, i));
  }
  int64_t find_number(int64_t key) const { return place(numbers_, key); }

 private:
  template <class M, class K>
  static int64_t place(const M& map, const K& key) {
    const auto at = map.find(key);
    return at == map.end() ? -1 : at->second;
  }
  std::unordered_map<std::string, int64_t> strings_;
  std::unordered_map<int64_t, int64_t> numbers_;
};

}  // namespace ferry
