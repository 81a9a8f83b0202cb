// SPDX-License-Identifier: Apache-2.0
#include "tensor/int_contents.h"

#include <algorithm>

namespace ferry {
namespace {

template <class T>
std::optional<std::vector<int64_t>> widen(const Tensor& t) {
  std::vector<int64_t> out;
  out.reserve(static_cast<size_t>(t.count()));
  for (T v : t.elements<T>()) {
    if constexpr (std::is_same_v<T, uint64_t>) {
      if (v > static_cast<uint64_t>(INT64_MAX)) return std::nullopt;
    }
    out.push_back(static_cast<int64_t>(v));
  }
  return out;
}

}  // namespace

std::optional<std::vector<int64_t>> int_contents(const Tensor& t) {
  switch (t.dtype()) {
    case DType::kInt64:
      return widen<int64_t>(t);
    case DType::kInt32:
      return widen<int32_t>(t);
    case DType::kInt16:
      return widen<int16_t>(t);
    case DType::kInt8:
      return widen<int8_t>(t);
    case DType::kUInt64:
      return widen<uint64_t>(t);
    case DType::kUInt32:
      return widen<uint32_t>(t);
    case DType::kUInt16:
      return widen<uint16_t>(t);
    case DType::kUInt8:
      return widen<uint8_t>(t);
    case DType::kBool:
      return widen<uint8_t>(t);
    default:
      return std::nullopt;
  }
}

Tensor int64_tensor(const std::vector<int64_t>& values, bool scalar) {
  const Dims dims = scalar ? Dims{} : Dims{static_cast<int64_t>(values.size())};
  Result<Tensor> t = Tensor::allocate(DType::kInt64, dims);
  if (!t.ok()) return {};
  std::copy(values.begin(), values.end(), t->data<int64_t>());
  return *std::move(t);
}

}  // namespace ferry
