// SPDX-License-Identifier: Apache-2.0
#include "ops/arguments.h"
#include "ops/tensor/split.h"
#include "ops_cpu/mover.h"

namespace ferry {
namespace {

Status run(const Split& op, Isa isa, StepContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(const Ints sizes, part_sizes(op, c));
  FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op.axis, x.rank()));
  const int64_t outer = x.dims().count(0, axis), row = x.dims().count(axis, x.rank());
  const int64_t inner = x.dims().count(axis + 1, x.rank());
  const int element = mover_element(x.dtype());
  const char* from = static_cast<const char*>(x.raw());
  for (size_t i = 0; i < sizes.size(); ++i) {
    const int64_t n = sizes[i] * inner;
    if (c.has_output(i)) {
      Dims dims = x.dims();
      dims[axis] = sizes[i];
      FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(i, x.dtype(), dims));
      Move m(element);
      m.add(outer, row, n);
      m.add(n, 1, 1);
      run_mover(isa, c.team(), m, from, y.raw());
    }
    from += n * element;
  }
  return {};
}

}  // namespace

void register_split_cpu(KernelRegistry& r) { add_mover<Split>(r, "Split", "split", run); }

}  // namespace ferry
