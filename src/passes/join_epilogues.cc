// SPDX-License-Identifier: Apache-2.0
#include "passes/join_epilogues.h"

#include "ops/math/clip.h"
#include "ops/math/gemm.h"
#include "ops/math/matmul.h"
#include "ops/nn/conv.h"
#include "passes/moves.h"
#include "tensor/int_contents.h"

namespace ferry {
namespace {

constexpr int kLongestEpilogue = 16;  // nodes; the tail of a group has no more

bool is_product(const Node& n) { return n.op.as<MatMul>() || n.op.as<Gemm>() || n.op.as<Conv>(); }

// Operands of an operator that an epilogue takes; 0 for any other.
size_t num_epilogue_operands(const Node& n) {
  if (n.op.as<Unary>() || n.op.as<Clip>()) return 1;
  return n.op.as<Binary>() ? 2 : 0;
}

// True when `v` is a product, or elementwise operators on one, that nobody else uses.
bool ends_epilogue(const Graph& g, ValueId v, int depth = kLongestEpilogue) {
  const Node* n = v == kNone || depth == 0 ? nullptr : g.producer(v);
  if (n == nullptr || !g.has_single_use(v)) return false;
  if (is_product(*n)) return true;
  for (size_t i = 0; i < num_epilogue_operands(*n); ++i) {
    if (same_type(g, n->inputs[i], v) && ends_epilogue(g, n->inputs[i], depth - 1)) return true;
  }
  return false;
}

// `a`, an operand of a function that gives `out`, for the same function on the dims of `x`.
ValueId operand_for(PatchBuilder& p, const Graph& g, ValueId a, const Moves& m, ValueId out) {
  const Type &t = g.value(a).type, &x = g.value(m.from).type, &y = g.value(out).type;
  if (!t.has_rank()) return kNone;
  if (is_single_element(t)) return t.rank() <= x.rank() ? a : kNone;
  if (m.transposed) return kNone;
  if (same_type(g, a, out)) {
    const Tensor* c = constant_of(g, a);
    const auto dims = constant_dims(*x.shape);
    if (c != nullptr && dims) return p.constant(c->reshaped(*dims));
    const auto spec = reshape_spec(*y.shape, *x.shape);
    return spec ? p.add(make_op("Reshape"), {a, p.constant(int64_tensor(*spec))}) : kNone;
  }
  const bool one_per_column =
      t.rank() == 1 && (*t.shape)[0] == y.shape->back() && x.shape->back() == y.shape->back();
  return one_per_column ? a : kNone;
}

// f on the dims above the moves, then the moves.
std::optional<Patch> moved_up(const Graph& g, const Node& n, size_t operand, const Moves& m) {
  PatchBuilder p(g);
  std::vector<ValueId> inputs = n.inputs;
  inputs[operand] = m.from;
  if (num_epilogue_operands(n) == 2) {
    const size_t other = 1 - operand;
    inputs[other] = operand_for(p, g, n.inputs[other], m, n.outputs[0]);
    if (inputs[other] == kNone) return std::nullopt;
  }
  p.replace(n.outputs[0], move(p, m, p.add(n.op, inputs)));
  return std::move(p).build();
}

std::optional<Patch> past_moves(const Graph& g, const Node& n, const PassOptions&) {
  const size_t operands = num_epilogue_operands(n);
  for (size_t i = 0; i < operands; ++i) {
    if (ends_epilogue(g, n.inputs[i])) return std::nullopt;
  }
  for (size_t i = 0; i < operands; ++i) {
    const Moves m = moves_to(g, n.inputs[i]);
    const Type& x = g.value(m.from).type;
    const bool movable = !m.nodes.empty() && x.dtype == DType::kFloat32 && x.has_rank() &&
                         x.rank() > 0 && same_type(g, n.inputs[i], n.outputs[0]);
    if (!movable || !ends_epilogue(g, m.from)) continue;
    if (auto patch = moved_up(g, n, i, m)) return patch;
  }
  return std::nullopt;
}

}  // namespace

Pass join_epilogues() { return {"join_epilogues", {{"past_moves", past_moves}}, nullptr}; }

}  // namespace ferry
