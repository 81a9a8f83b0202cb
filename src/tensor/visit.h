// SPDX-License-Identifier: Apache-2.0
// Calls a generic lambda with the C++ type of an element type:
//
//   return visit_numeric(x.dtype(), [&]<class T>(TypeTag<T>) -> Status { ... T* p ... });
#pragma once

#include <complex>
#include <cstdint>
#include <string>

#include "base/float16.h"
#include "base/status.h"
#include "ferry/types.h"

namespace ferry {

template <class T>
struct TypeTag {
  using type = T;
};

// The type in which reference kernels compute with T: float for 16-bit floats, else T itself.
template <class T>
struct Compute {
  using type = T;
};
template <>
struct Compute<half> {
  using type = float;
};
template <>
struct Compute<bfloat16> {
  using type = float;
};
template <class T>
using compute_t = typename Compute<T>::type;

template <class T>
inline constexpr bool is_floating_v =
    std::is_floating_point_v<T> || std::is_same_v<T, half> || std::is_same_v<T, bfloat16>;

template <class F>
Status visit_floating(DType type, F&& f) {
  switch (type) {
    case DType::kFloat32:
      return f(TypeTag<float>{});
    case DType::kFloat64:
      return f(TypeTag<double>{});
    case DType::kFloat16:
      return f(TypeTag<half>{});
    case DType::kBFloat16:
      return f(TypeTag<bfloat16>{});
    default:
      return unsupported_type("element type {} is not floating", dtype_name(type));
  }
}

template <class F>
Status visit_integer(DType type, F&& f) {
  switch (type) {
    case DType::kInt8:
      return f(TypeTag<int8_t>{});
    case DType::kInt16:
      return f(TypeTag<int16_t>{});
    case DType::kInt32:
      return f(TypeTag<int32_t>{});
    case DType::kInt64:
      return f(TypeTag<int64_t>{});
    case DType::kUInt8:
      return f(TypeTag<uint8_t>{});
    case DType::kUInt16:
      return f(TypeTag<uint16_t>{});
    case DType::kUInt32:
      return f(TypeTag<uint32_t>{});
    case DType::kUInt64:
      return f(TypeTag<uint64_t>{});
    default:
      return unsupported_type("element type {} is no integer", dtype_name(type));
  }
}

// Floating and integer types.
template <class F>
Status visit_numeric(DType type, F&& f) {
  switch (type) {
    case DType::kFloat32:
    case DType::kFloat64:
    case DType::kFloat16:
    case DType::kBFloat16:
      return visit_floating(type, f);
    default:
      return visit_integer(type, f);
  }
}

// Types that move elements without reading them: an unsigned integer of the element's size (two
// words for 128 bits) or std::string. Packed types are refused: unpack them first.
struct Word128 {
  uint64_t low = 0, high = 0;
};
template <class F>
Status visit_storage(DType type, F&& f) {
  if (type == DType::kString) return f(TypeTag<std::string>{});
  switch (dtype_bits(type)) {
    case 8:
      return f(TypeTag<uint8_t>{});
    case 16:
      return f(TypeTag<uint16_t>{});
    case 32:
      return f(TypeTag<uint32_t>{});
    case 64:
      return f(TypeTag<uint64_t>{});
    case 128:
      return f(TypeTag<Word128>{});
    default:
      return unsupported_type("element type {} has no bytes of its own", dtype_name(type));
  }
}

}  // namespace ferry
