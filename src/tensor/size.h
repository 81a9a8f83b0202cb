// SPDX-License-Identifier: Apache-2.0
// Checked sizes of tensors: the only place that multiplies untrusted dimensions.
#pragma once

#include <span>

#include "ferry/status.h"
#include "ferry/types.h"

namespace ferry {

// Number of elements; an error for a negative dim or a product (of the non-zero dims) over int64.
Result<int64_t> checked_count(std::span<const int64_t> dims);
// Bytes in memory, computed in 128 bits; packed types round up, strings count sizeof(std::string).
// Those that the non-zero dims span must fit 63 bits too, as NumPy and DLPack want of an empty
// array.
Result<size_t> checked_size_bytes(DType type, std::span<const int64_t> dims);
// Alignment that typed access to elements needs, in bytes.
size_t alignment_of(DType type) noexcept;

}  // namespace ferry
