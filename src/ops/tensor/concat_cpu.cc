// SPDX-License-Identifier: Apache-2.0
#include "ops/arguments.h"
#include "ops/tensor/concat.h"
#include "ops/tensor/concatenate.h"
#include "ops_cpu/mover.h"

namespace ferry {
namespace {

Status join(const Concat& op, Isa isa, StepContext& c) {
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
    if (x.raw() != to) run_mover(isa, c.team(), m, x.raw(), to);
    to += n * element;
  }
  return {};
}

class ConcatStep final : public MoverStep<Concat> {
 public:
  ConcatStep(const Concat& op, Isa isa, bool joins)
      : MoverStep<Concat>("concat", op, isa, join), joins_(joins) {}
  bool joins_inputs() const override { return joins_; }

 private:
  bool joins_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  if (mover_element(request.type(0).dtype) == 0) {
    return KernelOffer(std::string("elements of no fixed size"));
  }
  const Concat& op = *request.node.op.as<Concat>();
  const Type& y = request.output_type(0);
  bool joins = y.has_rank();
  if (joins) {
    const auto axis = normalize_axis(op.axis, y.rank());
    for (size_t a = 0; axis.ok() && a < *axis; ++a) joins = joins && (*y.shape)[a].is_constant(1);
  }
  return KernelOffer(std::make_unique<ConcatStep>(op, request.isa, joins));
}

}  // namespace

void register_concat_cpu(KernelRegistry& r) { r.add("Concat", "concat", make); }

}  // namespace ferry
