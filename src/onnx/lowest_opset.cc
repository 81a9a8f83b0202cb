// SPDX-License-Identifier: Apache-2.0
#include "onnx/lowest_opset.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace ferry::onnx {
namespace {

// Nothing gains from going lower: every reader of today knows opset 20.
constexpr int kFloor = 20;

struct NewAttribute {
  std::string_view name;
  int since;
};

// Operators whose newest version says the same as an older one for the types that the older one
// had, as long as newer attributes are at their defaults.
struct SameMeaning {
  std::string_view op;
  int from;
  std::vector<NewAttribute> added;
};

const std::vector<SameMeaning>& same_meanings() {
  static const std::vector<SameMeaning> rows = [] {
    std::vector<SameMeaning> list = {
        {"Attention", 23, {{"left_window_size", 25}, {"right_window_size", 25}}},
        {"Cast", 20, {{"round_mode", 24}}},
        {"CastLike", 20, {{"round_mode", 24}}},
        {"DequantizeLinear", 20, {{"block_size", 21}, {"output_dtype", 23}}},
        {"QuantizeLinear", 20, {{"block_size", 21}, {"output_dtype", 21}, {"precision", 23}}},
        {"Range", 20, {{"stash_type", 27}}},
        {"SpaceToDepth", 20, {{"mode", 28}}},
    };
    for (std::string_view op : {"Acos",
                                "Acosh",
                                "Asin",
                                "Asinh",
                                "Atan",
                                "Atanh",
                                "AveragePool",
                                "Bernoulli",
                                "BitShift",
                                "Celu",
                                "Compress",
                                "ConstantOfShape",
                                "Conv",
                                "ConvTranspose",
                                "Cos",
                                "Cosh",
                                "DeformConv",
                                "DepthToSpace",
                                "Det",
                                "Dropout",
                                "Einsum",
                                "Elu",
                                "EyeLike",
                                "Flatten",
                                "GRU",
                                "GlobalAveragePool",
                                "GlobalLpPool",
                                "GlobalMaxPool",
                                "GridSample",
                                "HardSigmoid",
                                "HardSwish",
                                "Identity",
                                "If",
                                "InstanceNormalization",
                                "LSTM",
                                "Loop",
                                "LpNormalization",
                                "LpPool",
                                "MaxPool",
                                "MaxRoiPool",
                                "MaxUnpool",
                                "Mish",
                                "Mod",
                                "Multinomial",
                                "NegativeLogLikelihoodLoss",
                                "OneHot",
                                "Optional",
                                "OptionalGetElement",
                                "OptionalHasElement",
                                "Pad",
                                "QLinearMatMul",
                                "RNN",
                                "RandomNormal",
                                "RandomNormalLike",
                                "RandomUniform",
                                "RandomUniformLike",
                                "ReduceLogSum",
                                "ReduceLogSumExp",
                                "Reshape",
                                "ReverseSequence",
                                "RoiAlign",
                                "Round",
                                "Scan",
                                "Selu",
                                "Shape",
                                "Sin",
                                "Sinh",
                                "Size",
                                "Softplus",
                                "Softsign",
                                "SplitToSequence",
                                "Squeeze",
                                "Tan",
                                "ThresholdedRelu",
                                "TopK",
                                "Transpose",
                                "Unique",
                                "Unsqueeze"}) {
      list.push_back({op, kFloor, {}});
    }
    return list;
  }();
  return rows;
}

// Types that operators gained one by one in recent versions.
bool is_recent(DType type) { return type >= DType::kBFloat16; }

bool has_recent_type(const Graph& graph, const Node& node) {
  const auto recent = [&](ValueId v) { return v != kNone && is_recent(graph.value(v).type.dtype); };
  return std::any_of(node.inputs.begin(), node.inputs.end(), recent) ||
         std::any_of(node.outputs.begin(), node.outputs.end(), recent);
}

bool is_default(const Op& op, const AttrBinding& binding) {
  const auto value = binding.get(op.attrs());
  const auto standard = binding.get(op.def().make().get());
  return !value || (standard && equal(*value, *standard));
}

int lowest_version(const Graph& graph, const Node& node) {
  const OpDef& def = node.op.def();
  const auto& rows = same_meanings();
  const auto row = std::find_if(rows.begin(), rows.end(),
                                [&](const SameMeaning& m) { return m.op == def.full_name(); });
  if (row == rows.end() || has_recent_type(graph, node)) return def.since_version;
  int version = row->from;
  for (const NewAttribute& added : row->added) {
    const AttrBinding* binding = def.find_attr(added.name);
    if (binding != nullptr && !is_default(node.op, *binding))
      version = std::max(version, added.since);
  }
  // Attention-24 added an input.
  if (def.name == "Attention" && node.num_own_inputs() > 6) version = std::max(version, 24);
  return version;
}

void collect(const Graph& graph, std::map<std::string, int64_t>& opsets) {
  for (NodeId id = graph.first(); id != kNone; id = graph.next(id)) {
    const Node& node = graph.node(id);
    int64_t& version = opsets[node.op.def().domain];
    version = std::max<int64_t>(version, lowest_version(graph, node));
    for (const auto& body : node.bodies) collect(*body, opsets);
  }
}

}  // namespace

std::map<std::string, int64_t> lowest_opsets(const Graph& graph) {
  std::map<std::string, int64_t> opsets = {{"", kFloor}};
  collect(graph, opsets);
  return opsets;
}

int64_t ir_version_for(int64_t opset) {
  if (opset <= 20) return 9;
  if (opset <= 22) return 10;
  if (opset <= 23) return 11;
  if (opset <= 24) return 12;
  return opset <= 27 ? 13 : 14;
}

}  // namespace ferry::onnx
