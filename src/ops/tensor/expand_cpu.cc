// SPDX-License-Identifier: Apache-2.0
#include "ops/arguments.h"
#include "ops/tensor/expand.h"
#include "ops_cpu/mover.h"

namespace ferry {
namespace {

Status run_expand(const Expand& op, Isa isa, StepContext& c) {
  FERRY_ASSIGN_OR_RETURN(const StridedView view, view_of(op, c));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, c.input(0).dtype(), view.dims));
  run_view(isa, c.team(), c.input(0), view, y);
  return {};
}

Status run_tile(const Tile& op, Isa isa, StepContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(const Dims dims, output_dims(op, c));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), dims));
  if (y.count() == 0) return {};
  const Dims from = dense_strides(x.dims()), to = dense_strides(dims);
  Move m(mover_element(x.dtype()));
  for (size_t a = 0; a < dims.size(); ++a) {
    m.add(dims[a] / x.dim(a), 0, to[a] * x.dim(a));
    m.add(x.dim(a), from[a], to[a]);
  }
  run_mover(isa, c.team(), m, x.raw(), y.raw());
  return {};
}

}  // namespace

void register_expand_cpu(KernelRegistry& r) {
  add_mover<Expand>(r, "Expand", "expand", run_expand);
  add_mover<Tile>(r, "Tile", "tile", run_tile);
}

}  // namespace ferry
