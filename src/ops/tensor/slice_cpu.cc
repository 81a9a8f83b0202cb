// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/slice.h"
#include "ops_cpu/mover.h"

namespace ferry {
namespace {

Status run(const Slice& op, Isa isa, StepContext& c) {
  FERRY_ASSIGN_OR_RETURN(const StridedView view, view_of(op, c));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, c.input(0).dtype(), view.dims));
  run_view(isa, c.team(), c.input(0), view, y);
  return {};
}

}  // namespace

void register_slice_cpu(KernelRegistry& r) { add_mover<Slice>(r, "Slice", "slice", run); }

}  // namespace ferry
