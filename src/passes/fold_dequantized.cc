// SPDX-License-Identifier: Apache-2.0
#include "passes/fold_dequantized.h"

#include <utility>
#include <vector>

#include "base/status.h"
#include "passes/match.h"

namespace ferry {
namespace {

// The floats of a node, or an undefined tensor where it has to run: then its errors come there.
Result<Tensor> dequantized(const Graph& g, const Node& n, const PassOptions& options) {
  std::vector<Value> inputs, outputs;
  for (ValueId v : n.inputs) inputs.push_back(v == kNone ? Value() : *g.value(v).constant);
  InterpretOptions interpret;
  interpret.budget = options.budget;
  interpret.poll = options.poll;
  const Status s = interpret_node(n, inputs, outputs, interpret);
  if (options.poll) FERRY_RETURN_IF_ERROR(options.poll());
  return s.ok() ? outputs[0].tensor() : Tensor();
}

Result<size_t> run(Graph& g, const PassOptions& options) {
  size_t changes = 0;
  uint64_t left = options.max_fold_bytes, floats_left = kMostDequantizedBytes;
  for (NodeId id : g.order()) {
    const Node& n = g.node(id);
    if (!n.op.is("DequantizeLinear") || !has_constant_inputs(g, n)) continue;
    const Tensor& x = *constant_of(g, n.inputs[0]);
    const uint64_t bytes = x.size_bytes(), floats = static_cast<uint64_t>(x.count()) * 4;
    if (bytes > options.max_fold_bytes_per_value || bytes > left || floats > floats_left) continue;
    FERRY_ASSIGN_OR_RETURN(Tensor y, dequantized(g, n, options));
    if (!y.defined()) continue;
    left -= bytes;
    floats_left -= floats;
    const ValueId old = n.outputs[0];
    g.replace_uses(old, g.add_constant(std::move(y)));
    ++changes;
  }
  return changes;
}

}  // namespace

Pass fold_dequantized() { return {"fold_dequantized", {}, run}; }

}  // namespace ferry
