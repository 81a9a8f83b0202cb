// SPDX-License-Identifier: Apache-2.0
// GatherND: the tuples become offsets in one pass, then elements or blocks are copied in parallel.
#include <cstring>

#include "ops/tensor/gather_nd.h"
#include "ops_cpu/indices.h"
#include "ops_cpu/mover.h"

namespace ferry {
namespace {

Result<Dims> gathered_dims(const GatherND& op, const Tensor& x, const Tensor& indices) {
  const auto b = static_cast<size_t>(op.batch_dims);
  const int64_t m = indices.rank() == 0 ? -1 : indices.dims().back();
  bool fits = op.batch_dims >= 0 && m >= 0 && b < indices.rank() && b <= x.rank() &&
              m <= static_cast<int64_t>(x.rank() - b);
  for (size_t a = 0; fits && a < b; ++a) fits = x.dim(a) == indices.dim(a);
  if (!fits) {
    return shape_mismatch("x is {}, indices are {} with batch_dims {}: they do not fit",
                          x.describe(), indices.describe(), op.batch_dims);
  }
  const size_t last = b + static_cast<size_t>(m);
  FERRY_RETURN_IF_ERROR(check_rank(indices.rank() - 1 + x.rank() - last));
  Dims dims(std::span(indices.dims().begin(), indices.rank() - 1));
  for (size_t a = last; a < x.rank(); ++a) dims.push_back(x.dim(a));
  return dims;
}

template <class T>
void copy_elements(const void* x, const int64_t* offsets, void* y, int64_t from, int64_t to) {
  const T* source = static_cast<const T*>(x);
  T* target = static_cast<T*>(y);
  for (int64_t i = from; i < to; ++i) target[i] = source[offsets[i]];
}

void copy_blocks(const Team& team, const void* x, const int64_t* offsets, void* y,
                 int64_t block_bytes, int64_t from, int64_t to) {
  constexpr int64_t kSlice = 256 << 10;  // bytes of a block between two looks at the deadline
  const char* source = static_cast<const char*>(x);
  char* target = static_cast<char*>(y);
  switch (block_bytes) {
    case 1:
      return copy_elements<uint8_t>(x, offsets, y, from, to);
    case 2:
      return copy_elements<uint16_t>(x, offsets, y, from, to);
    case 4:
      return copy_elements<uint32_t>(x, offsets, y, from, to);
    case 8:
      return copy_elements<uint64_t>(x, offsets, y, from, to);
    default:
      for (int64_t i = from; i < to; ++i) {
        team.in_slices(0, block_bytes, kSlice, [&](int64_t first, int64_t end) {
          std::memcpy(target + i * block_bytes + first, source + offsets[i] * block_bytes + first,
                      static_cast<size_t>(end - first));
        });
      }
  }
}

Status run(const GatherND& op, Isa, StepContext& c) {
  const Tensor &x = c.input(0), &indices = c.input(1);
  FERRY_ASSIGN_OR_RETURN(const Dims dims, gathered_dims(op, x, indices));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), dims));
  const auto first = static_cast<size_t>(op.batch_dims);
  const auto m = static_cast<size_t>(indices.dims().back());
  const int64_t batches = x.dims().count(0, first);
  const int64_t per_batch = indices.dims().count(first, indices.rank() - 1);
  const int64_t block = x.dims().count(first + m, x.rank());
  const int64_t blocks = x.dims().count(first, first + m);
  const int64_t tuples = batches * per_batch;
  if (tuples == 0) return {};
  FERRY_RETURN_IF_ERROR(c.reserve_scratch(1, tuples * int64_t{sizeof(int64_t)}));
  auto* offsets = c.scratch<int64_t>(0);
  for (int64_t b = 0; b < batches; ++b) {
    int64_t* own = offsets + b * per_batch;
    FERRY_RETURN_IF_ERROR(resolve_tuples(c, indices, b * per_batch * static_cast<int64_t>(m),
                                         per_batch, x.dims(), first, m, own));
    for (int64_t i = 0; i < per_batch && b > 0; ++i) own[i] += b * blocks;
  }
  if (y.count() == 0) return {};
  const int64_t block_bytes = block * mover_element(x.dtype());
  parallel_range(c.team(), tuples, tuples * block_bytes >= kMinParallelBytes,
                 [&](int64_t from, int64_t to, int) {
                   copy_blocks(c.team(), x.raw(), offsets, y.raw(), block_bytes, from, to);
                 });
  return {};
}

}  // namespace

void register_gather_nd_cpu(KernelRegistry& r) {
  add_mover<GatherND>(r, "GatherND", "gather_nd", run);
}

}  // namespace ferry
