// SPDX-License-Identifier: Apache-2.0
#include "ops/arguments.h"
#include "ops/tensor/split.h"
#include "ops_cpu/mover.h"

namespace ferry {
namespace {

Status split(const Split& op, Isa isa, StepContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(const Ints sizes, part_sizes(op, c));
  FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op.axis, x.rank()));
  const int64_t outer = x.dims().count(0, axis), row = x.dims().count(axis, x.rank());
  const int64_t inner = x.dims().count(axis + 1, x.rank());
  const int64_t pitch = axis + 1 == x.rank() ? c.input_pitch(0) : row;
  const int element = mover_element(x.dtype());
  const char* from = static_cast<const char*>(x.raw());
  for (size_t i = 0; i < sizes.size(); ++i) {
    const int64_t n = sizes[i] * inner;
    if (c.has_output(i)) {
      Dims dims = x.dims();
      dims[axis] = sizes[i];
      FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(i, x.dtype(), dims));
      Move m(element);
      m.add(outer, pitch, n);
      m.add(n, 1, 1);
      if (y.raw() != from) run_mover(isa, c.team(), m, from, y.raw());
    }
    if (x.count() > 0) from += n * element;
  }
  return {};
}

// The outputs lie in x one after the other when nothing but axes of one comes before the split one,
// and in its rows when that is the last.
std::vector<std::optional<Piece>> pieces_of(const KernelRequest& request, const Split& op) {
  std::vector<std::optional<Piece>> pieces(request.node.outputs.size());
  const Type& x = request.type(0);
  if (!x.has_rank()) return pieces;
  const auto axis = normalize_axis(op.axis, x.rank());
  if (!axis.ok()) return pieces;
  Dim inner = 1, at = 0;
  bool one_run = true;
  for (size_t a = 0; a < x.rank(); ++a) {
    if (a < *axis) one_run = one_run && (*x.shape)[a].is_constant(1);
    if (a > *axis) inner = inner * (*x.shape)[a];
  }
  if (!one_run && *axis + 1 != x.rank()) return pieces;
  for (size_t i = 0; i < pieces.size(); ++i) {
    pieces[i] = Piece{at, !one_run};
    const Type& y = request.output_type(i);
    if (!y.has_rank()) break;  // an output that nobody wants: what follows is anywhere
    at = at + (*y.shape)[*axis] * inner;
  }
  return pieces;
}

// Its input may lie in rows itself when the outputs are parts of rows.
class SplitStep final : public PieceStep<Split> {
 public:
  SplitStep(const Split& op, Isa isa, std::vector<std::optional<Piece>> pieces)
      : PieceStep<Split>("split", op, isa, split, std::move(pieces)) {}
  bool takes_pitch(size_t i) const override { return i == 0 && piece(0) && piece(0)->in_rows; }
};

Result<KernelOffer> make(const KernelRequest& request) {
  if (mover_element(request.type(0).dtype) == 0) {
    return KernelOffer(std::string("elements of no fixed size"));
  }
  const Split& op = *request.node.op.as<Split>();
  return KernelOffer(std::make_unique<SplitStep>(op, request.isa, pieces_of(request, op)));
}

}  // namespace

void register_split_cpu(KernelRegistry& r) { r.add("Split", "split", make); }

}  // namespace ferry
