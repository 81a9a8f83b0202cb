// SPDX-License-Identifier: Apache-2.0
// Elements of quantized types, and of their scales, as plain numbers.
#pragma once

#include <cmath>
#include <limits>

#include "base/float8.h"
#include "ferry/tensor.h"
#include "ir/infer.h"
#include "ops/working_array.h"
#include "tensor/packed.h"
#include "tensor/visit.h"

namespace ferry {

inline constexpr TypeSet kQuantizedTypes =
    TypeSet{DType::kInt8, DType::kUInt8, DType::kInt16, DType::kUInt16} | types::kFloat8 |
    types::kPacked;

// Integer types and their range.
struct IntRange {
  int64_t low = 0, high = 0;
};
inline std::optional<IntRange> int_range(DType type) {
  switch (type) {
    case DType::kInt8:
      return IntRange{-128, 127};
    case DType::kUInt8:
      return IntRange{0, 255};
    case DType::kInt16:
      return IntRange{-32768, 32767};
    case DType::kUInt16:
      return IntRange{0, 65535};
    case DType::kInt4:
      return IntRange{-8, 7};
    case DType::kUInt4:
      return IntRange{0, 15};
    case DType::kInt2:
      return IntRange{-2, 1};
    case DType::kUInt2:
      return IntRange{0, 3};
    default:
      return std::nullopt;
  }
}

// The elements as doubles, which hold all of them exactly.
// Errors: kOutOfMemory; kUnsupportedType for i64, u64 and types that are no numbers.
Result<WorkingArray<double>> number_contents(EvalContext& c, const Tensor& t);
// Elements [from, to) alone. Packed types are read in place.
Status read_numbers(const Tensor& t, int64_t from, int64_t to, double* out);
// As many as are read, or written, between two polls.
inline constexpr int64_t kNumbersAtOnce = 4096;

// Rounds `v` to nearest even, adds `zero_point` and saturates; NaN gives the lowest value.
inline int64_t quantize_int(double v, double zero_point, IntRange range) {
  const double q = std::nearbyint(v) + zero_point;
  if (!(q > double(range.low))) return range.low;
  return q >= double(range.high) ? range.high : static_cast<int64_t>(q);
}

// Writes quantized elements one after the other; finish() packs those that share bytes.
class QuantizedWriter {
 public:
  // `y` is of a type of kQuantizedTypes. Errors: kOutOfMemory.
  static Result<QuantizedWriter> make(Tensor& y, bool saturate, MemoryBudget* budget);
  void put(int64_t i, double v, double zero_point);
  void finish();

 private:
  Tensor* y_ = nullptr;
  Tensor bytes_;  // u8, one element each, for packed types
  std::optional<IntRange> range_;
  bool saturate_ = true;
};

}  // namespace ferry
