// SPDX-License-Identifier: Apache-2.0
#include "ops_cpu/typed_rows.h"

#include "ops_cpu/row_runs.h"

namespace ferry::typed_rows_detail {
namespace {

struct Bytes16 {
  uint64_t low, high;
};

template <class T>
const char* copy(const void* x, const Dims& dims, const Dims& strides, int64_t row, int64_t n,
                 Block& laid) {
  const size_t last = dims.size() - 1;
  const int64_t cols = dims[last], along = strides[last], apart = strides[last - 1];
  const auto* from = static_cast<const T*>(x);
  auto* to = reinterpret_cast<T*>(laid.bytes.data());
  for_each_row_run(dims, strides, row, n, [&](int64_t offset, int64_t rows) {
    const T* at = from + offset;
    if (apart == 0 && along == 0) {
      to = std::fill_n(to, rows * cols, *at);
      return;
    }
    for (int64_t r = 0; r < rows; ++r, at += apart) {
      for (int64_t i = 0; i < cols; ++i) *to++ = at[i * along];
    }
  });
  return reinterpret_cast<const char*>(laid.bytes.data());
}

}  // namespace

Laid lay_out(const Tensor& x, const Dims& dims, const Dims& strides, int64_t row, int64_t n,
             Block& laid) {
  const auto* at = static_cast<const char*>(x.raw());
  if (x.count() == 1) return {at, 0};
  const int64_t bytes = dtype_bits(x.dtype()) / 8;
  if (is_dense(dims, strides)) return {at + row * dims.back() * bytes, 1};
  switch (bytes) {
    case 1:
      return {copy<uint8_t>(at, dims, strides, row, n, laid), 1};
    case 2:
      return {copy<uint16_t>(at, dims, strides, row, n, laid), 1};
    case 4:
      return {copy<uint32_t>(at, dims, strides, row, n, laid), 1};
    case 8:
      return {copy<uint64_t>(at, dims, strides, row, n, laid), 1};
    default:
      return {copy<Bytes16>(at, dims, strides, row, n, laid), 1};
  }
}

}  // namespace ferry::typed_rows_detail
