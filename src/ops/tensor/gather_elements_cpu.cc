// SPDX-License-Identifier: Apache-2.0
// GatherElements: rows of indices are checked and followed one by one.
#include <atomic>

#include "ops/arguments.h"
#include "ops/tensor/gather_elements.h"
#include "ops_cpu/indices.h"
#include "ops_cpu/mover.h"

namespace ferry {
namespace {

// Elements of a row that are moved before the deadline is looked at.
constexpr int64_t kSlice = 64 << 10;

struct Rows {
  Dims dims, strides;  // of the indices; of x, the gathered axis aside
  int64_t n = 0, stride = 0;
  int64_t columns = 0;  // of a row of indices

  // Where in x the row's first element would be with index 0.
  int64_t start(int64_t row) const {
    int64_t at = 0;
    for (size_t a = dims.size() - 1; a-- > 0;) {
      at += row % dims[a] * strides[a];
      row /= dims[a];
    }
    return at;
  }
};

// False at an index that points outside of x, which is not followed. Checked before, in a loop of
// their own, indices would keep the loads that follow them waiting.
template <class T, class I>
bool gather_rows(const Team& team, const Rows& g, const T* x, const I* indices, T* y, int64_t from,
                 int64_t to) {
  const int64_t step = g.strides.back(), n = g.n, stride = g.stride;
  bool inside = true;
  for (int64_t r = from; r < to && inside; ++r) {
    const T* row = x + g.start(r);
    const I* index = indices + r * g.columns;
    T* target = y + r * g.columns;
    team.in_slices(0, g.columns, kSlice, [&](int64_t first, int64_t end) {
      for (int64_t i = first; i < end; ++i) {
        const auto given = static_cast<int64_t>(index[i]);
        const int64_t at = given < 0 ? given + n : given;
        if (static_cast<uint64_t>(at) >= static_cast<uint64_t>(n)) [[unlikely]] {
          inside = false;
          return;
        }
        target[i] = step == 0 ? row[at] : row[i + at * stride];
      }
    });
  }
  return inside;
}

template <class I>
Status gather(StepContext& c, const Rows& g, const Tensor& x, const Tensor& indices, Tensor& y) {
  const I* p = indices.data<I>();
  const int element = mover_element(x.dtype());
  std::atomic<bool> inside = true;
  const auto rows = [&]<class T>(T, int64_t from, int64_t to) {
    if (!gather_rows(c.team(), g, static_cast<const T*>(x.raw()), p, static_cast<T*>(y.raw()), from,
                     to)) {
      inside.store(false, std::memory_order_relaxed);
    }
  };
  parallel_range(c.team(), y.count() / g.columns, y.count() * element >= kMinParallelBytes,
                 [&](int64_t from, int64_t to, int) {
                   switch (element) {
                     case 1:
                       return rows(uint8_t{}, from, to);
                     case 2:
                       return rows(uint16_t{}, from, to);
                     case 4:
                       return rows(uint32_t{}, from, to);
                     default:
                       return rows(uint64_t{}, from, to);
                   }
                 });
  // The message names the first.
  return inside.load() ? Status() : check_indices(c, indices, g.n);
}

Status run(const GatherElements& op, Isa, StepContext& c) {
  const Tensor &x = c.input(0), &indices = c.input(1);
  FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op.axis, x.rank()));
  bool fits = indices.rank() == x.rank();
  for (size_t a = 0; fits && a < x.rank(); ++a) fits = a == axis || indices.dim(a) <= x.dim(a);
  if (!fits) {
    return shape_mismatch("indices {} do not lie in x {}", indices.describe(), x.describe());
  }
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), indices.dims()));
  if (y.count() == 0) return {};
  Rows g{indices.dims(), dense_strides(x.dims()), x.dim(axis), 0, indices.dims().back()};
  g.stride = g.strides[axis];
  g.strides[axis] = 0;
  return indices.dtype() == DType::kInt32 ? gather<int32_t>(c, g, x, indices, y)
                                          : gather<int64_t>(c, g, x, indices, y);
}

}  // namespace

void register_gather_elements_cpu(KernelRegistry& r) {
  add_mover<GatherElements>(r, "GatherElements", "gather_elements", run);
}

}  // namespace ferry
