// SPDX-License-Identifier: Apache-2.0
#include "passes/eliminate_identity.h"

#include <algorithm>
#include <cmath>

#include "ops/logical/where.h"
#include "ops/math/clip.h"
#include "ops/math/variadic.h"
#include "ops/tensor/concat.h"
#include "ops/tensor/expand.h"
#include "ops/tensor/identity.h"
#include "ops/tensor/pad.h"
#include "ops/tensor/reshape.h"
#include "ops/tensor/slice.h"
#include "ops/tensor/split.h"
#include "passes/match.h"

namespace ferry {
namespace {

bool all_ints(const Graph& g, ValueId v, bool (*wanted)(int64_t)) {
  const auto ints = constant_ints(g, v);
  return ints && std::all_of(ints->begin(), ints->end(), wanted);
}

bool mask_unused(const Graph& g, const Node& n) {
  return n.outputs.size() < 2 || n.outputs[1] == kNone ||
         (g.value(n.outputs[1]).users.empty() && !g.is_output(n.outputs[1]));
}

// Copies whatever the shapes are.
bool always_copies(const Graph& g, const Node& n) {
  if (n.op.as<Identity>()) return true;
  if (n.op.as<Variadic>()) return n.inputs.size() == 1;
  // Of what has no rank yet, the axis may be none.
  if (n.op.as<Concat>()) return n.inputs.size() == 1 && g.value(n.inputs[0]).type.has_rank();
  if (n.op.as<Split>()) return n.outputs.size() == 1 && input(n, 1) == kNone;
  if (n.op.as<Clip>()) return input(n, 1) == kNone && input(n, 2) == kNone;
  if (n.op.is("Dropout")) {
    const auto training = uniform_constant(g, input(n, 2));
    return mask_unused(g, n) && (input(n, 2) == kNone || (training && *training == 0));
  }
  if (n.op.is("Cast")) {
    const auto to = attribute(n.op, "to");
    return to && std::get<int64_t>(*to) == static_cast<int64_t>(g.value(n.inputs[0]).type.dtype);
  }
  if (n.op.is("CastLike")) {
    return g.value(n.inputs[0]).type.dtype == g.value(n.inputs[1]).type.dtype;
  }
  return false;
}

// Copies when input and output have one shape.
bool copies_in_shape(const Graph& g, const Node& n) {
  if (n.op.as<Reshape>() || n.op.as<Flatten>()) return true;
  // Sizes that come with the run may not fit.
  if (n.op.as<Expand>() || n.op.as<Tile>()) {
    const GraphValue& sizes = g.value(n.inputs[1]);
    return sizes.constant || sizes.known;
  }
  if (n.op.as<Split>()) return n.outputs.size() == 1;
  if (n.op.as<Slice>()) {
    return input(n, 4) == kNone || all_ints(g, n.inputs[4], [](int64_t s) { return s > 0; });
  }
  if (n.op.as<Pad>()) return all_ints(g, n.inputs[1], [](int64_t pad) { return pad == 0; });
  return false;
}

std::optional<Patch> copy(const Graph& g, const Node& n, const PassOptions&) {
  if (n.inputs.empty() || n.inputs[0] == kNone || n.outputs.empty() || n.outputs[0] == kNone) {
    return std::nullopt;
  }
  const bool is_copy =
      always_copies(g, n) || (copies_in_shape(g, n) && same_type(g, n.inputs[0], n.outputs[0]));
  if (!is_copy) return std::nullopt;
  return replacement(g, n.outputs[0], n.inputs[0]);
}

// True when `other op v` (or `v op other` with `left`) is `other` for the number v.
bool is_neutral(BinaryKind kind, double v, bool left, bool exact_zero) {
  switch (kind) {
    case BinaryKind::kAdd:
      return v == 0 && exact_zero;
    case BinaryKind::kSub:
      return v == 0 && !std::signbit(v) && !left;
    case BinaryKind::kMul:
      return v == 1;
    case BinaryKind::kDiv:
    case BinaryKind::kPow:
      return v == 1 && !left;
    default:
      return false;
  }
}

std::optional<Patch> neutral_element(const Graph& g, const Node& n, const PassOptions& options) {
  const auto* op = n.op.as<Binary>();
  if (op == nullptr) return std::nullopt;
  for (size_t i = 0; i < 2; ++i) {
    const auto v = uniform_constant(g, n.inputs[i]);
    const ValueId other = n.inputs[1 - i];
    if (!v || !same_type(g, other, n.outputs[0])) continue;
    const bool exact_zero =
        !options.exact || std::signbit(*v) || !is_floating(g.value(other).type.dtype);
    if (is_neutral(op->kind, *v, i == 0, exact_zero)) return replacement(g, n.outputs[0], other);
  }
  return std::nullopt;
}

std::optional<Patch> constant_condition(const Graph& g, const Node& n, const PassOptions&) {
  if (!n.op.as<Where>()) return std::nullopt;
  const auto v = uniform_constant(g, n.inputs[0]);
  ValueId taken = kNone;
  if (v) taken = n.inputs[*v != 0 ? 1 : 2];
  if (n.inputs[1] == n.inputs[2]) taken = n.inputs[1];
  if (taken == kNone || !same_type(g, taken, n.outputs[0])) return std::nullopt;
  return replacement(g, n.outputs[0], taken);
}

}  // namespace

Pass eliminate_identity() {
  return {"eliminate_identity",
          {{"copy", copy},
           {"neutral_element", neutral_element},
           {"constant_condition", constant_condition}},
          nullptr};
}

}  // namespace ferry
