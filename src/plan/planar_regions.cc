// SPDX-License-Identifier: Apache-2.0
#include "plan/planar_regions.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "ops/nn/conv_transpose.h"
#include "ops/nn/pool.h"
#include "ops/tensor/reshape.h"
#include "ops/tensor/transpose.h"
#include "passes/cancel_transposes.h"
#include "plan/epilogue.h"
#include "plan/layout.h"

namespace ferry {
namespace {

// Costs in multiplications and additions of a matrix product.
constexpr double kPerMoved = 30;  // an element that a transpose moves
constexpr double kBetween = 60;  // one between convolutions, which strips of rows keep in the cache
constexpr double kPerPacked = 6;   // an element that the planar product packs
constexpr double kPerTurned = 15;  // an element that is turned while it is in the cache
constexpr double kPerRow = 440;    // a row that the planar depthwise kernel copies and computes,
constexpr double kPerRowTap = 20;  // and each of its taps
constexpr double kUnknown = 64;    // a size that is not known
constexpr double kLanes = 8;       // columns of a product that are computed together

double size_of(const Dim& d) {
  return d.is_constant() ? static_cast<double>(d.constant()) : kUnknown;
}

// Elements of an image; 0 where it has a single position, so that both layouts are the same.
double elements(const Type& t) {
  double positions = 1;
  for (size_t a = 2; a < t.rank(); ++a) positions *= size_of((*t.shape)[a]);
  const Dim &batch = (*t.shape)[0], &channels = (*t.shape)[1];
  if (positions == 1 || channels.is_constant(1)) return 0;
  return positions * size_of(channels) * (batch.is_constant() ? size_of(batch) : 1);
}

bool is_image(const GraphValue& v) {
  return !v.constant && v.type.has_rank() && v.type.rank() >= 3 && v.type.rank() <= 5;
}

// The kernels for few channels have one or two axes of an image.
bool has_few_axes(const Dims& weights) { return weights.size() == 3 || weights.size() == 4; }

// The same kernels copy what lies between the pixels that an output is made from.
bool keeps_together(const Conv& conv, const Dims& weights) {
  constexpr int64_t kMostStride = 64, kMostReach = 4096;
  for (int64_t s : conv.strides) {
    if (s > kMostStride) return false;
  }
  for (size_t a = 2; a < weights.size(); ++a) {
    const bool given = a - 2 < conv.dilations.size();
    const int64_t step = given ? std::max<int64_t>(conv.dilations[a - 2], 1) : 1;
    if (weights[a] > kMostReach / step) return false;
  }
  return true;
}

// The part of a product's work that is lost on columns that do not exist.
double waste(double columns) {
  return columns == 0 ? 0 : std::ceil(columns / kLanes) * kLanes / columns - 1;
}

// What the planar kernel costs more than the channels-last one.
double planar_surplus(const Type& x, const Type& y, const Conv& conv, const Dims& w) {
  const double in = elements(x), out = elements(y);
  const int64_t taps_of_filter = w.count() / std::max<int64_t>(w[0] * w[1], 1);
  const double taps = static_cast<double>(taps_of_filter);
  switch (planar_kernel(conv, w)) {
    case PlanarKernel::kDepthwise:
      return out / std::max(size_of(y.shape->back()), 1.0) * (kPerRow + kPerRowTap * taps);
    case PlanarKernel::kThinInput:
      return in * kPerMoved + out * kPerTurned;  // the input is in planes anyway
    case PlanarKernel::kThinOutput:
      return out * kPerMoved;  // and so is the output
    default:
      break;
  }
  double pixels = 1;
  for (size_t a = 2; a < y.rank(); ++a) pixels *= size_of((*y.shape)[a]);
  const int64_t filters_of_group = w[0] / conv.group;
  const double filters = static_cast<double>(filters_of_group);
  return in * kPerPacked + 2 * (waste(pixels) - waste(filters)) * out * static_cast<double>(w[1]);
}

// Sums over a region: what it costs in planes, and with transposes around it.
struct Region {
  bool possible = true;
  int convolutions = 0;
  double planar = 0, turned = 0;
  double between = 0;  // what the planar form loses where there are several convolutions

  bool stays_planar() const {
    return possible && convolutions > 0 && planar + (convolutions > 1 ? between : 0) < turned;
  }
};

class Regions {
 public:
  explicit Regions(const Graph& g) : g_(g), parent_(g.num_nodes()), owner_(g.num_values(), kNone) {
    std::iota(parent_.begin(), parent_.end(), NodeId{0});
    for (NodeId id : g_.order()) {
      if (carries(g_.node(id))) join_values(id);
    }
  }

  std::vector<bool> find() {
    std::map<NodeId, Region> regions;
    for (NodeId id : g_.order()) {
      if (carries(g_.node(id))) add_node(regions[root(id)], g_.node(id));
    }
    for (ValueId v = 0; v < g_.num_values(); ++v) {
      if (owner_[v] != kNone) add_value(regions[root(owner_[v])], v);
    }
    std::vector<bool> planar(g_.num_nodes(), false);
    for (NodeId id : g_.order()) {
      if (!carries(g_.node(id))) continue;
      planar[id] = regions[root(id)].stays_planar();
    }
    return planar;
  }

 private:
  // Its inputs and outputs have one layout.
  static bool carries(const Node& n) {
    if (n.op.as<Reshape>() != nullptr) return false;
    return n.op.as<Conv>() != nullptr || n.op.as<ConvTranspose>() != nullptr || sinks_transposes(n);
  }

  NodeId root(NodeId id) {
    while (parent_[id] != id) id = parent_[id] = parent_[parent_[id]];
    return id;
  }

  void join_values(NodeId id) {
    const auto join = [&](ValueId v) {
      if (v == kNone || !is_image(g_.value(v))) return;
      if (owner_[v] == kNone) owner_[v] = id;
      parent_[root(id)] = root(owner_[v]);
    };
    const Node& n = g_.node(id);
    std::for_each(n.inputs.begin(), n.inputs.end(), join);
    std::for_each(n.outputs.begin(), n.outputs.end(), join);
  }

  void add_node(Region& r, const Node& n) const {
    if (n.op.as<ConvTranspose>() != nullptr) r.possible = false;
    if (const auto* pool = n.op.as<Pool>()) r.possible = r.possible && pools_planes(*pool);
    const auto* conv = n.op.as<Conv>();
    if (conv == nullptr) return;
    if (conv->channels_last) r.possible = false;
    const GraphValue &x = g_.value(n.inputs[0]), &w = g_.value(n.inputs[1]);
    ++r.convolutions;
    r.possible = r.possible && is_image(x) && x.type.dtype == DType::kFloat32 &&
                 has_constant_weights(g_, n) &&
                 planar_kernel(*conv, w.constant->dims()) != PlanarKernel::kUnavailable;
    if (!r.possible) return;
    r.planar += planar_surplus(x.type, g_.value(n.outputs[0]).type, *conv, w.constant->dims());
  }

  // A value at the edge is turned, unless somebody outside turns it already.
  void add_value(Region& r, ValueId v) const {
    const GraphValue& value = g_.value(v);
    const double cost = elements(value.type) * kPerMoved;
    const auto add = [&](bool turned_outside) { (turned_outside ? r.planar : r.turned) += cost; };
    const Node* from = g_.producer(v);
    if (from == nullptr || !carries(*from)) add(from != nullptr && turns_before(*from));
    bool leaves = g_.is_output(v), turned = false;
    for (NodeId id : value.users) {
      const Node& user = g_.node(id);
      if (carries(user)) continue;
      (turns_after(user) ? turned : leaves) = true;
    }
    if (leaves || turned)
      add(!leaves);
    else if (from != nullptr && from->op.as<Conv>() != nullptr)
      r.between += elements(value.type) * kBetween;
  }

  static bool is_transpose(const Node& n) { return n.op.as<Transpose>() != nullptr; }
  bool turns_before(const Node& n) const {
    if (n.op.as<Reshape>() == nullptr) return is_transpose(n);
    const Node* before = g_.producer(n.inputs[0]);
    return before != nullptr && is_transpose(*before);
  }
  bool turns_after(const Node& n) const {
    if (n.op.as<Reshape>() == nullptr) return is_transpose(n);
    const std::vector<NodeId>& users = g_.value(n.outputs[0]).users;
    return std::any_of(users.begin(), users.end(),
                       [&](NodeId id) { return is_transpose(g_.node(id)); });
  }

  const Graph& g_;
  std::vector<NodeId> parent_;
  std::vector<NodeId> owner_;  // by value: the first node of the region
};

}  // namespace

bool takes_planes(const Conv& conv, const Dims& weights) {
  return conv.group == 1 && has_few_axes(weights) && weights[1] <= kFewChannels &&
         keeps_together(conv, weights);
}

bool gives_planes(const Conv& conv, const Dims& weights) {
  if (conv.group != 1 || !has_few_axes(weights) || weights[0] > kFewChannels) return false;
  if (!keeps_together(conv, weights)) return false;
  for (int64_t s : conv.strides) {
    if (s != 1) return false;
  }
  return weights.count(2, weights.size()) > 1;
}

PlanarKernel planar_kernel(const Conv& conv, const Dims& weights) {
  if (weights.size() < 3 || weights[1] < 1 || conv.group < 1) return PlanarKernel::kUnavailable;
  if (gives_planes(conv, weights)) return PlanarKernel::kThinOutput;
  if (conv.group > 1 && weights[1] == 1) return PlanarKernel::kDepthwise;
  if (weights[1] > 1 && has_one_tap(conv, weights)) return PlanarKernel::kProduct;
  const bool thin = takes_planes(conv, weights) && !is_shifted_convolution(conv, weights);
  return thin ? PlanarKernel::kThinInput : PlanarKernel::kUnavailable;
}

std::vector<bool> find_planar_regions(const Graph& graph) { return Regions(graph).find(); }

}  // namespace ferry
