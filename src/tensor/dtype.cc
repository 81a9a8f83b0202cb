// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "ferry/types.h"

namespace ferry {
namespace {

struct TypeRow {
  std::string_view name;
  int bits;
};
constexpr std::array<TypeRow, kNumDTypes> kTypes = {{
    {"undefined", 0},  {"f32", 32},  {"u8", 8},       {"i8", 8},         {"u16", 16},
    {"i16", 16},       {"i32", 32},  {"i64", 64},     {"str", 0},        {"bool", 8},
    {"f16", 16},       {"f64", 64},  {"u32", 32},     {"u64", 64},       {"c64", 64},
    {"c128", 128},     {"bf16", 16}, {"f8e4m3fn", 8}, {"f8e4m3fnuz", 8}, {"f8e5m2", 8},
    {"f8e5m2fnuz", 8}, {"u4", 4},    {"i4", 4},       {"f4e2m1", 4},     {"f8e8m0", 8},
    {"u2", 2},         {"i2", 2},
}};

}  // namespace

std::string_view dtype_name(DType type) noexcept {
  const auto i = static_cast<size_t>(type);
  return i < kTypes.size() ? kTypes[i].name : "undefined";
}

int dtype_bits(DType type) noexcept {
  const auto i = static_cast<size_t>(type);
  return i < kTypes.size() ? kTypes[i].bits : 0;
}

std::string Dims::to_string() const {
  std::string text = "[";
  for (size_t i = 0; i < rank_; ++i) {
    if (i > 0) text += ',';
    text += std::to_string(dims_[i]);
  }
  return text + "]";
}

}  // namespace ferry
