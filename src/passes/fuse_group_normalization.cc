// SPDX-License-Identifier: Apache-2.0
#include "passes/fuse_group_normalization.h"

#include "ops/nn/group_normalization.h"
#include "ops/tensor/reshape.h"
#include "passes/match.h"

namespace ferry {
namespace {

using Numbers = std::vector<double>;

// One number per group, each repeated for the channels of its group.
std::optional<Numbers> by_channel(const Graph& g, ValueId v, int64_t groups, int64_t channels) {
  const auto numbers = constant_numbers(g, v);
  if (!numbers || static_cast<int64_t>(numbers->size()) != groups) return std::nullopt;
  Numbers out;
  for (int64_t c = 0; c < channels; ++c) {
    out.push_back((*numbers)[static_cast<size_t>(c / (channels / groups))]);
  }
  return out;
}

std::optional<Patch> reshaped(const Graph& g, const Node& n, const PassOptions&) {
  if (n.op.as<Reshape>() == nullptr) return std::nullopt;
  const Node* norm = producer_as<GroupNormalization>(g, n.inputs[0]);
  if (norm == nullptr || !norm->op.is("InstanceNormalization")) return std::nullopt;
  const Node* split = producer_as<Reshape>(g, norm->inputs[0]);
  if (split == nullptr || !g.has_single_use(n.inputs[0])) return std::nullopt;
  const ValueId x = split->inputs[0];
  const Type &outer = g.value(x).type, &inner = g.value(norm->inputs[0]).type;
  if (!same_type(g, x, n.outputs[0]) || outer.rank() < 2 || !inner.has_rank()) return std::nullopt;
  const Dim &channels = (*outer.shape)[1], &groups = (*inner.shape)[1];
  if (!((*outer.shape)[0] == (*inner.shape)[0])) return std::nullopt;
  if (!channels.is_constant() || !groups.is_constant() || groups.constant() < 1 ||
      channels.constant() < 1 || channels.constant() % groups.constant() != 0) {
    return std::nullopt;
  }
  const int64_t count = channels.constant();
  const auto scale = by_channel(g, norm->inputs[1], groups.constant(), count);
  const auto bias = by_channel(g, norm->inputs[2], groups.constant(), count);
  if (!scale || !bias) return std::nullopt;
  GroupNormalization op = *norm->op.as<GroupNormalization>();
  op.num_groups = groups.constant();
  PatchBuilder p(g);
  const ValueId a = p.constant(make_floats(outer.dtype, {count}, *scale));
  const ValueId b = p.constant(make_floats(outer.dtype, {count}, *bias));
  p.inherit(g.value(n.inputs[0]).producer);
  p.replace(n.outputs[0], p.add(make_op("GroupNormalization", op), {x, a, b}));
  return std::move(p).build();
}

// A constant of the dims [C, 1...], [1, C, 1...] or of one element, for a value of rank `rank`.
std::optional<Numbers> per_channel(const Graph& g, ValueId v, size_t rank, size_t channels) {
  const Tensor* t = constant_of(g, v);
  if (t == nullptr || t->rank() > rank || !is_floating(t->dtype())) return std::nullopt;
  for (size_t a = 0; a < t->rank(); ++a) {
    if (a + rank - t->rank() != 1 && t->dim(a) != 1) return std::nullopt;
  }
  auto numbers = constant_numbers(g, v);
  if (numbers && numbers->size() == 1) numbers->resize(channels, numbers->front());
  return numbers && numbers->size() == channels ? numbers : std::nullopt;
}

std::optional<Patch> parameters(const Graph& g, const Node& n, const PassOptions&) {
  const bool scales = is_binary(n, BinaryKind::kMul);
  if (!scales && !is_binary(n, BinaryKind::kAdd)) return std::nullopt;
  for (size_t i = 0; i < 2; ++i) {
    const Node* norm = producer_as<GroupNormalization>(g, n.inputs[i]);
    if (norm == nullptr || !g.has_single_use(n.inputs[i])) continue;
    if (!same_type(g, n.inputs[i], n.outputs[0])) continue;
    auto scale = constant_numbers(g, norm->inputs[1]), bias = constant_numbers(g, norm->inputs[2]);
    if (!scale || !bias || scale->size() != bias->size()) continue;
    const Type& type = g.value(n.inputs[i]).type;
    const auto c = per_channel(g, n.inputs[1 - i], type.rank(), scale->size());
    if (!c) continue;
    for (size_t k = 0; k < c->size(); ++k) {
      if (scales) (*scale)[k] *= (*c)[k];
      (*bias)[k] = scales ? (*bias)[k] * (*c)[k] : (*bias)[k] + (*c)[k];
    }
    const Dims dims = {static_cast<int64_t>(scale->size())};
    PatchBuilder p(g);
    const ValueId a = p.constant(make_floats(type.dtype, dims, *scale));
    const ValueId b = p.constant(make_floats(type.dtype, dims, *bias));
    p.inherit(g.value(n.inputs[i]).producer);
    p.replace(n.outputs[0], p.add(norm->op, {norm->inputs[0], a, b}));
    return std::move(p).build();
  }
  return std::nullopt;
}

}  // namespace

Pass fuse_group_normalization() {
  return {
      "fuse_group_normalization", {{"reshaped", reshaped}, {"parameters", parameters}}, nullptr};
}

}  // namespace ferry
