// SPDX-License-Identifier: Apache-2.0
#include "plan/flops.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace ferry {
namespace {

using Sizes = std::optional<std::vector<double>>;

// Operators that only move, make or describe data.
constexpr std::array kMoves = std::to_array<std::string_view>({"Cast",
                                                               "CastLike",
                                                               "Compress",
                                                               "Concat",
                                                               "ConcatFromSequence",
                                                               "Constant",
                                                               "ConstantOfShape",
                                                               "DepthToSpace",
                                                               "Dropout",
                                                               "Expand",
                                                               "EyeLike",
                                                               "Flatten",
                                                               "Gather",
                                                               "GatherElements",
                                                               "GatherND",
                                                               "Identity",
                                                               "OneHot",
                                                               "Pad",
                                                               "Range",
                                                               "Reshape",
                                                               "ReverseSequence",
                                                               "Scan",
                                                               "ScatterElements",
                                                               "ScatterND",
                                                               "Shape",
                                                               "Size",
                                                               "Slice",
                                                               "SpaceToDepth",
                                                               "Split",
                                                               "SplitToSequence",
                                                               "Squeeze",
                                                               "Tile",
                                                               "Transpose",
                                                               "Trilu",
                                                               "Unsqueeze",
                                                               "If",
                                                               "Loop",
                                                               "Where",
                                                               "SequenceAt",
                                                               "SequenceConstruct",
                                                               "SequenceInsert",
                                                               "SequenceLength",
                                                               "ferry.Group"});

// Of their first input they read no more than they write.
constexpr std::array kPicks =
    std::to_array<std::string_view>({"Gather", "GatherElements", "GatherND", "Slice"});

double product(const std::vector<double>& v, size_t from = 0) {
  double n = 1;
  for (size_t i = from; i < v.size(); ++i) n *= v[i];
  return n;
}

struct Shapes {
  const Graph& graph;
  const Node& node;
  const SymbolLookup& symbols;

  Sizes of(ValueId id) const {
    if (id == kNone) return std::nullopt;
    const Type& type = graph.value(id).type;
    if (!type.has_rank()) return std::nullopt;
    std::vector<double> sizes;
    for (const Dim& d : *type.shape) {
      const auto size = d.eval(symbols);
      if (!size.ok()) return std::nullopt;
      sizes.push_back(static_cast<double>(*size));
    }
    return sizes;
  }
  Sizes input(size_t i) const { return i < node.inputs.size() ? of(node.inputs[i]) : std::nullopt; }
  Sizes output(size_t i) const {
    return i < node.outputs.size() ? of(node.outputs[i]) : std::nullopt;
  }
};

// The operators whose arithmetic is products of matrices; nullopt for others.
std::optional<std::optional<double>> product_flops(const Shapes& s, std::string_view op) {
  const Sizes x = s.input(0), w = s.input(1), y = s.output(0);
  if (op == "Conv" || op == "ConvInteger" || op == "QLinearConv") {
    const Sizes filter = op == "QLinearConv" ? s.input(3) : w;
    if (!filter || !y) return std::optional<double>();
    return 2 * product(*y) * product(*filter, 1);
  }
  if (op == "ConvTranspose") {
    if (!w || !x) return std::optional<double>();
    return 2 * product(*x) * product(*w, 1);
  }
  if (op == "MatMul" || op == "MatMulInteger" || op == "QLinearMatMul") {
    if (!x || x->empty() || !y) return std::optional<double>();
    return 2 * product(*y) * x->back();
  }
  if (op == "Gemm") {
    if (!x || !y || y->size() != 2) return std::optional<double>();
    return (*y)[0] == 0 ? 0 : 2 * product(*y) * product(*x) / (*y)[0];
  }
  if (op == "LSTM" || op == "GRU" || op == "RNN") {
    const Sizes r = s.input(2);
    if (!x || x->size() != 3 || !w || !r) return std::optional<double>();
    return 2 * (*x)[0] * (*x)[1] * (product(*w) + product(*r));
  }
  if (op == "Attention") {
    const Sizes past = s.input(4);
    if (!x || !w || w->size() < 3 || !y) return std::optional<double>();
    const double keys = (*w)[w->size() - 2] + (past && past->size() == 4 ? (*past)[2] : 0);
    return 2 * keys * (product(*x) + product(*y));
  }
  return std::nullopt;
}

double tensor_bytes(const Type& type, const SymbolLookup& symbols) {
  if (!type.is_tensor() || !type.has_rank() || type.dtype == DType::kString) return 0;
  double count = 1;
  for (const Dim& d : *type.shape) {
    const Result<int64_t> size = d.eval(symbols);
    if (!size.ok()) return 0;
    count *= static_cast<double>(*size);
  }
  return count * dtype_bits(type.dtype) / 8;
}

}  // namespace

std::optional<double> node_flops(const Graph& graph, const Node& node,
                                 const SymbolLookup& symbols) {
  double total = 0;
  for (const auto& body : node.bodies) {
    for (NodeId id : body->order()) {
      const auto inner = node_flops(*body, body->node(id), symbols);
      if (!inner) return std::nullopt;
      total += *inner;
    }
  }
  const std::string op = node.op.def().full_name();
  if (std::find(kMoves.begin(), kMoves.end(), op) != kMoves.end()) return total;
  const Shapes shapes{graph, node, symbols};
  if (const auto flops = product_flops(shapes, op)) {
    return *flops ? std::optional(total + **flops) : std::nullopt;
  }
  double largest = -1;
  const auto look = [&](ValueId id) {
    if (const Sizes sizes = shapes.of(id)) largest = std::max(largest, product(*sizes));
  };
  for (ValueId id : node.inputs) look(id);
  for (ValueId id : node.outputs) look(id);
  return largest < 0 ? std::nullopt : std::optional(total + largest);
}

// Inputs that the kernel has packed count as packed.
double step_bytes(const Program& program, const Step& s, const SymbolLookup& symbols) {
  if (s.skip) return 0;
  const Node& node = program.node(s);
  const auto bytes_of = [&](ValueId v) {
    return v == kNone ? 0 : tensor_bytes(program.graph->value(v).type, symbols);
  };
  double written = 0, read = 0;
  for (ValueId v : node.outputs) written += bytes_of(v);
  const bool picks = std::ranges::count(kPicks, node.op.def().full_name()) > 0;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (!s.kernel->reads_input(i)) continue;
    const double bytes = bytes_of(node.inputs[i]);
    read += picks && i == 0 ? std::min(bytes, written) : bytes;
  }
  return static_cast<double>(s.kernel->packed_bytes()) + read + written;
}

}  // namespace ferry
