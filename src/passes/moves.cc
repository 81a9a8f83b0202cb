// SPDX-License-Identifier: Apache-2.0
#include "passes/moves.h"

#include "ops/tensor/reshape.h"
#include "ops/tensor/squeeze.h"
#include "ops/tensor/transpose.h"

namespace ferry {

bool is_reshaping(const Node& n) {
  return n.op.as<Reshape>() || n.op.as<Flatten>() || n.op.as<Squeeze>() || n.op.as<Unsqueeze>();
}

Moves moves_to(const Graph& g, ValueId v) {
  Moves m{v, {}, false};
  for (;;) {
    const Node* n = g.has_single_use(m.from) ? g.producer(m.from) : nullptr;
    const bool transpose = n != nullptr && n->op.as<Transpose>() != nullptr;
    if (n == nullptr || (!transpose && !is_reshaping(*n))) return m;
    if (!g.has_single_use(n->inputs[0])) return m;
    m.transposed |= transpose;
    m.nodes.push_back(n);
    m.from = n->inputs[0];
  }
}

ValueId move(PatchBuilder& p, const Moves& m, ValueId v) {
  for (auto n = m.nodes.rbegin(); n != m.nodes.rend(); ++n) {
    std::vector<ValueId> inputs = (*n)->inputs;
    inputs[0] = v;
    v = p.add((*n)->op, inputs);
  }
  return v;
}

}  // namespace ferry
