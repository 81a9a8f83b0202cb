// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/slice.h"
#include "ops_cpu/mover.h"

namespace ferry {
namespace {

Status run(const Slice& op, Isa isa, StepContext& c) {
  FERRY_ASSIGN_OR_RETURN(const StridedView view, view_of(op, c));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, c.input(0).dtype(), view.dims));
  const Tensor& x = c.input(0);
  const int64_t begin = view.begin * mover_element(x.dtype());
  const bool in_place = y.raw() == static_cast<const char*>(x.raw()) + begin;
  if (!in_place) run_view(isa, c.team(), x, view, y);
  return {};
}

Result<KernelOffer> make(const KernelRequest& request) {
  if (mover_element(request.type(0).dtype) == 0) {
    return KernelOffer(std::string("elements of no fixed size"));
  }
  std::vector<std::optional<Piece>> pieces(1);
  if (const auto run = slice_run(request.graph, request.node)) {
    pieces[0] = Piece{run->offset, run->in_rows};
  }
  return KernelOffer(
      std::make_unique<PieceStep<Slice>>("slice", Slice{}, request.isa, run, std::move(pieces)));
}

}  // namespace

void register_slice_cpu(KernelRegistry& r) { r.add("Slice", "slice", make); }

}  // namespace ferry
