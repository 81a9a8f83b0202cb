// SPDX-License-Identifier: Apache-2.0
#include "ir/graph.h"

#include <algorithm>
#include <queue>

#include "base/status.h"

namespace ferry {

Origin Origin::merge(const std::vector<const Origin*>& origins) {
  Origin merged;
  for (const Origin* o : origins) {
    if (o == nullptr) continue;
    for (const std::string& n : o->nodes) {
      if (std::find(merged.nodes.begin(), merged.nodes.end(), n) == merged.nodes.end()) {
        merged.nodes.push_back(n);
      }
    }
    if (merged.metadata.empty()) merged.metadata = o->metadata;
  }
  return merged;
}

std::string Node::describe() const {
  // Groups are no nodes of the model: what they hold is.
  if (op.defined() && op.def().domain == "ferry" && !bodies.empty()) {
    std::string text;
    for (NodeId id : bodies[0]->order()) {
      text += (text.empty() ? "" : ", ") + bodies[0]->node(id).describe();
    }
    return text;
  }
  const std::string kind = op.defined() ? op.def().full_name() : "?";
  if (!name.empty()) return fmt::format("node '{}' ({})", name, kind);
  return fmt::format("node ({})", kind);
}

ValueId Graph::add_value(std::string value_name, Type type) {
  GraphValue v;
  v.name = value_name.empty() ? fmt::format("{}v{}", scope, values_.size()) : std::move(value_name);
  v.type = std::move(type);
  values_.push_back(std::move(v));
  return num_values() - 1;
}

ValueId Graph::add_input(std::string value_name, Type type) {
  const ValueId id = add_value(std::move(value_name), std::move(type));
  inputs_.push_back(id);
  return id;
}

ValueId Graph::add_constant(Tensor tensor, std::string value_name) {
  const ValueId id =
      add_value(std::move(value_name), Type::tensor(tensor.dtype(), shape_of(tensor.dims())));
  values_[id].constant = std::move(tensor);
  return id;
}

void Graph::set_outputs(std::vector<ValueId> outputs) {
  outputs_ = std::move(outputs);
  output_names_.clear();
  for (ValueId v : outputs_) output_names_.push_back(values_[v].name);
}

bool Graph::is_output(ValueId id) const {
  return std::find(outputs_.begin(), outputs_.end(), id) != outputs_.end();
}

bool Graph::is_input(ValueId id) const {
  return std::find(inputs_.begin(), inputs_.end(), id) != inputs_.end();
}

void Graph::link(NodeId id, NodeId before) {
  Node& n = *nodes_[id];
  n.next = before;
  n.prev = before == kNone ? last_ : nodes_[before]->prev;
  (n.prev == kNone ? first_ : nodes_[n.prev]->next) = id;
  (before == kNone ? last_ : nodes_[before]->prev) = id;
}

void Graph::unlink(NodeId id) {
  Node& n = *nodes_[id];
  (n.prev == kNone ? first_ : nodes_[n.prev]->next) = n.next;
  (n.next == kNone ? last_ : nodes_[n.next]->prev) = n.prev;
  n.prev = n.next = kNone;
}

NodeId Graph::add_node(Node node, NodeId before) {
  const NodeId id = num_nodes();
  node.alive = true;
  for (ValueId v : node.inputs) {
    if (v != kNone) values_[v].users.push_back(id);
  }
  for (uint32_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == kNone) continue;
    values_[node.outputs[i]].producer = id;
    values_[node.outputs[i]].output_index = i;
  }
  nodes_.push_back(std::make_unique<Node>(std::move(node)));
  link(id, before);
  return id;
}

namespace {

void drop_one(std::vector<NodeId>& users, NodeId id) {
  const auto it = std::find(users.begin(), users.end(), id);
  if (it != users.end()) users.erase(it);
}

}  // namespace

void Graph::remove_node(NodeId id) {
  Node& n = *nodes_[id];
  for (ValueId v : n.inputs) {
    if (v != kNone) drop_one(values_[v].users, id);
  }
  for (ValueId v : n.outputs) {
    if (v != kNone) values_[v].producer = kNone;
  }
  unlink(id);
  n.alive = false;
  n.bodies.clear();
}

std::vector<NodeId> Graph::order() const {
  std::vector<NodeId> ids;
  for (NodeId id = first_; id != kNone; id = nodes_[id]->next) ids.push_back(id);
  return ids;
}

size_t Graph::count_nodes() const { return order().size(); }

void Graph::replace_uses(ValueId from, ValueId to) {
  std::vector<NodeId> users = std::move(values_[from].users);
  values_[from].users.clear();
  for (NodeId u : users) {
    for (ValueId& v : nodes_[u]->inputs) {
      if (v == from) v = to;
    }
    values_[to].users.push_back(u);
  }
  std::replace(outputs_.begin(), outputs_.end(), from, to);
}

void Graph::set_input(NodeId node, size_t index, ValueId value) {
  ValueId& slot = nodes_[node]->inputs[index];
  if (slot != kNone) drop_one(values_[slot].users, node);
  slot = value;
  if (value != kNone) values_[value].users.push_back(node);
}

const Node* Graph::producer(ValueId id) const {
  if (id == kNone || values_[id].producer == kNone) return nullptr;
  return nodes_[values_[id].producer].get();
}

bool Graph::has_single_use(ValueId id) const {
  return values_[id].users.size() == 1 && !is_output(id);
}

std::unique_ptr<Graph> Graph::clone() const {
  auto copy = std::make_unique<Graph>();
  copy->name = name;
  copy->doc = doc;
  copy->scope = scope;
  copy->values_ = values_;
  copy->inputs_ = inputs_;
  copy->outputs_ = outputs_;
  copy->output_names_ = output_names_;
  copy->first_ = first_;
  copy->last_ = last_;
  copy->nodes_.reserve(nodes_.size());
  for (const auto& n : nodes_) {
    auto c = std::make_unique<Node>();
    c->name = n->name;
    c->op = n->op;
    c->inputs = n->inputs;
    c->outputs = n->outputs;
    for (const auto& body : n->bodies) c->bodies.push_back(body->clone());
    c->num_captures = n->num_captures;
    c->origin = n->origin;
    c->prev = n->prev;
    c->next = n->next;
    c->alive = n->alive;
    copy->nodes_.push_back(std::move(c));
  }
  return copy;
}

Status Graph::sort() {
  const std::vector<NodeId> before = order();
  std::vector<uint32_t> position(nodes_.size(), 0), missing(nodes_.size(), 0);
  for (uint32_t i = 0; i < before.size(); ++i) position[before[i]] = i;
  const auto later = [&](NodeId a, NodeId b) { return position[a] > position[b]; };
  std::priority_queue<NodeId, std::vector<NodeId>, decltype(later)> ready(later);
  for (NodeId id : before) {
    for (ValueId v : nodes_[id]->inputs) {
      if (v != kNone && values_[v].producer != kNone) ++missing[id];
    }
    if (missing[id] == 0) ready.push(id);
  }
  std::vector<NodeId> sorted;
  while (!ready.empty()) {
    const NodeId id = ready.top();
    ready.pop();
    sorted.push_back(id);
    for (ValueId v : nodes_[id]->outputs) {
      if (v == kNone) continue;
      for (NodeId u : values_[v].users) {
        if (--missing[u] == 0) ready.push(u);
      }
    }
  }
  if (sorted.size() != before.size()) {
    for (NodeId id : before) {
      if (missing[id] > 0) {
        return invalid_model("{} depends on its own output: the graph has a cycle",
                             nodes_[id]->describe());
      }
    }
  }
  first_ = last_ = kNone;
  for (NodeId id : sorted) link(id, kNone);
  return {};
}

}  // namespace ferry
