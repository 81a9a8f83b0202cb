// SPDX-License-Identifier: Apache-2.0
#include "passes/fuse_weight_transpose.h"

#include "ops/math/matmul.h"
#include "passes/permutation.h"

namespace ferry {
namespace {

std::optional<Patch> transposed_weights(const Graph& g, const Node& n, const PassOptions&) {
  const auto* op = n.op.as<MatMul>();
  if (op == nullptr || op->trans_b || !g.has_single_use(n.inputs[1])) return std::nullopt;
  const Node* t = producer_as<Transpose>(g, n.inputs[1]);
  if (t == nullptr || permutation_of(g, *t) != Permutation{1, 0}) return std::nullopt;
  if (constant_of(g, t->inputs[0]) == nullptr) return std::nullopt;
  PatchBuilder p(g);
  p.replace(n.outputs[0], p.add(make_op("MatMul", MatMul{true}), {n.inputs[0], t->inputs[0]}));
  return std::move(p).build();
}

}  // namespace

Pass fuse_weight_transpose() {
  return {"fuse_weight_transpose", {{"transposed_weights", transposed_weights}}, nullptr};
}

}  // namespace ferry
