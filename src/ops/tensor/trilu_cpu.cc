// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "ops/arguments.h"
#include "ops/tensor/trilu.h"
#include "ops_cpu/mover.h"

namespace ferry {
namespace {

// Every row is zeros beside a run of x.
Status run(const Trilu& op, Isa, StepContext& c) {
  const Tensor& x = c.input(0);
  if (x.rank() < 2) return shape_mismatch("x is {}, wanted is rank 2 or more", x.describe());
  int64_t k = 0;
  if (c.has_input(1)) {
    FERRY_ASSIGN_OR_RETURN(k, read_int(c.input(1), "k"));
  }
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
  if (y.count() == 0) return {};
  const int64_t n = x.dim(x.rank() - 2), m = x.dims().back();
  // Beyond these every diagonal is in or out all the same.
  k = std::clamp(k, -n - 1, m + 1);
  const auto element = static_cast<size_t>(mover_element(x.dtype()));
  const auto* from = static_cast<const char*>(x.raw());
  auto* to = static_cast<char*>(y.raw());
  const auto bytes = [&](int64_t count) { return static_cast<size_t>(count) * element; };
  parallel_range(c.team(), y.count() / m, static_cast<int64_t>(y.size_bytes()) >= kMinParallelBytes,
                 [&](int64_t r0, int64_t r1, int) {
                   for (int64_t r = r0; r < r1; ++r) {
                     // Columns [first, last) are kept.
                     const int64_t diagonal = r % n + k;
                     const int64_t first = op.upper ? std::clamp<int64_t>(diagonal, 0, m) : 0;
                     const int64_t last = op.upper ? m : std::clamp<int64_t>(diagonal + 1, 0, m);
                     char* row = to + bytes(r * m);
                     std::memset(row, 0, bytes(first));
                     std::memcpy(row + bytes(first), from + bytes(r * m + first),
                                 bytes(last - first));
                     std::memset(row + bytes(last), 0, bytes(m - last));
                   }
                 });
  return {};
}

}  // namespace

void register_trilu_cpu(KernelRegistry& r) { add_mover<Trilu>(r, "Trilu", "trilu", run); }

}  // namespace ferry
