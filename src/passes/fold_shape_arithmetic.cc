// SPDX-License-Identifier: Apache-2.0
#include "passes/fold_shape_arithmetic.h"

#include <algorithm>

#include "ops/tensor/reshape.h"
#include "ops/tensor/shape.h"
#include "ops/tensor/squeeze.h"
#include "passes/match.h"
#include "passes/moves.h"
#include "tensor/int_contents.h"

namespace ferry {
namespace {

std::optional<Patch> constant_shape(const Graph& g, const Node& n, const PassOptions&) {
  const auto* op = n.op.as<Reshape>();
  if (op == nullptr || constant_of(g, n.inputs[1]) != nullptr) return std::nullopt;
  const Type &from = g.value(n.inputs[0]).type, &to = g.value(n.outputs[0]).type;
  if (!from.has_rank() || !to.has_rank()) return std::nullopt;
  const auto spec = reshape_spec(*from.shape, *to.shape);
  if (!spec) return std::nullopt;
  PatchBuilder p(g);
  p.replace(n.outputs[0],
            p.add(make_op("Reshape"), {n.inputs[0], p.constant(int64_tensor(*spec))}));
  return std::move(p).build();
}

std::optional<Patch> join_reshapes(const Graph& g, const Node& n, const PassOptions&) {
  if (!is_reshaping(n)) return std::nullopt;
  const Node* inner = g.producer(n.inputs[0]);
  if (inner == nullptr || !is_reshaping(*inner)) return std::nullopt;
  const Type &from = g.value(inner->inputs[0]).type, &to = g.value(n.outputs[0]).type;
  if (!from.has_rank() || !to.has_rank()) return std::nullopt;
  const auto spec = reshape_spec(*from.shape, *to.shape);
  if (!spec) return std::nullopt;
  PatchBuilder p(g);
  if (*from.shape == *to.shape) {
    p.replace(n.outputs[0], inner->inputs[0]);
  } else {
    p.replace(n.outputs[0],
              p.add(make_op("Reshape"), {inner->inputs[0], p.constant(int64_tensor(*spec))}));
  }
  return std::move(p).build();
}

// Where `known` lies in `shape`: the first axis of the range, if it lies there.
std::optional<size_t> find_dims(const Shape& shape, const KnownInts& known) {
  const auto at = std::search(shape.begin(), shape.end(), known.begin(), known.end());
  if (known.empty() || at == shape.end()) return std::nullopt;
  return static_cast<size_t>(at - shape.begin());
}

class KnownValues {
 public:
  explicit KnownValues(Graph& g) : g_(g) {}

  Result<size_t> run() {
    size_t changes = 0;
    for (ValueId v : g_.inputs()) add_shaped(v);
    for (NodeId id : g_.order()) {
      const std::vector<ValueId> outputs = g_.node(id).outputs;
      for (ValueId v : outputs) {
        if (v == kNone) continue;
        FERRY_ASSIGN_OR_RETURN(const bool changed, visit(id, v));
        changes += changed ? 1 : 0;
      }
    }
    return changes;
  }

 private:
  void add_shaped(ValueId v) {
    if (g_.value(v).type.has_rank() && g_.value(v).type.rank() > 0) shaped_.push_back(v);
  }

  Result<bool> visit(NodeId id, ValueId v) {
    const GraphValue& value = g_.value(v);
    const bool used = !value.users.empty() || g_.is_output(v);
    if (!used || !value.known || value.constant || !value.type.has_rank()) return false;
    for (ValueId other : known_) {
      if (!same_type(g_, other, v) || !(*g_.value(other).known == *value.known)) continue;
      g_.replace_uses(v, other);
      return true;
    }
    if (g_.node(id).op.as<ShapeOf>() == nullptr && value.type.dtype == DType::kInt64 &&
        value.type.rank() <= 1) {
      FERRY_ASSIGN_OR_RETURN(const bool found, as_shape(id, v));
      if (found) return true;
    }
    known_.push_back(v);
    return false;
  }

  Result<bool> as_shape(NodeId id, ValueId v) {
    const GraphValue value = g_.value(v);
    for (ValueId x : shaped_) {
      const auto at = find_dims(*g_.value(x).type.shape, *value.known);
      if (!at) continue;
      const Node* made = g_.producer(v);
      // A scalar straight from Shape and Squeeze is as short as it gets.
      if (value.type.rank() == 0 && made->op.as<Squeeze>() &&
          producer_as<ShapeOf>(g_, made->inputs[0])) {
        return false;
      }
      PatchBuilder p(g_);
      const auto first = static_cast<int64_t>(*at);
      const auto last = first + static_cast<int64_t>(value.known->size());
      ValueId y = p.add(make_op("Shape", ShapeOf{first, last}), {x});
      if (value.type.rank() == 0) {
        y = p.add(make_op("Squeeze"), {y, p.constant(int64_tensor({0}))});
      }
      p.replace(v, y);
      FERRY_RETURN_IF_ERROR(apply(g_, id, std::move(p).build()));
      known_.push_back(y);
      return true;
    }
    return false;
  }

  Graph& g_;
  std::vector<ValueId> known_;   // values with symbolic contents, in order
  std::vector<ValueId> shaped_;  // graph inputs of known rank
};

}  // namespace

Pass fold_shape_arithmetic() {
  return {"fold_shape_arithmetic",
          {{"constant_shape", constant_shape}, {"join_reshapes", join_reshapes}},
          nullptr};
}

Pass merge_known_values() {
  return {
      "merge_known_values", {}, [](Graph& g, const PassOptions&) { return KnownValues(g).run(); }};
}

}  // namespace ferry
