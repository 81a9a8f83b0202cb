// SPDX-License-Identifier: Apache-2.0
// Element types and concrete dimensions of tensors.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "ferry/export.h"

namespace ferry {

// Element types, numbered as ONNX TensorProto.DataType.
enum class DType : uint8_t {
  kUndefined = 0,
  kFloat32 = 1,
  kUInt8 = 2,
  kInt8 = 3,
  kUInt16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kFloat64 = 11,
  kUInt32 = 12,
  kUInt64 = 13,
  kComplex64 = 14,
  kComplex128 = 15,
  kBFloat16 = 16,
  kFloat8E4M3FN = 17,
  kFloat8E4M3FNUZ = 18,
  kFloat8E5M2 = 19,
  kFloat8E5M2FNUZ = 20,
  kUInt4 = 21,
  kInt4 = 22,
  kFloat4E2M1 = 23,
  kFloat8E8M0 = 24,
  kUInt2 = 25,
  kInt2 = 26,
};
inline constexpr int kNumDTypes = 27;

// Short name as Ferry prints it: "f32", "i64", "bool", "str", "u4", "f8e4m3fn".
FERRY_API std::string_view dtype_name(DType type) noexcept;
// Bits of one element in memory; 2- and 4-bit types are packed, low bits first. Strings: 0.
FERRY_API int dtype_bits(DType type) noexcept;

// Concrete dimensions; at most kMaxRank. Never allocates.
class Dims {
 public:
  static constexpr size_t kMaxRank = 16;

  Dims() noexcept = default;
  Dims(std::initializer_list<int64_t> dims) : Dims(std::span(dims.begin(), dims.size())) {}
  // Keeps the first kMaxRank of `dims`; callers check the rank of untrusted input first.
  explicit Dims(std::span<const int64_t> dims) noexcept {
    for (int64_t d : dims.first(dims.size() < kMaxRank ? dims.size() : kMaxRank)) push_back(d);
  }
  // `rank` dimensions of size `fill`.
  static Dims filled(size_t rank, int64_t fill) noexcept {
    Dims d;
    for (size_t i = 0; i < rank; ++i) d.push_back(fill);
    return d;
  }

  size_t size() const noexcept { return rank_; }
  bool empty() const noexcept { return rank_ == 0; }
  int64_t& operator[](size_t i) noexcept { return dims_[i]; }
  int64_t operator[](size_t i) const noexcept { return dims_[i]; }
  int64_t& back() noexcept { return dims_[rank_ - 1]; }
  int64_t back() const noexcept { return dims_[rank_ - 1]; }
  const int64_t* begin() const noexcept { return dims_.data(); }
  const int64_t* end() const noexcept { return dims_.data() + rank_; }
  int64_t* begin() noexcept { return dims_.data(); }
  int64_t* end() noexcept { return dims_.data() + rank_; }
  void push_back(int64_t d) noexcept {
    if (rank_ < kMaxRank) dims_[rank_++] = d;
  }
  void resize(size_t rank, int64_t fill = 0) noexcept {
    while (rank_ < rank && rank_ < kMaxRank) dims_[rank_++] = fill;
    rank_ = static_cast<uint8_t>(rank < rank_ ? rank : rank_);
  }
  operator std::span<const int64_t>() const noexcept { return {dims_.data(), rank_}; }  // NOLINT

  // Product of dims [from, to). The caller knows that it fits (Tensor checks at construction).
  int64_t count(size_t from, size_t to) const noexcept {
    int64_t n = 1;
    for (size_t i = from; i < to; ++i) n *= dims_[i];
    return n;
  }
  int64_t count() const noexcept { return count(0, rank_); }
  std::string to_string() const;  // "[1,3,224,224]"

  friend bool operator==(const Dims& a, const Dims& b) noexcept {
    if (a.rank_ != b.rank_) return false;
    for (size_t i = 0; i < a.rank_; ++i)
      if (a.dims_[i] != b.dims_[i]) return false;
    return true;
  }

 private:
  std::array<int64_t, kMaxRank> dims_{};
  uint8_t rank_ = 0;
};

}  // namespace ferry
