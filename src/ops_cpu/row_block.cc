// SPDX-License-Identifier: Apache-2.0
#include "ops_cpu/row_block.h"

#include <algorithm>

#include "ops_cpu/parallel.h"

namespace ferry {
namespace {

constexpr int64_t kMostWork = 256 << 10;  // of a row, before others wait for it

// Feature k of row r at k * rows + r; rows from `used` on are zero.
template <class T>
void read(const T* x, int64_t features, int64_t used, int64_t rows, double* block) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t k = 0; k < features; ++k) {
      block[k * rows + r] = r < used ? static_cast<double>(x[r * features + k]) : 0;
    }
  }
}

double start_of(const RowVectors& v, int64_t j) {
  return v.start.empty() ? 0 : static_cast<double>(v.start[static_cast<size_t>(j)]);
}

// One row against kVectors vectors from number j on: sums that do not wait for each other.
template <RowSum kKind, int kVectors>
void sum_row(const RowVectors& v, const double* row, int64_t features, int64_t j, double* sums) {
  double s[kVectors];
  for (int i = 0; i < kVectors; ++i) s[i] = start_of(v, j + i);
  const float* vectors = v.vectors.data() + j * features;
  for (int64_t k = 0; k < features; ++k) {
    for (int i = 0; i < kVectors; ++i) {
      const auto e = static_cast<double>(vectors[i * features + k]);
      const double d = row[k] - e;
      s[i] += kKind == RowSum::kProduct ? row[k] * e : d * d;
    }
  }
  for (int i = 0; i < kVectors; ++i) sums[j + i] = s[i];
}

template <RowSum kKind>
void sum_row(const RowVectors& v, const double* row, int64_t features, double* sums) {
  int64_t j = 0;
  for (; j + 4 <= v.count; j += 4) sum_row<kKind, 4>(v, row, features, j, sums);
  for (; j < v.count; ++j) sum_row<kKind, 1>(v, row, features, j, sums);
}

void sum_block(const RowVectors& v, const double* block, int64_t rows, int64_t features,
               double* sums) {
  const bool products = v.kind == RowSum::kProduct;
  if (rows == 1) {
    if (products) return sum_row<RowSum::kProduct>(v, block, features, sums);
    return sum_row<RowSum::kSquaredDistance>(v, block, features, sums);
  }
  const RowSumArgs args{block, v.vectors.data(), v.start.empty() ? nullptr : v.start.data(),
                        sums,  features,         v.count};
  (products ? v.kernels.products : v.kernels.squared_distances)(args);
}

void read_block(const Tensor& x, int64_t first, int64_t used, int64_t rows, double* block) {
  const int64_t features = x.dims().back(), at = first * features;
  switch (x.dtype()) {
    case DType::kFloat32:
      return read(x.data<float>() + at, features, used, rows, block);
    case DType::kFloat64:
      return read(x.data<double>() + at, features, used, rows, block);
    case DType::kInt32:
      return read(x.data<int32_t>() + at, features, used, rows, block);
    default:
      return read(x.data<int64_t>() + at, features, used, rows, block);
  }
}

}  // namespace

Status for_row_blocks(StepContext& c, const Tensor& x, const RowVectors& v, const RowJob& job) {
  const int64_t n = x.rank() == 2 ? x.dim(0) : 1, features = x.dims().back();
  const int64_t work = v.count * (features + v.work);
  // Between blocks the deadline is looked at.
  const int64_t rows = n == 1 || work > kMostWork ? 1 : kSumRows;
  const int64_t room = rows * (features + v.count);
  FERRY_RETURN_IF_ERROR(
      c.reserve_scratch(c.team().size(), room * static_cast<int64_t>(sizeof(double))));
  parallel_range(c.team(), (n + rows - 1) / rows, n * work >= kMinParallelWork,
                 [&](int64_t b0, int64_t b1, int thread) {
                   auto* block = c.scratch<double>(thread);
                   double* sums = block + rows * features;
                   for (int64_t first = b0 * rows; first < std::min(n, b1 * rows); first += rows) {
                     const int64_t used = std::min(rows, n - first);
                     read_block(x, first, used, rows, block);
                     sum_block(v, block, rows, features, sums);
                     job(first, used, sums);
                   }
                 });
  return {};
}

}  // namespace ferry
