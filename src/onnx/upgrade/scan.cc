// SPDX-License-Identifier: Apache-2.0
// Scan-8 had a batch axis in front of everything.
//   Scan-8(-, states, xs, body) => Scan(states, xs; body: Scan(states, xs; body)): the outer one
//   walks the batch, the inner one the sequence
#include <deque>
#include <protozero/pbf_writer.hpp>

#include "base/status.h"
#include "onnx/upgrade/table.h"

namespace ferry::onnx {
namespace {

// A graph made here, and the text that its views point to.
struct OwnedGraph {
  GraphProto graph;
  std::deque<std::string> text;

  std::string_view keep(std::string s) { return text.emplace_back(std::move(s)); }
};

AttributeProto int_list(OwnedGraph& owner, std::string_view name, std::vector<int64_t> values) {
  std::string bytes;
  protozero::pbf_writer writer(bytes);
  for (int64_t v : values) writer.add_int64(8, v);
  AttributeProto a;
  a.name = name;
  a.type = AttributeType::kInts;
  a.message = owner.keep(std::move(bytes));
  return a;
}

AttributeProto integer(OwnedGraph& owner, std::string_view name, int64_t value) {
  std::string bytes;
  protozero::pbf_writer(bytes).add_int64(3, value);
  AttributeProto a;
  a.name = name;
  a.type = AttributeType::kInt;
  a.message = owner.keep(std::move(bytes));
  return a;
}

std::shared_ptr<const GraphProto> batch_body(const SourceNode& node, size_t num_inputs,
                                             std::shared_ptr<const GraphProto> body) {
  auto owner = std::make_shared<OwnedGraph>();
  NodeProto inner;
  inner.op_type = "Scan";
  inner.newest = true;
  for (size_t i = 0; i < num_inputs; ++i) {
    inner.inputs.push_back(owner->keep(fmt::format("{}/in{}", node.name, i)));
    owner->graph.inputs.push_back({inner.inputs.back(), {}});
  }
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    inner.outputs.push_back(owner->keep(fmt::format("{}/out{}", node.name, i)));
    owner->graph.outputs.push_back({inner.outputs.back(), {}});
  }
  inner.name = owner->keep(node.name + "/sequence");
  inner.attributes.push_back(
      integer(*owner, "num_scan_inputs", node.get_int("num_scan_inputs", 0)));
  const auto directions = node.get("directions", std::vector<int64_t>());
  if (!directions.empty()) {
    inner.attributes.push_back(int_list(*owner, "scan_input_directions", directions));
  }
  AttributeProto graph;
  graph.name = "body";
  graph.type = AttributeType::kGraph;
  graph.graphs.push_back(std::move(body));
  inner.attributes.push_back(std::move(graph));
  owner->graph.nodes.push_back(std::move(inner));
  return {owner, &owner->graph};
}

Status batched(SourceNode& node, Rewriter&) {
  if (node.bodies.size() != 1) return invalid_model("attribute 'body' is missing");
  if (node.has_input(0)) return unsupported_op("Scan of opset 8 with sequence_lens");
  if (node.inputs.empty()) return invalid_model("has no inputs");
  node.inputs.erase(node.inputs.begin());
  node.bodies[0].second = batch_body(node, node.inputs.size(), node.bodies[0].second);
  node.remove("directions");
  node.set("num_scan_inputs", static_cast<int64_t>(node.inputs.size()));
  return {};
}

}  // namespace

void add_scan(std::vector<UpgradeRow>& rows) { rows.push_back({"Scan", 9, batched}); }

}  // namespace ferry::onnx
