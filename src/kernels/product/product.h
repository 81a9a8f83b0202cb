// SPDX-License-Identifier: Apache-2.0
// Matrix products of doubles and of integers, which wrap: c = a b. An element's sum runs along k in
// order, so its bits do not depend on how the work is cut.
//
// A kernel that does not exist for a type is null.
#pragma once

#include <cstdint>

#include "ferry/types.h"
#include "kernels/isa.h"
#include "kernels/pause.h"

namespace ferry {

struct ProductArgs {
  const void *a = nullptr, *b = nullptr;
  void* c = nullptr;
  int64_t m = 0, n = 0, k = 0;
  // Elements from one row, one column, to the next.
  int64_t a_row = 0, a_col = 0, b_row = 0, b_col = 0, c_row = 0;
  void* scratch = nullptr;  // kProductScratchBytes, 64-byte aligned
  Pause pause;
};
inline constexpr int64_t kProductScratchBytes = 32 << 10;

using Product = void (*)(const ProductArgs& args) noexcept;

struct ProductKernels {
  Product (*of)(DType type) noexcept;  // f64 i32 u32 i64 u64
};
FERRY_DECLARE_ISA_TABLE(ProductKernels, kProductKernels)

const ProductKernels& product_kernels(Isa isa) noexcept;

}  // namespace ferry
