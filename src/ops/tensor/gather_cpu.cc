// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "ops/arguments.h"
#include "ops/tensor/gather.h"
#include "ops_cpu/indices.h"
#include "ops_cpu/mover.h"

namespace ferry {
namespace {

// Indices [j0, j0 + count), each in [0, n).
template <class I>
void place(const Tensor& indices, int64_t j0, int64_t count, int64_t n, int64_t* at) {
  const I* p = indices.data<I>() + j0;
  for (int64_t j = 0; j < count; ++j) {
    const auto given = static_cast<int64_t>(p[j]);
    at[j] = given < 0 ? given + n : given;
  }
}

// Elements [j0, j1) of `rows` rows of m, each from its row of n.
template <class T>
void gather_columns(const T* x, const Tensor& indices, int64_t n, int64_t m, T* y, int64_t rows,
                    int64_t j0, int64_t j1) {
  constexpr int64_t kBlock = 256;
  for (; j0 < j1; j0 += kBlock) {
    const int64_t count = std::min(kBlock, j1 - j0);
    int64_t at[kBlock];
    if (indices.dtype() == DType::kInt32)
      place<int32_t>(indices, j0, count, n, at);
    else
      place<int64_t>(indices, j0, count, n, at);
    for (int64_t r = 0; r < rows; ++r) {
      const T* source = x + r * n;
      T* target = y + r * m + j0;
      for (int64_t j = 0; j < count; ++j) target[j] = source[at[j]];
    }
  }
}

// Elements [from, to) of all rows.
template <class T>
void gather_elements(const T* x, const Tensor& indices, int64_t n, int64_t m, T* y, int64_t from,
                     int64_t to) {
  for (int64_t i = from; i < to;) {
    const int64_t row = i / m, j0 = i - row * m, j1 = std::min(m, j0 + to - i);
    const int64_t rows = j0 == 0 && j1 == m ? (to - i) / m : 1;
    gather_columns(x + row * n, indices, n, m, y + row * m, rows, j0, j1);
    i += j0 == 0 && j1 == m ? rows * m : j1 - j0;
  }
}

Status run(const Gather& op, Isa, StepContext& c) {
  const Tensor &x = c.input(0), &indices = c.input(1);
  if (x.rank() == 0) return shape_mismatch("x is a scalar");
  FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op.axis, x.rank()));
  FERRY_RETURN_IF_ERROR(check_rank(x.rank() - 1 + indices.rank()));
  Dims dims(std::span(x.dims().begin(), axis));
  for (int64_t d : indices.dims()) dims.push_back(d);
  for (size_t a = axis + 1; a < x.rank(); ++a) dims.push_back(x.dim(a));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), dims));
  const int64_t outer = x.dims().count(0, axis), n = x.dim(axis), m = indices.count();
  const IndexReader read(indices);
  if (outer > 0) FERRY_RETURN_IF_ERROR(check_indices(c, indices, n));
  if (y.count() == 0) return {};
  const int element = mover_element(x.dtype());
  const int64_t row = x.dims().count(axis + 1, x.rank()) * element;
  const auto gather = [&]<class T>(T, int64_t from, int64_t to) {
    gather_elements(static_cast<const T*>(x.raw()), indices, n, m, static_cast<T*>(y.raw()), from,
                    to);
  };
  parallel_range(c.team(), outer * m, y.count() * element >= kMinParallelBytes,
                 [&](int64_t from, int64_t to, int) {
                   switch (row) {
                     case 1:
                       return gather(uint8_t{}, from, to);
                     case 2:
                       return gather(uint16_t{}, from, to);
                     case 4:
                       return gather(uint32_t{}, from, to);
                     case 8:
                       return gather(uint64_t{}, from, to);
                     default:
                       break;
                   }
                   const char* source = static_cast<const char*>(x.raw());
                   char* target = static_cast<char*>(y.raw());
                   for (int64_t i = from; i < to; ++i) {
                     const int64_t at = read[i % m];
                     std::memcpy(target + i * row,
                                 source + (i / m * n + (at < 0 ? at + n : at)) * row,
                                 static_cast<size_t>(row));
                   }
                 });
  return {};
}

}  // namespace

void register_gather_cpu(KernelRegistry& r) { add_mover<Gather>(r, "Gather", "gather", run); }

}  // namespace ferry
