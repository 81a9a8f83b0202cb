// SPDX-License-Identifier: Apache-2.0
// Strides in elements, and the walk over the rows of several strided tensors at once that
// reference kernels are written with.
#pragma once

#include <algorithm>
#include <array>
#include <type_traits>

#include "base/status.h"
#include "ir/eval.h"

namespace ferry {

// Row-major strides of a dense tensor.
inline Dims dense_strides(const Dims& dims) {
  Dims strides = Dims::filled(dims.size(), 1);
  for (size_t i = dims.size(); i-- > 1;) strides[i - 1] = strides[i] * dims[i];
  return strides;
}

// Strides that read a dense tensor of dims `from` as if it were expanded to `to`.
inline Dims broadcast_strides(const Dims& from, const Dims& to) {
  const Dims dense = dense_strides(from);
  Dims strides = Dims::filled(to.size(), 0);
  const size_t offset = to.size() - from.size();
  for (size_t i = 0; i < from.size(); ++i) {
    if (from[i] != 1) strides[offset + i] = dense[i];
  }
  return strides;
}

// What an operator reads of a dense tensor: element (i, j, ...) is begin + i strides[0] + ...
struct StridedView {
  Dims dims, strides;
  int64_t begin = 0;
};

namespace walk_detail {

// Drops axes of size 1 and joins neighbours that every tensor steps through evenly.
template <size_t N>
void coalesce(Dims& dims, std::array<Dims, N>& strides) {
  Dims out;
  std::array<Dims, N> out_strides;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 1) continue;
    bool joins = !out.empty();
    for (size_t k = 0; k < N && joins; ++k) {
      joins = out_strides[k].back() == strides[k][i] * dims[i];
    }
    if (joins) {
      out.back() *= dims[i];
      for (size_t k = 0; k < N; ++k) out_strides[k].back() = strides[k][i];
    } else {
      out.push_back(dims[i]);
      for (size_t k = 0; k < N; ++k) out_strides[k].push_back(strides[k][i]);
    }
  }
  if (out.empty()) {
    out.push_back(1);
    for (size_t k = 0; k < N; ++k) out_strides[k].push_back(0);
  }
  dims = out;
  strides = out_strides;
}

}  // namespace walk_detail

// Calls row(n, offsets, steps) for every row of `dims` in row-major order, where offsets[k] is
// where tensor k begins and steps[k] its stride along the row. `row` may return a Status. Rows
// are as long as the strides allow, up to 64 Ki elements. Polls for cancellation now and then.
template <size_t N, class Row>
Status for_each_row(EvalContext& c, Dims dims, std::array<Dims, N> strides, Row&& row) {
  for (int64_t d : dims) {
    if (d == 0) return {};
  }
  walk_detail::coalesce(dims, strides);
  const size_t last = dims.size() - 1;
  const int64_t n = dims[last];
  std::array<int64_t, N> offsets{}, steps{};
  for (size_t k = 0; k < N; ++k) steps[k] = strides[k][last];
  Dims at = Dims::filled(dims.size(), 0);
  constexpr int64_t kLongest = 64 << 10;
  int64_t until_poll = 0;
  for (;;) {
    auto from = offsets;
    for (int64_t left = n; left > 0; left -= kLongest) {
      const int64_t length = std::min(left, kLongest);
      // A row counts as 64 elements on top, for what every call of it costs.
      until_poll -= length + 64;
      if (until_poll < 0) {
        until_poll = kLongest;
        FERRY_RETURN_IF_ERROR(c.poll());
      }
      if constexpr (std::is_void_v<decltype(row(n, from, steps))>) {
        row(length, from, steps);
      } else {
        FERRY_RETURN_IF_ERROR(row(length, from, steps));
      }
      for (size_t k = 0; k < N; ++k) from[k] += length * steps[k];
    }
    size_t axis = last;
    for (; axis > 0; --axis) {
      for (size_t k = 0; k < N; ++k) offsets[k] += strides[k][axis - 1];
      if (++at[axis - 1] < dims[axis - 1]) break;
      at[axis - 1] = 0;
      for (size_t k = 0; k < N; ++k) offsets[k] -= strides[k][axis - 1] * dims[axis - 1];
    }
    if (axis == 0) return {};
  }
}

// Reads `x` through `strides` into dense `y` of `dims`.
template <class T>
Status copy_strided(EvalContext& c, const T* x, const Dims& strides, T* y, const Dims& dims) {
  int64_t written = 0;
  return for_each_row<1>(c, dims, {strides}, [&](int64_t n, const auto& at, const auto& step) {
    const T* from = x + at[0];
    if (step[0] == 1) {
      std::copy_n(from, n, y + written);
    } else {
      for (int64_t i = 0; i < n; ++i) y[written + i] = from[i * step[0]];
    }
    written += n;
  });
}

template <class T>
Status copy_strided(EvalContext& c, const T* x, const StridedView& view, T* y) {
  return copy_strided(c, x + view.begin, view.strides, y, view.dims);
}

}  // namespace ferry
