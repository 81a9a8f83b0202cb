// SPDX-License-Identifier: Apache-2.0
#include "plan/layout.h"

#include <algorithm>

#include "base/status.h"
#include "ir/patch.h"
#include "ops/image/resize.h"
#include "ops/nn/conv.h"
#include "ops/nn/conv_transpose.h"
#include "ops/nn/pool.h"
#include "ops/registry.h"
#include "ops/tensor/reshape.h"
#include "ops/tensor/transpose.h"
#include "passes/cancel_transposes.h"
#include "passes/eliminate_identity.h"
#include "passes/permutation.h"
#include "plan/planar_regions.h"
#include "tensor/int_contents.h"

namespace ferry {
namespace {

std::vector<int64_t> to_channels_last(size_t rank) {
  std::vector<int64_t> perm = {0};
  for (size_t a = 2; a < rank; ++a) perm.push_back(static_cast<int64_t>(a));
  perm.push_back(1);
  return perm;
}

std::vector<int64_t> to_planar(size_t rank) {
  std::vector<int64_t> perm = {0, static_cast<int64_t>(rank) - 1};
  for (size_t a = 1; a + 1 < rank; ++a) perm.push_back(static_cast<int64_t>(a));
  return perm;
}

bool keeps_input(const Op& op) {
  const auto* conv = op.as<Conv>();
  return conv != nullptr && conv->planar_input;
}

bool keeps_output(const Op& op) {
  const auto* conv = op.as<Conv>();
  return conv != nullptr && conv->planar_output;
}

// The dims of f32 weights of as many axes as x has, constant or computed.
std::optional<Dims> weight_dims(const Graph& g, const Node& n, const Type& x) {
  const Type& w = g.value(n.inputs[1]).type;
  if (w.dtype != DType::kFloat32 || !w.has_rank() || w.rank() != x.rank()) return std::nullopt;
  return constant_dims(*w.shape);
}

// The operator in its channels-last form, or an undefined one when it has none here. `follows`:
// also those that are as fast on planes, and only follow what convolutions want.
Op channels_last_form(const Graph& g, const Node& n, bool follows) {
  const GraphValue& x = g.value(n.inputs.at(0));
  if (!x.type.has_rank() || x.type.rank() < 3 || x.type.rank() > 5) return {};
  if (x.type.dtype != DType::kFloat32) return {};
  if (const auto* conv = n.op.as<Conv>(); conv != nullptr && !conv->channels_last) {
    const std::optional<Dims> w = weight_dims(g, n, x.type);
    if (!w) return {};
    Conv last = *conv;
    last.channels_last = true;
    const bool constant = has_constant_weights(g, n);
    last.planar_input = constant && takes_planes(*conv, *w);
    last.planar_output = constant && gives_planes(*conv, *w);
    return make_op(n.op.def().full_name(), std::move(last));
  }
  if (const auto* conv = n.op.as<ConvTranspose>(); conv != nullptr && !conv->channels_last) {
    if (!weight_dims(g, n, x.type)) return {};
    ConvTranspose last = *conv;
    last.channels_last = true;
    return make_op(n.op.def().full_name(), std::move(last));
  }
  if (const auto* pool = n.op.as<Pool>(); pool != nullptr && !pool->channels_last) {
    if (pool->kind == PoolKind::kLp || (!follows && pools_planes(*pool))) return {};
    Pool last = *pool;
    last.channels_last = true;
    return make_op(n.op.def().full_name(), std::move(last));
  }
  if (!follows) return {};
  if (const auto* pool = n.op.as<GlobalPool>(); pool != nullptr && !pool->channels_last) {
    GlobalPool last = *pool;
    last.channels_last = true;
    return make_op(n.op.def().full_name(), last);
  }
  if (const auto* resize = n.op.as<Resize>(); resize != nullptr && !resize->channels_last) {
    const Dim& channels = (*x.type.shape)[1];
    if (channels.is_constant() && channels.constant() <= kFewChannels) return {};
    Resize last = *resize;
    last.channels_last = true;
    return make_op(n.op.def().full_name(), std::move(last));
  }
  return {};
}

// The convolution from planes to planes.
Op planar_form(const Node& n) {
  Conv planar = *n.op.as<Conv>();
  planar.channels_last = planar.planar_input = planar.planar_output = true;
  return make_op(n.op.def().full_name(), std::move(planar));
}

Status convert(Graph& g, NodeId id, Op op) {
  const Node& n = g.node(id);
  const size_t rank = g.value(n.inputs[0]).type.rank();
  PatchBuilder p(g);
  std::vector<ValueId> inputs = n.inputs;
  if (!keeps_input(op)) {
    inputs[0] = p.add(make_op("Transpose", Transpose{to_channels_last(rank)}), {inputs[0]});
  }
  const bool planar = keeps_output(op);
  const ValueId y = p.add(std::move(op), inputs);
  p.replace(n.outputs[0],
            planar ? y : p.add(make_op("Transpose", Transpose{to_planar(rank)}), {y}));
  return apply(g, id, std::move(p).build());
}

// The reshape that ends a channel shuffle of x, [N, C, ...] to [N, g, C / g, ...], the two swapped,
// and back; kNone when `n` starts none.
NodeId shuffle_end(const Graph& g, const Node& n) {
  const auto only_user = [&](const Node& node) {
    const ValueId v = node.outputs[0];
    return g.has_single_use(v) ? g.value(v).users[0] : kNone;
  };
  const NodeId swap = n.op.as<Reshape>() != nullptr ? only_user(n) : kNone;
  if (swap == kNone || g.node(swap).op.as<Transpose>() == nullptr) return kNone;
  const NodeId end = only_user(g.node(swap));
  if (end == kNone || g.node(end).op.as<Reshape>() == nullptr) return kNone;
  const Type &x = g.value(n.inputs[0]).type, &split = g.value(n.outputs[0]).type;
  if (!x.has_rank() || x.rank() < 3 || x.rank() > 5 || x.dtype != DType::kFloat32) return kNone;
  if (!split.has_rank() || split.rank() != x.rank() + 1) return kNone;
  if (!(g.value(g.node(end).outputs[0]).type == x) || !(*x.shape)[1].is_constant()) return kNone;
  for (size_t a = 0; a < x.rank(); ++a) {
    if (a != 1 && !((*x.shape)[a] == (*split.shape)[a == 0 ? 0 : a + 1])) return kNone;
  }
  const std::vector<int64_t>& perm = g.node(swap).op.as<Transpose>()->perm;
  if (perm.size() != split.rank()) return kNone;
  for (size_t a = 0; a < perm.size(); ++a) {
    const size_t wanted = a == 1 ? 2 : a == 2 ? 1 : a;
    if (perm[a] != static_cast<int64_t>(wanted)) return kNone;
  }
  return end;
}

// A channel shuffle moves the innermost axes of channels-last values.
Status convert_shuffle(Graph& g, const Node& n, NodeId end) {
  const Shape& shape = *g.value(n.inputs[0]).type.shape;
  const Shape& split = *g.value(n.outputs[0]).type.shape;
  const size_t rank = shape.size();
  if (!split[1].is_constant() || !split[2].is_constant()) return {};
  std::vector<int64_t> wide(rank - 1, 0), swap, back(rank - 1, 0);
  wide.push_back(split[1].constant());
  wide.push_back(split[2].constant());
  back.push_back(shape[1].constant());
  for (size_t a = 0; a + 1 < rank; ++a) swap.push_back(static_cast<int64_t>(a));
  swap.push_back(static_cast<int64_t>(rank));
  swap.push_back(static_cast<int64_t>(rank) - 1);
  PatchBuilder p(g);
  const auto reshaped = [&](ValueId v, const std::vector<int64_t>& spec) {
    return p.add(make_op("Reshape"), {v, p.constant(int64_tensor(spec))});
  };
  ValueId v = p.add(make_op("Transpose", Transpose{to_channels_last(rank)}), {n.inputs[0]});
  v = p.add(make_op("Transpose", Transpose{swap}), {reshaped(v, wide)});
  v = p.add(make_op("Transpose", Transpose{to_planar(rank)}), {reshaped(v, back)});
  p.replace(g.node(end).outputs[0], v);
  return apply(g, end, std::move(p).build());
}

}  // namespace

bool has_constant_weights(const Graph& g, const Node& n) {
  return std::all_of(n.inputs.begin() + 1, n.inputs.end(), [&](ValueId v) {
    return v == kNone || (g.value(v).constant && !g.value(v).overridable);
  });
}

// Winograd's method saves a factor of four; some of it pays for taps that do not exist and for the
// copies.
bool is_shifted_convolution(const Conv& conv, const Dims& w) {
  if (w.size() != 4 || !takes_planes(conv, w) || gives_planes(conv, w)) return false;
  const auto all_ones = [](const std::vector<int64_t>& list) {
    return std::all_of(list.begin(), list.end(), [](int64_t x) { return x == 1; });
  };
  if (!all_ones(conv.strides) || !all_ones(conv.dilations)) return false;
  const int64_t kh = w[2], kw = w[3], taps = (kh + 2) / 3 * ((kw + 2) / 3) * 9;
  return kh > 3 && kw > 3 && taps * w[1] >= 16 * 9 && w[0] >= 16 && 10 * taps <= 17 * kh * kw;
}

Status assign_layouts(Graph& graph) {
  const std::vector<bool> planar = find_planar_regions(graph);
  bool slides = false;
  for (NodeId id : graph.order()) {
    const Node& n = graph.node(id);
    const bool image = n.alive && !n.inputs.empty() && n.inputs[0] != kNone &&
                       n.outputs.size() == 1 && !planar[id];
    slides = slides || (image && channels_last_form(graph, n, false).defined());
  }
  for (NodeId id : graph.order()) {
    const Node& n = graph.node(id);
    if (!n.alive || n.inputs.empty() || n.inputs[0] == kNone || n.outputs.size() != 1) continue;
    if (id < planar.size() && planar[id]) {
      if (n.op.as<Conv>() != nullptr) FERRY_RETURN_IF_ERROR(convert(graph, id, planar_form(n)));
      continue;
    }
    if (const NodeId end = shuffle_end(graph, n); end != kNone) {
      FERRY_RETURN_IF_ERROR(convert_shuffle(graph, n, end));
      continue;
    }
    Op op = channels_last_form(graph, n, slides);
    if (op.defined()) FERRY_RETURN_IF_ERROR(convert(graph, id, std::move(op)));
  }
  remove_dead_nodes(graph);
  // Sinking takes a sweep per layer at worst; what stays at the edges is moved by a kernel.
  return run_passes(graph, {cancel_transposes(), eliminate_identity(), lower_transposes()})
      .status();
}

}  // namespace ferry
