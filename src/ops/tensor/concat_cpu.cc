// SPDX-License-Identifier: Apache-2.0
#include "ops/arguments.h"
#include "ops/tensor/concat.h"
#include "ops/tensor/concatenate.h"
#include "ops_cpu/mover.h"

namespace ferry {
namespace {

Status run(const Concat& op, Isa isa, StepContext& c) {
  const auto part = [&](size_t i) -> const Tensor& { return c.input(i); };
  if (part(0).rank() == 0) return shape_mismatch("inputs are scalars");
  FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op.axis, part(0).rank()));
  FERRY_ASSIGN_OR_RETURN(const Dims dims, joined_dims(c.num_inputs(), axis, part));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, part(0).dtype(), dims));
  const int64_t outer = dims.count(0, axis), row = dims.count(axis, dims.size());
  const int element = mover_element(y.dtype());
  char* to = static_cast<char*>(y.raw());
  for (size_t i = 0; i < c.num_inputs(); ++i) {
    const Tensor& x = part(i);
    if (x.count() == 0) continue;
    const int64_t n = x.dims().count(axis, dims.size());
    Move m(element);
    m.add(outer, n, row);
    m.add(n, 1, 1);
    run_mover(isa, c.team(), m, x.raw(), to);
    to += n * element;
  }
  return {};
}

}  // namespace

void register_concat_cpu(KernelRegistry& r) { add_mover<Concat>(r, "Concat", "concat", run); }

}  // namespace ferry
