// SPDX-License-Identifier: Apache-2.0
// Compress: the kept positions are listed, then rows of them are copied in parallel.
#include <algorithm>
#include <cstring>

#include "ops/arguments.h"
#include "ops/in_ranges.h"
#include "ops/tensor/compress.h"
#include "ops_cpu/kept_positions.h"
#include "ops_cpu/mover.h"

namespace ferry {
namespace {

template <class T>
void pick(const char* x, const int64_t* kept, int64_t count, char* y) {
  const T* from = reinterpret_cast<const T*>(x);
  T* to = reinterpret_cast<T*>(y);
  for (int64_t i = 0; i < count; ++i) to[i] = from[kept[i]];
}

void pick_rows(const char* x, const int64_t* kept, int64_t count, int64_t row_bytes, char* y) {
  switch (row_bytes) {
    case 1:
      return pick<uint8_t>(x, kept, count, y);
    case 2:
      return pick<uint16_t>(x, kept, count, y);
    case 4:
      return pick<uint32_t>(x, kept, count, y);
    case 8:
      return pick<uint64_t>(x, kept, count, y);
    default:
      for (int64_t i = 0; i < count; ++i) {
        std::memcpy(y + i * row_bytes, x + kept[i] * row_bytes, static_cast<size_t>(row_bytes));
      }
  }
}

Status run(const Compress& op, Isa, StepContext& c) {
  const Tensor &x = c.input(0), &condition = c.input(1);
  Dims dims = op.axis ? x.dims() : Dims{x.count()};
  FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op.axis.value_or(0), dims.size()));
  const int64_t n = std::min(dims[axis], condition.count());
  FERRY_RETURN_IF_ERROR(c.reserve_scratch(1, n * int64_t{sizeof(int64_t)}));
  auto* kept = c.scratch<int64_t>(0);
  const auto* flags = static_cast<const uint8_t*>(condition.raw());
  int64_t count = 0;
  FERRY_RETURN_IF_ERROR(in_ranges(c, n, 1, [&](int64_t begin, int64_t end) {
    count += list_kept(flags + begin, end - begin, begin, kept + count);
  }));
  const int64_t outer = dims.count(0, axis), inner = dims.count(axis + 1, dims.size());
  const int64_t row_bytes = inner * mover_element(x.dtype()), block = dims[axis] * row_bytes;
  dims[axis] = count;
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), dims));
  if (y.count() == 0) return {};
  // Units are pieces of the kept rows of one outer position.
  constexpr int64_t kPiece = 256;
  const int64_t pieces = (count + kPiece - 1) / kPiece;
  const auto* from = static_cast<const char*>(x.raw());
  auto* to = static_cast<char*>(y.raw());
  parallel_range(c.team(), outer * pieces, outer * count * row_bytes >= kMinParallelBytes,
                 [&](int64_t u0, int64_t u1, int) {
                   for (int64_t u = u0; u < u1; ++u) {
                     const int64_t o = u / pieces, k = u % pieces * kPiece;
                     pick_rows(from + o * block, kept + k, std::min(kPiece, count - k), row_bytes,
                               to + (o * count + k) * row_bytes);
                   }
                 });
  return {};
}

}  // namespace

void register_compress_cpu(KernelRegistry& r) {
  add_mover<Compress>(r, "Compress", "compress", run);
}

}  // namespace ferry
