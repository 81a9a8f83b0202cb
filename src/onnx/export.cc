// SPDX-License-Identifier: Apache-2.0
#include "onnx/export.h"

#include <algorithm>
#include <cstdio>
#include <fstream>

#include "base/status.h"
#include "onnx/export_names.h"
#include "onnx/export_parts.h"
#include "onnx/lowest_opset.h"

namespace ferry::onnx {
namespace {

using protozero::pbf_writer;

// Protocol buffers end at 2 GB; room is left for everything but weights.
constexpr uint64_t kMaxInlineBytes = (uint64_t{2} << 30) - (uint64_t{64} << 20);

// In bodies shapes may change with every iteration, or belong to a branch that is never taken. A
// scalar has no dims to change, and onnxruntime wants to know the counter of a Loop as one.
Type body_type(Type type) {
  if (type.shape && !type.shape->empty()) type.shape.reset();
  if (type.element) type.element = std::make_shared<const Type>(body_type(*type.element));
  return type;
}

class GraphWriter {
 public:
  GraphWriter(WeightFile* weights, const ExportOptions& options,
              const std::map<std::string, int64_t>& opsets)
      : weights_(weights), options_(options), opsets_(opsets) {}

  Status write(pbf_writer& w, const Graph& graph) { return write_graph(w, graph, false, {}); }

 private:
  Status write_graph(pbf_writer& w, const Graph& graph, bool is_body, const GivenNames& captures);
  Status write_node(pbf_writer& w, const Graph& graph, NodeId id, const GraphNames& names);
  Status write_initializers(pbf_writer& w, const Graph& graph, const GraphNames& names);
  const Type& output_type(const Graph& graph, size_t i) const;
  void write_interface(pbf_writer& w, const Graph& graph, bool is_body,
                       const GraphNames& names) const;

  WeightFile* weights_;
  const ExportOptions& options_;
  const std::map<std::string, int64_t>& opsets_;
  UsedNames used_;
};

Status GraphWriter::write_node(pbf_writer& parent, const Graph& graph, NodeId id,
                               const GraphNames& names) {
  const Node& node = graph.node(id);
  const OpDef& def = node.op.def();
  const NodeForm form = form_at(graph, node, opsets_.at(def.domain));
  pbf_writer w(parent, 1);
  for (ValueId v : form.inputs) w.add_string(1, v == kNone ? std::string() : names.values[v]);
  for (ValueId v : node.outputs) w.add_string(2, v == kNone ? std::string() : names.values[v]);
  if (!node.name.empty()) w.add_string(3, names.nodes[id]);
  w.add_string(4, def.name);
  if (!def.domain.empty()) w.add_string(7, def.domain);
  FERRY_RETURN_IF_ERROR(write_attributes(w, node.op, form));
  for (size_t b = 0; b < node.bodies.size(); ++b) {
    const Graph& body = *node.bodies[b];
    // Captures are what the surroundings call them.
    GivenNames given;
    const size_t own = body.inputs().size() - node.num_captures;
    for (size_t i = own; i < body.inputs().size(); ++i) {
      given[body.inputs()[i]] = names.values[node.inputs[node.num_own_inputs() + i - own]];
    }
    pbf_writer attr(w, 5);
    attr.add_string(1, def.bodies[b]);
    attr.add_int32(20, 5);
    pbf_writer g(attr, 6);
    FERRY_RETURN_IF_ERROR(write_graph(g, body, true, given));
  }
  if (node.origin) {
    for (const auto& [key, value] : node.origin->metadata) write_pair(w, 9, key, value);
  }
  return {};
}

Status GraphWriter::write_initializers(pbf_writer& w, const Graph& graph, const GraphNames& names) {
  for (ValueId v = 0; v < graph.num_values(); ++v) {
    const GraphValue& value = graph.value(v);
    const bool needed = !value.users.empty() || value.overridable || graph.is_output(v);
    if (!value.constant || !needed) continue;
    pbf_writer t(w, 5);
    FERRY_RETURN_IF_ERROR(write_tensor(t, *value.constant, names.values[v], weights_)
                              .with_context("constant '" + value.name + "'"));
  }
  return {};
}

// What the file said of output `i` where that is more than inference finds: a rank, or what an
// optional holds in fact.
const Type& GraphWriter::output_type(const Graph& graph, size_t i) const {
  const Type& type = graph.value(graph.outputs()[i]).type;
  if (i >= options_.declared_outputs.size()) return type;
  const Type& declared = options_.declared_outputs[i];
  const bool ranked = type.is_tensor() && !type.has_rank() && declared.has_rank();
  const bool filled = type.kind == Type::Kind::kOptional && declared.kind == type.element->kind;
  return ranked || filled ? declared : type;
}

void GraphWriter::write_interface(pbf_writer& w, const Graph& graph, bool is_body,
                                  const GraphNames& names) const {
  for (size_t i = 0; i < graph.outputs().size(); ++i) {
    const Type& type = graph.value(graph.outputs()[i]).type;
    write_value_info(w, 12, names.values[graph.outputs()[i]],
                     is_body ? body_type(type) : output_type(graph, i));
  }
  if (!options_.value_info || is_body) return;
  for (NodeId id = graph.first(); id != kNone; id = graph.next(id)) {
    for (ValueId v : graph.node(id).outputs) {
      if (v == kNone || graph.is_output(v)) continue;
      if (graph.value(v).type.kind == Type::Kind::kUnknown) continue;
      write_value_info(w, 13, names.values[v], graph.value(v).type);
    }
  }
}

Status GraphWriter::write_graph(pbf_writer& w, const Graph& graph, bool is_body,
                                const GivenNames& captures) {
  const GraphNames names = name_graph(graph, captures, used_);
  for (NodeId id = graph.first(); id != kNone; id = graph.next(id)) {
    FERRY_RETURN_IF_ERROR(write_node(w, graph, id, names).with_context(graph.node(id).describe()));
  }
  w.add_string(2, graph.name.empty() ? "graph" : graph.name);
  FERRY_RETURN_IF_ERROR(write_initializers(w, graph, names));
  if (!graph.doc.empty()) w.add_string(10, graph.doc);
  for (ValueId v : graph.inputs()) {
    if (captures.contains(v)) continue;
    const Type& type = graph.value(v).type;
    write_value_info(w, 11, names.values[v], is_body ? body_type(type) : type);
  }
  write_interface(w, graph, is_body, names);
  return {};
}

void write_opsets(pbf_writer& w, const std::map<std::string, int64_t>& opsets) {
  for (const auto& [domain, version] : opsets) {
    pbf_writer o(w, 8);
    o.add_string(1, domain);
    o.add_int64(2, version);
  }
}

Result<std::string> write_model(const Graph& source, const ModelInfo& info,
                                const ExportOptions& options, WeightFile* weights) {
  const std::unique_ptr<Graph> graph = source.clone();
  separate_outputs(*graph);
  std::string bytes;
  {
    pbf_writer w(bytes);
    FERRY_ASSIGN_OR_RETURN(const auto opsets, opsets_for(*graph, options.opset));
    // From IR version 4 on initializers need not be inputs. An opset that was asked for is for a
    // reader of its time.
    const int64_t needed = std::max<int64_t>(4, ir_version_for(opsets.at("")));
    w.add_int64(1, options.opset > 0 ? needed : std::max(info.ir_version, needed));
    if (!info.producer_name.empty()) w.add_string(2, info.producer_name);
    if (!info.producer_version.empty()) w.add_string(3, info.producer_version);
    if (!info.domain.empty()) w.add_string(4, info.domain);
    if (info.model_version != 0) w.add_int64(5, info.model_version);
    if (!info.doc.empty()) w.add_string(6, info.doc);
    {
      pbf_writer g(w, 7);
      FERRY_RETURN_IF_ERROR(GraphWriter(weights, options, opsets).write(g, *graph));
    }
    write_opsets(w, opsets);
    for (const auto& [key, value] : info.metadata) write_pair(w, 14, key, value);
  }
  return bytes;
}

uint64_t constant_bytes(const Graph& graph) {
  uint64_t total = 0;
  for (ValueId v = 0; v < graph.num_values(); ++v) {
    const GraphValue& value = graph.value(v);
    if (value.constant) total += value.constant->size_bytes();
  }
  for (NodeId id = graph.first(); id != kNone; id = graph.next(id)) {
    for (const auto& body : graph.node(id).bodies) total += constant_bytes(*body);
  }
  return total;
}

}  // namespace

Result<std::string> export_bytes(const Graph& graph, const ModelInfo& info,
                                 const ExportOptions& options) {
  if (options.external_data || constant_bytes(graph) > kMaxInlineBytes) {
    return limit_exceeded(
        "a model of over 2 GB, or with external data, has no single run of bytes; write files");
  }
  return write_model(graph, info, options, nullptr);
}

Status export_file(const Graph& graph, const ModelInfo& info, const std::string& path,
                   const ExportOptions& options) {
  if (!options.external_data && constant_bytes(graph) <= kMaxInlineBytes) {
    FERRY_ASSIGN_OR_RETURN(const std::string bytes, write_model(graph, info, options, nullptr));
    return write_file(path, bytes.data(), bytes.size()).with_context(path);
  }
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash + 1);
  const std::string name =
      options.external_name.empty() ? path.substr(folder.size()) + ".data" : options.external_name;
  if (name.find('/') != std::string::npos) {
    return invalid_argument("external_name '{}' is a path, wanted is a name beside the model",
                            name);
  }
  WeightFile weights(folder + name, name, options.min_external_bytes);
  OutputFile model;
  FERRY_RETURN_IF_ERROR(model.open(path).with_context(path));
  FERRY_RETURN_IF_ERROR(weights.open());
  FERRY_ASSIGN_OR_RETURN(const std::string bytes, write_model(graph, info, options, &weights));
  FERRY_RETURN_IF_ERROR(model.write(bytes.data(), bytes.size()).with_context(path));
  return weights.commit_with(model);
}

}  // namespace ferry::onnx
