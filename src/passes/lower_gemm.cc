// SPDX-License-Identifier: Apache-2.0
#include "passes/lower_gemm.h"

#include "ops/math/gemm.h"
#include "ops/math/matmul.h"
#include "ops/tensor/transpose.h"
#include "passes/match.h"

namespace ferry {
namespace {

const Gemm* gemm_of_floats(const Graph& g, const Node& n) {
  const auto* op = n.op.as<Gemm>();
  if (op == nullptr) return nullptr;
  for (size_t i = 0; i < 2; ++i) {
    const Type& t = g.value(n.inputs[i]).type;
    if (t.dtype != DType::kFloat32 || !t.has_rank() || t.rank() != 2) return nullptr;
  }
  return op;
}

ValueId transposed(PatchBuilder& p, ValueId x) {
  return p.add(make_op("Transpose", Transpose{{1, 0}}), {x});
}

std::optional<Patch> transpose_a(const Graph& g, const Node& n, const PassOptions&) {
  const Gemm* op = gemm_of_floats(g, n);
  if (op == nullptr || !op->trans_a) return std::nullopt;
  Gemm plain = *op;
  plain.trans_a = false;
  PatchBuilder p(g);
  std::vector<ValueId> inputs = n.inputs;
  inputs[0] = transposed(p, inputs[0]);
  p.replace(n.outputs[0], p.add(make_op("Gemm", plain), inputs));
  return std::move(p).build();
}

// A bias that the packed product adds on its own: one number, or one per column.
bool is_row(const Graph& g, ValueId c, const Dim& columns) {
  const Tensor* t = constant_of(g, c);
  if (t == nullptr) return false;
  const bool row = t->rank() > 0 && columns.is_constant(t->dim(t->rank() - 1)) &&
                   t->dim(t->rank() - 1) == t->count();
  return t->count() == 1 || row;
}

ValueId times(PatchBuilder& p, ValueId x, float factor) {
  if (factor == 1) return x;
  const ValueId number =
      p.constant(make_floats(DType::kFloat32, {}, {static_cast<double>(factor)}));
  return p.add(make_op("Mul"), {x, number});
}

std::optional<Patch> computed_operands(const Graph& g, const Node& n, const PassOptions&) {
  const Gemm* op = gemm_of_floats(g, n);
  if (op == nullptr || op->trans_a) return std::nullopt;
  const ValueId bias = input(n, 2);
  const bool weights = constant_of(g, n.inputs[1]) != nullptr;
  const Dim& columns = (*g.value(n.inputs[1]).type.shape)[op->trans_b ? 0 : 1];
  const bool biased = bias != kNone && !is_row(g, bias, columns);
  if (weights && !biased) return std::nullopt;
  PatchBuilder p(g);
  const ValueId b = op->trans_b && !weights ? transposed(p, n.inputs[1]) : n.inputs[1];
  const MatMul product{op->trans_b && weights};
  ValueId y = times(p, p.add(make_op("MatMul", product), {n.inputs[0], b}), op->alpha);
  if (bias != kNone) y = p.add(make_op("Add"), {y, times(p, bias, op->beta)});
  if (!(p.type(y) == g.value(n.outputs[0]).type)) return std::nullopt;
  p.replace(n.outputs[0], y);
  return std::move(p).build();
}

}  // namespace

Pass lower_gemm() {
  return {"lower_gemm",
          {{"transpose_a", transpose_a}, {"computed_operands", computed_operands}},
          nullptr};
}

}  // namespace ferry
