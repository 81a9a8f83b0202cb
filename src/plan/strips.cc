// SPDX-License-Identifier: Apache-2.0
#include "plan/strips.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>
#include <set>

#include "base/cpu.h"
#include "base/status.h"
#include "kernels/conv/depthwise.h"
#include "ops/fusion/group.h"
#include "ops/math/gemm.h"
#include "ops/nn/conv.h"
#include "ops/registry.h"
#include "plan/eltwise_program.h"
#include "plan/epilogue.h"
#include "plan/fuse.h"
#include "plan/layout.h"

namespace ferry {
namespace {

// A byte that needs not be written to and read from the third-level cache or memory saves about as
// many multiplications and additions; a byte of weights read again costs half, for it is only read.
constexpr double kPerByte = 1, kPerWeightByte = 0.5;
// Rows on a border that two threads compute, of all work.
constexpr double kMostTwice = 0.05;
// Less is not worth smaller matrix products.
constexpr double kWorthwhile = 0.1;

double cache_bytes() { return static_cast<double>(cpu_info().l2_bytes); }

// The anchor of a node that stands alone or leads a group.
struct Anchor {
  const Node* node = nullptr;
  const Tensor* weights = nullptr;
  const Tensor* bias = nullptr;  // null where there is none

  bool is_packable = true;  // weights and bias are constants in f32

  Anchor(const Graph& g, const Node& n) : node(&n) {
    const Graph* body = n.op.as<Group>() == nullptr ? nullptr : n.bodies[0].get();
    if (body != nullptr) node = &body->node(body->first());
    const auto read = [&](size_t i) -> const Tensor* {
      if (i >= node->inputs.size() || node->inputs[i] == kNone) return nullptr;
      ValueId v = node->inputs[i];
      if (body != nullptr) {
        const auto& inputs = body->inputs();
        v = n.inputs[static_cast<size_t>(std::find(inputs.begin(), inputs.end(), v) -
                                         inputs.begin())];
      }
      const GraphValue& value = g.value(v);
      const bool constant =
          value.constant && !value.overridable && value.type.dtype == DType::kFloat32;
      if (!constant) is_packable = false;
      return constant ? &*value.constant : nullptr;
    };
    weights = read(1);
    bias = read(2);
  }
};

// A picture's size where the model does not know it. The first axis of an input is the batch.
class Sizes {
 public:
  explicit Sizes(const Graph& g) {
    for (ValueId v : g.inputs()) {
      if (!g.value(v).type.has_rank()) continue;
      const Shape& shape = *g.value(v).type.shape;
      for (size_t a = 0; a < shape.size(); ++a) {
        if (shape[a].is_symbol()) guesses_.emplace(shape[a].symbol_name(), a == 0 ? 1 : 224);
      }
    }
  }
  // nullopt when it depends on data.
  std::optional<double> of(const Dim& d) const {
    const Result<int64_t> size = d.eval([&](std::string_view name) -> const int64_t* {
      const auto it = guesses_.find(name);
      return it == guesses_.end() ? nullptr : &it->second;
    });
    if (!size.ok()) return std::nullopt;
    return static_cast<double>(*size);
  }

 private:
  std::map<std::string, int64_t, std::less<>> guesses_;
};

struct Link {
  NodeId node = kNone;
  StripStage stage;
  double images = 1;
  bool starts_chain = false;  // only the first link
};

// The sizes of pixels: [N, H, W, C], or [..., C] where a product does not ask how pixels lie.
bool read_sizes(const Sizes& sizes, const Shape& y, bool flat, Link& link) {
  std::vector<double> d;
  for (const Dim& dim : y) {
    const std::optional<double> size = sizes.of(dim);
    if (!size || *size < 1) return false;
    d.push_back(*size);
  }
  StripStage& s = link.stage;
  s.channels = d.back();
  if (flat || d.size() != 4) {
    s.rows = std::accumulate(d.begin(), d.end() - 1, 1.0, std::multiplies<>());
    s.width = 1;
    return flat;
  }
  link.images = d[0], s.rows = d[1], s.width = d[2];
  return true;
}

bool read_convolution(const Conv& conv, const Tensor& w, const Type& y, const Sizes& sizes,
                      Link& link) {
  if (!conv.y_last() || w.rank() != 4 || y.rank() != 4) return false;
  const int64_t group_out = w.dim(0) / std::max<int64_t>(conv.group, 1);
  link.starts_chain = conv.planar_input;
  const bool takes_rows =
      conv.planar_input ? conv.channels_last && !is_shifted_convolution(conv, w.dims())
                        : conv.x_last() && (is_one_tap(conv, w.dims()) ||
                                            has_narrow_groups(conv.group, w.dim(1), group_out));
  if (!takes_rows) return false;
  link.stage.kernel = w.dim(2);
  if (!conv.strides.empty()) link.stage.stride = conv.strides[0];
  if (!conv.dilations.empty()) link.stage.dilation = conv.dilations[0];
  return read_sizes(sizes, *y.shape, false, link);
}

bool is_product(const Anchor& anchor, const Type& y) {
  if (anchor.weights->rank() != 2) return false;
  if (anchor.node->op.is("MatMul")) return true;
  const auto* gemm = anchor.node->op.as<Gemm>();
  if (gemm == nullptr || gemm->trans_a) return false;
  return anchor.bias == nullptr || anchor.bias->count() == 1 ||
         (anchor.bias->rank() > 0 && y.shape->back().is_constant(anchor.bias->count()));
}

// An elementwise node of an image and one value per channel, pixel or image, or neither: the gate
// of a squeeze-excite block.
std::optional<Link> scale_link(const Graph& g, const Sizes& sizes, NodeId id) {
  const Node& n = g.node(id);
  const Type& y = g.value(n.outputs[0]).type;
  if (!y.has_rank() || y.rank() != 4 || num_elt_operands(n) != 2) return std::nullopt;
  const auto is_image = [&](size_t i) {
    return g.value(n.inputs[i]).type == y && !g.value(n.inputs[i]).constant;
  };
  if (!(is_image(0) || is_image(1)) || n.inputs[0] == n.inputs[1]) return std::nullopt;
  const Type& other = g.value(n.inputs[is_image(0) ? 1 : 0]).type;
  if (!other.has_rank()) return std::nullopt;
  const auto dim = [&](size_t axis) {
    return axis + other.rank() < 4 ? Dim(1) : (*other.shape)[axis + other.rank() - 4];
  };
  const auto same = [&](size_t axis) { return dim(axis) == (*y.shape)[axis]; };
  const auto fits = [&](size_t axis) { return dim(axis).is_constant(1) || same(axis); };
  const bool one_pixel = dim(1).is_constant(1) && dim(2).is_constant(1);
  if (!fits(0) || !fits(3) || !(one_pixel || (same(1) && same(2)))) return std::nullopt;
  Link link;
  link.node = id;
  link.starts_chain = true;
  if (!read_sizes(sizes, *y.shape, false, link)) return std::nullopt;
  link.stage.macs = link.stage.channels;
  return link;
}

std::optional<Link> link_of(const Graph& g, const Sizes& sizes, NodeId id) {
  const Node& n = g.node(id);
  if (is_elt_node(g, n)) return scale_link(g, sizes, id);
  const auto* group = n.op.as<Group>();
  if (n.outputs.size() != 1 || (group != nullptr && group->strips)) return std::nullopt;
  const Anchor anchor(g, n);
  const auto* conv = anchor.node->op.as<Conv>();
  const Type& y = g.value(n.outputs[0]).type;
  if (anchor.weights == nullptr || !anchor.is_packable || !y.has_rank() || y.rank() < 2) {
    return std::nullopt;
  }
  Link link;
  link.node = id;
  const bool ok = conv != nullptr
                      ? read_convolution(*conv, *anchor.weights, y, sizes, link)
                      : is_product(anchor, y) && read_sizes(sizes, *y.shape, y.rank() != 4, link);
  if (!ok) return std::nullopt;
  link.stage.weight_bytes = static_cast<double>(anchor.weights->size_bytes());
  link.stage.macs = static_cast<double>(anchor.weights->count());
  return link;
}

// `n` reads `carried` as its input 0, and a group's tail does not read it again.
bool is_only_the_image(const Node& n, ValueId carried) {
  if (n.inputs.empty() || n.inputs[0] != carried) return false;
  return n.bodies.empty() || n.bodies[0]->has_single_use(n.bodies[0]->inputs()[0]);
}

// The chain from `id` on, as far as each value is used once, by the next link.
std::vector<Link> chain_from(const Graph& g, const Sizes& sizes, NodeId id) {
  std::vector<Link> chain;
  for (std::optional<Link> link = link_of(g, sizes, id); link; link = link_of(g, sizes, id)) {
    if (!chain.empty() && (link->images != chain[0].images || link->starts_chain)) break;
    chain.push_back(*link);
    const ValueId carried = g.node(id).outputs[0];
    if (!g.has_single_use(carried)) break;
    id = g.value(carried).users[0];
    if (!is_only_the_image(g.node(id), carried)) break;
  }
  return chain;
}

// What running `links` in strips saves, in multiplications and additions; 0 or less: nothing.
double gain(std::span<const Link> links, int threads) {
  std::vector<StripStage> stages;
  for (const Link& l : links) stages.push_back(l.stage);
  if (strip_bytes(stages, 1) > cache_bytes() / 2) return 0;
  const double images = links[0].images, team = threads;
  const auto pixels = [&](const StripStage& s) { return s.rows * s.width * images; };
  const auto macs = [&](const StripStage& s) { return pixels(s) * s.macs; };
  double saved = 0, work = 0, weights = 0;
  for (size_t i = 0; i < stages.size(); ++i) {
    work += macs(stages[i]);
    weights += stages[i].weight_bytes;
    if (i + 1 == stages.size()) break;
    // Each thread finds its own part again if that is small.
    const double bytes = 4 * pixels(stages[i]) * stages[i].channels;
    const double moved = bytes / team > cache_bytes() / 2 ? 2 * bytes * kPerByte : 0;
    if (moved < kWorthwhile * (macs(stages[i]) + macs(stages[i + 1]))) return 0;
    saved += moved;
  }
  if (saved == 0) return 0;
  // As StripStep cuts images into parts.
  const auto even = std::gcd(static_cast<int64_t>(images), int64_t{threads});
  const double parts = team / static_cast<double>(even);
  double twice = 0, shared_rows = 0;
  for (size_t i = stages.size() - 1; i-- > 0;) {
    const StripStage& next = stages[i + 1];
    shared_rows = std::max<double>(
        0, shared_rows * double(next.stride) + double(next.extent() - next.stride));
    twice += shared_rows * stages[i].width * stages[i].macs * (parts - 1) * images;
  }
  if (twice > kMostTwice * work) return 0;
  const int64_t strip = strip_height(stages);
  const double strips = std::ceil(stages.back().rows / double(strip)) * images;
  const bool weights_stay = weights + strip_bytes(stages, strip) < cache_bytes();
  return saved - twice - (weights_stay ? 0 : strips * weights * kPerWeightByte);
}

// Cuts a chain where that saves most: best[i] is what links from i on save.
std::vector<std::pair<size_t, size_t>> cut(std::span<const Link> chain,
                                           const PlanOptions& options) {
  const size_t n = chain.size();
  std::vector<double> best(n + 1, 0);
  std::vector<size_t> length(n, 1);
  for (size_t i = n; i-- > 0;) {
    best[i] = best[i + 1];
    for (size_t k = 2; k <= kMostStripStages && i + k <= n; ++k) {
      const double own = options.strips == StripUse::kAlways
                             ? static_cast<double>(k * k)  // one long chain
                             : gain(chain.subspan(i, k), options.threads);
      const double total = own + best[i + k];
      if (total > best[i]) best[i] = total, length[i] = k;
    }
  }
  std::vector<std::pair<size_t, size_t>> parts;
  for (size_t i = 0; i < n; i += length[i]) {
    if (length[i] > 1) parts.emplace_back(i, length[i]);
  }
  return parts;
}

}  // namespace

bool has_narrow_groups(int64_t groups, int64_t group_in, int64_t group_out) {
  constexpr int64_t kLanes = 16;  // of the widest vector
  return groups > 1 && group_in <= kLanes / 2 && group_out < kLanes &&
         group_span(kLanes, group_in, group_out) <= 2 * kLanes;
}

std::vector<int64_t> strip_rows(std::span<const StripStage> stages, int64_t strip) {
  std::vector<int64_t> rows(stages.size(), strip);
  for (size_t i = stages.size() - 1; i-- > 0;) {
    const StripStage& next = stages[i + 1];
    rows[i] = std::clamp<int64_t>((rows[i + 1] - 1) * next.stride + next.extent(), 1,
                                  std::max<int64_t>(1, static_cast<int64_t>(stages[i].rows)));
  }
  return rows;
}

double strip_bytes(std::span<const StripStage> stages, int64_t strip) {
  const std::vector<int64_t> rows = strip_rows(stages, strip);
  double bytes = 0;
  for (size_t i = 0; i + 1 < stages.size(); ++i) {
    bytes += 4 * static_cast<double>(rows[i]) * stages[i].width * stages[i].channels;
  }
  return bytes;
}

int64_t strip_height(std::span<const StripStage> stages) {
  const auto rows = std::max<int64_t>(1, static_cast<int64_t>(stages.back().rows));
  int64_t low = 1, high = rows;  // the height is in [low, high]
  while (low < high) {
    const int64_t middle = low + (high - low + 1) / 2;
    if (strip_bytes(stages, middle) <= cache_bytes() / 2)
      low = middle;
    else
      high = middle - 1;
  }
  const int64_t strips = (rows + low - 1) / low;
  return (rows + strips - 1) / strips;
}

size_t form_strips(Graph& graph, const PlanOptions& options) {
  if (options.strips == StripUse::kNever) return 0;
  const Sizes sizes(graph);
  std::set<NodeId> seen;
  size_t formed = 0;
  for (NodeId id : graph.order()) {
    if (!graph.node(id).alive || seen.count(id) > 0) continue;
    const std::vector<Link> chain = chain_from(graph, sizes, id);
    for (const Link& l : chain) seen.insert(l.node);
    for (const auto& [first, count] : cut(chain, options)) {
      std::vector<NodeId> nodes;
      for (size_t i = first; i < first + count; ++i) nodes.push_back(chain[i].node);
      if (make_group(graph, nodes, {true, options.strip_height})) ++formed;
    }
  }
  return formed;
}

}  // namespace ferry
