// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/registry.h"
#include "ops/tensor/reverse_sequence.h"
#include "ops_cpu/mover.h"

namespace ferry {
namespace {

// x: [times, batches, inner], or [batches, times, inner].
struct Sequences {
  int64_t times, batches, inner;
  bool times_first;
  const int64_t* lengths;

  // Rows [from, to) of y, in its order.
  template <class T>
  void reverse(const T* x, T* y, int64_t from, int64_t to) const {
    const int64_t columns = times_first ? batches : times;
    int64_t i = from / columns, j = from % columns;
    for (int64_t row = from; row < to; ++row) {
      const int64_t t = times_first ? i : j, b = times_first ? j : i, n = lengths[b];
      const int64_t source = t < n ? row + (n - 1 - 2 * t) * (times_first ? batches : 1) : row;
      std::copy_n(x + source * inner, inner, y + row * inner);
      if (++j == columns) ++i, j = 0;
    }
  }
};

Status reverse(const ReverseSequence& op, Isa, StepContext& c) {
  const Tensor &x = c.input(0), &lengths = c.input(1);
  // The reference kernel says what does not fit, and looks at the deadline inside of long rows.
  const auto by_reference = [&] {
    const Op whole = make_op("ReverseSequence", op);
    return whole.def().eval(whole, c);
  };
  constexpr int64_t kLongRow = 1 << 20;
  const bool fits = x.rank() >= 2 && x.dims().count(2, x.rank()) < kLongRow &&
                    lengths.count() == x.dim(static_cast<size_t>(op.batch_axis)) && x.count() > 0;
  if (!fits) return by_reference();
  const Sequences s{x.dim(static_cast<size_t>(op.time_axis)), lengths.count(),
                    x.dims().count(2, x.rank()), op.time_axis == 0, lengths.data<int64_t>()};
  const bool inside = std::all_of(s.lengths, s.lengths + s.batches,
                                  [&](int64_t n) { return n >= 0 && n <= s.times; });
  if (!inside) return by_reference();
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
  const bool worthwhile = static_cast<int64_t>(y.size_bytes()) >= kMinParallelBytes;
  with_mover_type(x.dtype(), [&]<class T>(T) {
    const auto* from = static_cast<const T*>(x.raw());
    auto* to = static_cast<T*>(y.raw());
    parallel_range(c.team(), s.times * s.batches, worthwhile,
                   [&](int64_t first, int64_t end, int) { s.reverse(from, to, first, end); });
  });
  return {};
}

}  // namespace

void register_reverse_sequence_cpu(KernelRegistry& r) {
  add_mover<ReverseSequence>(r, "ReverseSequence", "reverse_sequence", reverse);
}

}  // namespace ferry
