// SPDX-License-Identifier: Apache-2.0
// Graph: typed, verified mathematics in SSA form: values, nodes in topological order, constants,
// nested graphs. Knows nothing about machines.
//
// Values and nodes are named by index and never move; removed ones leave a hole. What a nested
// graph (a body of If, Loop, Scan, ...) captures is an explicit trailing input of its node and of
// the body: node.inputs[i] for i >= inputs - num_captures feeds body.inputs() from the back.
//
// Threads: reading a const Graph from several threads is safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ir/op.h"
#include "tensor/type.h"

namespace ferry {

using ValueId = uint32_t;
using NodeId = uint32_t;
inline constexpr uint32_t kNone = UINT32_MAX;  // no value (an absent input), no node

class Graph;

// Integer contents of a small tensor as symbolic expressions, in row-major order.
using KnownInts = std::vector<Dim>;
inline constexpr size_t kMaxKnownInts = 1024;

struct GraphValue {
  std::string name;
  Type type;
  std::optional<Tensor> constant;
  std::optional<KnownInts> known;         // integer tensors of static shape; implied by `constant`
  std::optional<KnownInts> partly_known;  // invalid where an element is not known; not with `known`
  NodeId producer = kNone;                // kNone: input, constant or unused
  uint32_t output_index = 0;
  std::vector<NodeId> users;  // one entry per use
  // An initializer that callers may replace at run time: never folded.
  bool overridable = false;
};

// Where a node came from: the source model's nodes and the exporter's metadata, kept through
// every rewrite so that errors, profiles and reports speak of the user's model.
struct Origin {
  std::vector<std::string> nodes;                             // source node names
  std::vector<std::pair<std::string, std::string>> metadata;  // module path, stack trace, ...

  static Origin merge(const std::vector<const Origin*>& origins);
};

struct Node {
  std::string name;
  Op op;
  std::vector<ValueId> inputs;   // kNone: absent optional input
  std::vector<ValueId> outputs;  // kNone: not wanted
  std::vector<std::unique_ptr<Graph>> bodies;
  uint32_t num_captures = 0;
  std::shared_ptr<const Origin> origin;

  NodeId prev = kNone, next = kNone;  // the graph's order
  bool alive = false;

  size_t num_own_inputs() const { return inputs.size() - num_captures; }
  // "node 'conv1' (Conv)", or "node (Conv)" for nameless ones; a list for a group.
  std::string describe() const;
};

class Graph {
 public:
  Graph() = default;
  Graph(Graph&&) = default;
  Graph& operator=(Graph&&) = default;
  // A deep copy; constants share storage.
  std::unique_ptr<Graph> clone() const;

  std::string name;
  std::string doc;
  // Prefix of generated names, so that those of a body differ from those of the graph around it.
  std::string scope;

  // --- values
  // An empty name becomes a generated one, "<scope>v<id>".
  ValueId add_value(std::string name = "", Type type = {});
  ValueId add_input(std::string name, Type type);
  ValueId add_constant(Tensor tensor, std::string name = "");
  const GraphValue& value(ValueId id) const { return values_[id]; }
  GraphValue& value(ValueId id) { return values_[id]; }
  uint32_t num_values() const { return static_cast<uint32_t>(values_.size()); }
  const std::vector<ValueId>& inputs() const { return inputs_; }
  const std::vector<ValueId>& outputs() const { return outputs_; }
  void set_inputs(std::vector<ValueId> inputs) { inputs_ = std::move(inputs); }
  // Keeps the names of the interface when a rewrite replaces an output's value.
  void set_outputs(std::vector<ValueId> outputs);
  const std::vector<std::string>& output_names() const { return output_names_; }
  bool is_output(ValueId id) const;
  bool is_input(ValueId id) const;

  // --- nodes
  // Inserts before `before` (kNone: at the end). Sets producers and users; infers nothing.
  NodeId add_node(Node node, NodeId before = kNone);
  // Removes a node whose outputs have no users.
  void remove_node(NodeId id);
  const Node& node(NodeId id) const { return *nodes_[id]; }
  Node& node(NodeId id) { return *nodes_[id]; }
  uint32_t num_nodes() const { return static_cast<uint32_t>(nodes_.size()); }  // with holes
  NodeId first() const { return first_; }
  NodeId next(NodeId id) const { return nodes_[id]->next; }
  std::vector<NodeId> order() const;  // live nodes, topological
  size_t count_nodes() const;         // live nodes, bodies not counted

  // All uses of `from` (graph outputs too) become uses of `to`.
  void replace_uses(ValueId from, ValueId to);
  void set_input(NodeId node, size_t index, ValueId value);
  // The producer of a value, or nullptr.
  const Node* producer(ValueId id) const;
  // True when the value feeds exactly one node input and is not a graph output.
  bool has_single_use(ValueId id) const;
  // Re-sorts the order topologically (stable). Errors: kInvalidModel naming a cycle.
  Status sort();

 private:
  void link(NodeId id, NodeId before);
  void unlink(NodeId id);

  std::vector<GraphValue> values_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<ValueId> inputs_;
  std::vector<ValueId> outputs_;
  std::vector<std::string> output_names_;
  NodeId first_ = kNone, last_ = kNone;
};

// Identity of the file a graph came from; what the writer needs to write it back.
struct ModelInfo {
  std::string producer_name, producer_version, domain, doc;
  int64_t ir_version = 0;
  int64_t model_version = 0;
  std::map<std::string, int64_t> opsets;  // as in the file
  std::map<std::string, std::string> metadata;
  std::string path;  // empty: from memory
};

}  // namespace ferry
