// SPDX-License-Identifier: Apache-2.0
// Tensor: a typed, dense, row-major array; Value: a tensor, sequence, map or nothing.
//
//   float pixels[3 * 4];
//   ferry::Tensor view = ferry::Tensor::borrow(ferry::DType::kFloat32, {3, 4}, pixels);
//   ferry::Result<ferry::Tensor> own = ferry::Tensor::allocate(ferry::DType::kFloat32, {3, 4});
//
// Ownership: copies of a Tensor share storage; a borrowed Tensor must not outlive what it views.
// Threads:   reading from several threads is safe; writing is the caller's to order.
#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "ferry/status.h"
#include "ferry/types.h"

namespace ferry {

class MemoryBudget;

class FERRY_API Tensor {
 public:
  // No tensor: defined() is false, as it is of one that was moved from.
  Tensor() noexcept = default;
  Tensor(const Tensor&) = default;
  Tensor& operator=(const Tensor&) = default;
  Tensor(Tensor&& other) noexcept;
  Tensor& operator=(Tensor&& other) noexcept;
  ~Tensor() = default;

  // New storage, 64-byte aligned, uninitialised (strings: empty).
  // Errors: kInvalidArgument  a negative dimension
  //         kLimitExceeded    the size overflows
  //         kOutOfMemory      `budget` (default: none) or the machine is exhausted
  static Result<Tensor> allocate(DType type, const Dims& dims, MemoryBudget* budget = nullptr);
  // A view of the caller's memory, which must hold `size_bytes()` bytes and outlive the view.
  static Tensor borrow(DType type, const Dims& dims, void* data) noexcept;
  static Tensor borrow(DType type, const Dims& dims, const void* data) noexcept {
    return borrow(type, dims, const_cast<void*>(data));
  }
  // A view that keeps `owner` alive.
  static Tensor share(DType type, const Dims& dims, void* data,
                      std::shared_ptr<void> owner) noexcept;

  bool defined() const noexcept { return type_ != DType::kUndefined; }
  DType dtype() const noexcept { return type_; }
  const Dims& dims() const noexcept { return dims_; }
  size_t rank() const noexcept { return dims_.size(); }
  int64_t dim(size_t i) const noexcept { return dims_[i]; }
  int64_t count() const noexcept { return count_; }
  // Bytes of the elements; packed types round up; strings count sizeof(std::string).
  size_t size_bytes() const noexcept;

  void* raw() noexcept { return data_; }
  const void* raw() const noexcept { return data_; }
  template <class T>
  T* data() noexcept {
    return static_cast<T*>(data_);
  }
  template <class T>
  const T* data() const noexcept {
    return static_cast<const T*>(data_);
  }
  template <class T>
  std::span<const T> elements() const noexcept {
    return {data<T>(), static_cast<size_t>(count_)};
  }

  // The same elements under other dimensions of the same count; shares storage.
  Tensor reshaped(const Dims& dims) const noexcept;
  // A deep copy.
  Result<Tensor> clone(MemoryBudget* budget = nullptr) const;
  std::string describe() const;  // "f32[1,3,224,224]"
  const std::shared_ptr<void>& owner() const noexcept { return owner_; }

 private:
  void* data_ = nullptr;
  int64_t count_ = 0;
  Dims dims_;
  DType type_ = DType::kUndefined;
  std::shared_ptr<void> owner_;
};

class Value;
using Sequence = std::vector<Value>;

// An ONNX map: `keys` is a 1-D tensor of integers or strings, `values[i]` belongs to keys[i].
struct Map;

// What flows along an edge of a model: nothing (an empty optional), a tensor, a sequence or a map.
class FERRY_API Value {
 public:
  // Nothing, as one that was moved from.
  Value() noexcept = default;
  Value(const Value&) = default;
  Value& operator=(const Value&) = default;
  Value(Value&& other) noexcept;
  Value& operator=(Value&& other) noexcept;
  ~Value() = default;
  Value(Tensor tensor) : content_(std::move(tensor)) {}  // NOLINT: implicit by design
  explicit Value(Sequence sequence);
  explicit Value(Map map);

  bool is_none() const noexcept { return content_.index() == 0; }
  bool is_tensor() const noexcept { return content_.index() == 1; }
  bool is_sequence() const noexcept { return content_.index() == 2; }
  bool is_map() const noexcept { return content_.index() == 3; }
  // The caller has looked at is_tensor() and so on.
  const Tensor& tensor() const { return std::get<1>(content_); }
  Tensor& tensor() { return std::get<1>(content_); }
  const Sequence& sequence() const;
  const Map& map() const;
  std::string describe() const;

 private:
  std::variant<std::monostate, Tensor, std::shared_ptr<const Sequence>, std::shared_ptr<const Map>>
      content_;
};

struct Map {
  Tensor keys;
  std::vector<Value> values;
};

// The element type of a C++ type.
template <class T>
constexpr DType dtype_of() noexcept {
  if constexpr (std::is_same_v<T, float>)
    return DType::kFloat32;
  else if constexpr (std::is_same_v<T, double>)
    return DType::kFloat64;
  else if constexpr (std::is_same_v<T, uint8_t>)
    return DType::kUInt8;
  else if constexpr (std::is_same_v<T, int8_t>)
    return DType::kInt8;
  else if constexpr (std::is_same_v<T, uint16_t>)
    return DType::kUInt16;
  else if constexpr (std::is_same_v<T, int16_t>)
    return DType::kInt16;
  else if constexpr (std::is_same_v<T, int32_t>)
    return DType::kInt32;
  else if constexpr (std::is_same_v<T, int64_t>)
    return DType::kInt64;
  else if constexpr (std::is_same_v<T, uint32_t>)
    return DType::kUInt32;
  else if constexpr (std::is_same_v<T, uint64_t>)
    return DType::kUInt64;
  else if constexpr (std::is_same_v<T, bool>)
    return DType::kBool;
  else if constexpr (std::is_same_v<T, std::string>)
    return DType::kString;
  else
    static_assert(sizeof(T) == 0, "no element type for this C++ type");
}

}  // namespace ferry
