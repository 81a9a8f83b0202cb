// SPDX-License-Identifier: Apache-2.0
#include "ferry/tensor.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "base/allocator.h"
#include "base/int128.h"
#include "base/status.h"
#include "tensor/size.h"

namespace ferry {

namespace {

// The product of the dims that are not zero: strides of an empty tensor are computed too.
Result<int64_t> checked_span(std::span<const int64_t> dims) {
  int64_t count = 1;
  for (int64_t d : dims) {
    if (d < 0) return invalid_argument("dimension {} is negative", d);
    if (d != 0 && __builtin_mul_overflow(count, d, &count)) {
      return limit_exceeded("the number of elements of {} overflows 64 bits",
                            Dims(dims).to_string());
    }
  }
  return count;
}

}  // namespace

Result<int64_t> checked_count(std::span<const int64_t> dims) {
  FERRY_ASSIGN_OR_RETURN(const int64_t span, checked_span(dims));
  return std::find(dims.begin(), dims.end(), 0) == dims.end() ? span : 0;
}

Result<size_t> checked_size_bytes(DType type, std::span<const int64_t> dims) {
  FERRY_ASSIGN_OR_RETURN(const int64_t span, checked_span(dims));
  const int bits =
      type == DType::kString ? 8 * static_cast<int>(sizeof(std::string)) : dtype_bits(type);
  if (bits == 0) return unsupported_type("element type {}", dtype_name(type));
  const auto total = (static_cast<uint128>(span) * static_cast<unsigned>(bits) + 7) / 8;
  if (total > static_cast<uint128>(INT64_MAX)) {
    return limit_exceeded("{}{} needs more bytes than 63 bits can count", dtype_name(type),
                          Dims(dims).to_string());
  }
  const bool empty = std::find(dims.begin(), dims.end(), 0) != dims.end();
  return empty ? 0 : static_cast<size_t>(total);
}

size_t alignment_of(DType type) noexcept {
  switch (type) {
    case DType::kComplex64:
      return 4;
    case DType::kComplex128:
      return 8;
    default:
      return std::max<size_t>(1, static_cast<size_t>(dtype_bits(type)) / 8);
  }
}

Tensor::Tensor(Tensor&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      count_(std::exchange(other.count_, 0)),
      dims_(std::exchange(other.dims_, {})),
      type_(std::exchange(other.type_, DType::kUndefined)),
      owner_(std::move(other.owner_)) {}

Tensor& Tensor::operator=(Tensor&& other) noexcept {
  Tensor taken(std::move(other));
  std::swap(data_, taken.data_);
  std::swap(count_, taken.count_);
  std::swap(dims_, taken.dims_);
  std::swap(type_, taken.type_);
  owner_.swap(taken.owner_);
  return *this;
}

Result<Tensor> Tensor::allocate(DType type, const Dims& dims, MemoryBudget* budget) {
  FERRY_ASSIGN_OR_RETURN(const size_t bytes, checked_size_bytes(type, dims));
  FERRY_ASSIGN_OR_RETURN(std::shared_ptr<void> buffer, allocate_buffer(bytes, budget));
  void* data = buffer.get();
  if (type != DType::kString) return share(type, dims, data, std::move(buffer));
  auto* strings = static_cast<std::string*>(data);
  const int64_t count = dims.count();
  std::uninitialized_default_construct_n(strings, count);
  std::shared_ptr<void> owner(data, [strings, count, buffer = std::move(buffer)](void*) {
    std::destroy_n(strings, count);
  });
  return share(type, dims, data, std::move(owner));
}

Tensor Tensor::borrow(DType type, const Dims& dims, void* data) noexcept {
  Tensor t;
  t.data_ = data;
  t.dims_ = dims;
  t.count_ = dims.count();
  t.type_ = type;
  return t;
}

Tensor Tensor::share(DType type, const Dims& dims, void* data,
                     std::shared_ptr<void> owner) noexcept {
  Tensor t = borrow(type, dims, data);
  t.owner_ = std::move(owner);
  return t;
}

size_t Tensor::size_bytes() const noexcept {
  const auto n = static_cast<size_t>(count_);
  if (type_ == DType::kString) return n * sizeof(std::string);
  const auto bits = static_cast<size_t>(dtype_bits(type_));
  return bits >= 8 ? n * (bits / 8) : (n * bits + 7) / 8;
}

Tensor Tensor::reshaped(const Dims& dims) const noexcept {
  FERRY_DCHECK(dims.count() == count_);
  Tensor t = *this;
  t.dims_ = dims;
  return t;
}

Result<Tensor> Tensor::clone(MemoryBudget* budget) const {
  if (!defined()) return Tensor();
  FERRY_ASSIGN_OR_RETURN(Tensor copy, allocate(type_, dims_, budget));
  if (type_ == DType::kString) {
    std::copy_n(data<std::string>(), count_, copy.data<std::string>());
  } else if (count_ > 0) {
    std::memcpy(copy.data_, data_, size_bytes());
  }
  return copy;
}

std::string Tensor::describe() const { return std::string(dtype_name(type_)) + dims_.to_string(); }

Value::Value(Value&& other) noexcept : content_(std::exchange(other.content_, {})) {}

Value& Value::operator=(Value&& other) noexcept {
  Value taken(std::move(other));
  content_.swap(taken.content_);
  return *this;
}

Value::Value(Sequence sequence) : content_(std::make_shared<const Sequence>(std::move(sequence))) {}
Value::Value(Map map) : content_(std::make_shared<const Map>(std::move(map))) {}
const Sequence& Value::sequence() const { return *std::get<2>(content_); }
const Map& Value::map() const { return *std::get<3>(content_); }

std::string Value::describe() const {
  if (is_tensor()) return tensor().describe();
  if (is_sequence()) return fmt::format("sequence of {}", sequence().size());
  if (is_map()) return fmt::format("map of {}", this->map().values.size());
  return "none";
}

}  // namespace ferry
