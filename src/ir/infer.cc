// SPDX-License-Identifier: Apache-2.0
#include "ir/infer.h"

#include <algorithm>
#include <map>

#include "base/status.h"
#include "tensor/int_contents.h"

namespace ferry {

std::string TypeSet::to_string() const {
  std::string text;
  for (int i = 1; i < kNumDTypes; ++i) {
    if (!contains(static_cast<DType>(i))) continue;
    if (!text.empty()) text += ", ";
    text += dtype_name(static_cast<DType>(i));
  }
  return text;
}

InferContext::InferContext(const Op& op, std::vector<const GraphValue*> inputs,
                           std::vector<GraphValue*> outputs,
                           std::span<const std::unique_ptr<Graph>> bodies, size_t num_captures)
    : op_(op),
      inputs_(std::move(inputs)),
      outputs_(std::move(outputs)),
      bodies_(bodies),
      num_captures_(num_captures) {}

const Type& InferContext::type(size_t i) const {
  static const Type unknown;
  return has_input(i) ? inputs_[i]->type : unknown;
}

Result<Type> InferContext::tensor(size_t i, TypeSet allowed) const {
  if (!has_input(i)) return invalid_model("input {} is missing", i);
  const Type& t = inputs_[i]->type;
  if (!t.is_tensor()) {
    return invalid_model("input {} ('{}') is {}, a tensor was wanted", i, inputs_[i]->name,
                         t.to_string());
  }
  if (!allowed.contains(t.dtype)) {
    return unsupported_type("input {} ('{}') has element type {}; allowed are {}", i,
                            inputs_[i]->name, dtype_name(t.dtype), allowed.to_string());
  }
  return t;
}

Result<Type> InferContext::tensor(size_t i, TypeSet allowed, size_t min_rank,
                                  size_t max_rank) const {
  FERRY_ASSIGN_OR_RETURN(Type t, tensor(i, allowed));
  if (t.has_rank() && (t.rank() < min_rank || t.rank() > max_rank)) {
    const std::string wanted = max_rank == SIZE_MAX   ? fmt::format("at least {}", min_rank)
                               : min_rank == max_rank ? fmt::format("{}", min_rank)
                                                      : fmt::format("{} to {}", min_rank, max_rank);
    return invalid_model("input {} ('{}') is {} of rank {}; wanted is rank {}", i, inputs_[i]->name,
                         t.to_string(), t.rank(), wanted);
  }
  return t;
}

Status InferContext::same_dtype(size_t i, size_t j) const {
  if (!has_input(i) || !has_input(j)) return {};
  const Type &a = type(i), &b = type(j);
  if (a.dtype == b.dtype) return {};
  return invalid_model("inputs {} ('{}') and {} ('{}') have element types {} and {}, wanted equal",
                       i, inputs_[i]->name, j, inputs_[j]->name, dtype_name(a.dtype),
                       dtype_name(b.dtype));
}

const Tensor* InferContext::constant(size_t i) const {
  if (!has_input(i) || !inputs_[i]->constant || inputs_[i]->overridable) return nullptr;
  return &*inputs_[i]->constant;
}

namespace {

std::optional<KnownInts> known_of(const GraphValue& v) {
  if (v.overridable) return std::nullopt;
  if (!v.constant) return v.known;
  if (static_cast<size_t>(v.constant->count()) > kMaxKnownInts) return std::nullopt;
  const auto ints = int_contents(*v.constant);
  if (!ints) return std::nullopt;
  return KnownInts(ints->begin(), ints->end());
}

}  // namespace

std::optional<KnownInts> InferContext::known(size_t i) const {
  if (!has_input(i)) return std::nullopt;
  return known_of(*inputs_[i]);
}

std::optional<KnownInts> InferContext::partly_known(size_t i) const {
  if (!has_input(i)) return std::nullopt;
  std::optional<KnownInts> all = known_of(*inputs_[i]);
  return all || inputs_[i]->overridable ? all : inputs_[i]->partly_known;
}

std::optional<std::vector<int64_t>> InferContext::constant_ints(size_t i) const {
  if (const Tensor* t = constant(i)) return int_contents(*t);
  const auto dims = known(i);
  if (!dims) return std::nullopt;
  std::vector<int64_t> ints;
  for (const Dim& d : *dims) {
    if (!d.is_constant()) return std::nullopt;
    ints.push_back(d.constant());
  }
  return ints;
}

void InferContext::set_type(size_t i, Type t) {
  if (!has_output(i)) return;
  if (t.is_tensor() && t.shape) {
    for (size_t a = 0; a < t.shape->size(); ++a) {
      if ((*t.shape)[a].is_invalid()) (*t.shape)[a] = fresh_dim(i, a);
    }
  }
  outputs_[i]->type = std::move(t);
}

void InferContext::set_tensor(size_t i, DType dtype, std::optional<Shape> shape) {
  set_type(i, Type::tensor(dtype, std::move(shape)));
}

void InferContext::set_known(size_t i, KnownInts values) {
  if (!has_output(i) || values.size() > kMaxKnownInts) return;
  const auto unknown =
      std::count_if(values.begin(), values.end(), [](const Dim& d) { return d.is_invalid(); });
  if (unknown == 0) {
    outputs_[i]->known = std::move(values);
  } else if (static_cast<size_t>(unknown) < values.size()) {
    outputs_[i]->partly_known = std::move(values);
  }
}

Dim InferContext::fresh_dim(size_t output, size_t axis) const {
  const std::string& base = has_output(output) ? outputs_[output]->name : op_.name();
  return Dim::symbol(fmt::format("%{}.{}", base, axis));
}

Shape InferContext::fresh_shape(size_t output, size_t rank) const {
  Shape shape;
  for (size_t a = 0; a < rank; ++a) shape.push_back(fresh_dim(output, a));
  return shape;
}

Result<std::vector<GraphValue>> InferContext::infer_body(size_t index,
                                                         std::vector<GraphValue> inputs) const {
  Graph& body = *bodies_[index];
  for (size_t i = num_inputs(); i < inputs_.size(); ++i) {
    GraphValue captured;
    captured.type = inputs_[i]->type;
    captured.known = known_of(*inputs_[i]);
    inputs.push_back(std::move(captured));
  }
  if (inputs.size() != body.inputs().size()) {
    return invalid_model("the body '{}' has {} inputs, the node gives it {}", body.name,
                         body.inputs().size() - num_captures_, inputs.size() - num_captures_);
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    GraphValue& v = body.value(body.inputs()[i]);
    v.type = inputs[i].type;
    v.known = inputs[i].known;
  }
  FERRY_RETURN_IF_ERROR(infer_graph(body));
  std::vector<GraphValue> outputs;
  for (ValueId id : body.outputs()) {
    const GraphValue& v = body.value(id);
    GraphValue out;
    out.name = v.name;
    out.type = v.type;
    out.known = v.known;
    out.constant = v.constant;
    outputs.push_back(std::move(out));
  }
  return outputs;
}

Result<int64_t> InferContext::axis(int64_t axis, size_t rank) {
  const auto r = static_cast<int64_t>(rank);
  if (axis < -r || axis >= r) return invalid_model("axis {} outside [{}, {})", axis, -r, r);
  return axis < 0 ? axis + r : axis;
}

Result<Shape> broadcast_shapes(const Shape& a, const Shape& b) {
  const Shape& longer = a.size() >= b.size() ? a : b;
  const Shape& shorter = a.size() >= b.size() ? b : a;
  Shape out = longer;
  const size_t offset = longer.size() - shorter.size();
  for (size_t i = 0; i < shorter.size(); ++i) {
    const Dim &x = longer[offset + i], &y = shorter[i];
    if (x.is_constant() && y.is_constant() && !(x == y) && !x.is_constant(1) && !y.is_constant(1)) {
      return shape_mismatch("{} and {} do not broadcast: {} against {} at axis {} from the end",
                            to_string(a), to_string(b), x.to_string(), y.to_string(),
                            shorter.size() - i);
    }
    out[offset + i] = broadcast(x, y);
  }
  return out;
}

namespace {

// With an empty prefix, dims that differ become invalid: those of the elements of a sequence have
// no value that one symbol could stand for.
Result<Type> merge(const Type& a, const Type& b, const std::string& symbol_prefix) {
  if (a.kind == Type::Kind::kUnknown) return b;
  if (b.kind == Type::Kind::kUnknown) return a;
  if (a.kind != b.kind || a.dtype != b.dtype) {
    return invalid_model("types {} and {} meet, wanted equal", a.to_string(), b.to_string());
  }
  Type t = a;
  if (a.is_tensor()) {
    if (!a.shape || !b.shape || a.shape->size() != b.shape->size()) {
      t.shape = std::nullopt;
      return t;
    }
    for (size_t i = 0; i < a.shape->size(); ++i) {
      if ((*a.shape)[i] == (*b.shape)[i]) continue;
      (*t.shape)[i] = symbol_prefix.empty() ? Dim::invalid()
                                            : Dim::symbol(fmt::format("%{}.{}", symbol_prefix, i));
    }
    return t;
  }
  FERRY_ASSIGN_OR_RETURN(Type element, merge(*a.element, *b.element, ""));
  t.element = std::make_shared<const Type>(std::move(element));
  return t;
}

}  // namespace

Result<Type> merge_types(const Type& a, const Type& b, const std::string& symbol_prefix) {
  return merge(a, b, symbol_prefix);
}

namespace {

// Bodies inside bodies: every round of a loop's types around them infers them again, which takes
// exponential time where they do not depend on what changes. While one node is inferred, nodes with
// bodies inside it remember the facts that they were last inferred with.
class Remembered {
 public:
  Remembered() { ++depth_; }
  ~Remembered() {
    if (--depth_ == 0) facts_.clear();
  }
  Remembered(const Remembered&) = delete;
  Remembered& operator=(const Remembered&) = delete;

  static bool knows(const Graph* body, const std::vector<const GraphValue*>& inputs) {
    const auto it = facts_.find(body);
    if (it == facts_.end() || it->second.size() != inputs.size()) return false;
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!same(it->second[i], inputs[i])) return false;
    }
    return true;
  }
  static void keep(const Graph* body, const std::vector<const GraphValue*>& inputs) {
    std::vector<GraphValue>& facts = facts_[body];
    facts.assign(inputs.size(), {});
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i] == nullptr) continue;
      facts[i].name = inputs[i]->name;
      facts[i].type = inputs[i]->type;
      facts[i].constant = inputs[i]->constant;
      facts[i].known = inputs[i]->known;
    }
  }
  static void forget(const Graph* body) { facts_.erase(body); }

 private:
  static bool same(const GraphValue& a, const GraphValue* b) {
    if (b == nullptr) return a.name.empty();
    const void* x = a.constant ? a.constant->raw() : nullptr;
    const void* y = b->constant ? b->constant->raw() : nullptr;
    return a.name == b->name && a.type == b->type && a.known == b->known && x == y;
  }

  static thread_local int depth_;
  static thread_local std::map<const Graph*, std::vector<GraphValue>> facts_;
};
thread_local int Remembered::depth_ = 0;
thread_local std::map<const Graph*, std::vector<GraphValue>> Remembered::facts_;

}  // namespace

Status infer_node(Graph& graph, NodeId id) {
  Node& node = graph.node(id);
  std::vector<const GraphValue*> inputs;
  for (ValueId v : node.inputs) inputs.push_back(v == kNone ? nullptr : &graph.value(v));
  const Graph* body = node.bodies.empty() ? nullptr : node.bodies[0].get();
  const Remembered remembered;
  if (body != nullptr && Remembered::knows(body, inputs)) return {};
  std::vector<GraphValue*> outputs;
  for (ValueId v : node.outputs) {
    outputs.push_back(v == kNone ? nullptr : &graph.value(v));
    if (v == kNone) continue;
    graph.value(v).known.reset();
    graph.value(v).partly_known.reset();
  }
  for (size_t i = 0; i < node.bodies.size(); ++i) {
    // Fresh symbols of a body must not meet those of the graph around it.
    const std::string& base = node.outputs.empty() || node.outputs[0] == kNone
                                  ? node.name
                                  : graph.value(node.outputs[0]).name;
    node.bodies[i]->scope = fmt::format("{}{}/{}/", graph.scope, base, i);
  }
  InferContext context(node.op, inputs, std::move(outputs), node.bodies, node.num_captures);
  Status status = node.op.def().infer(node.op, context).with_context(node.describe());
  if (body != nullptr) {
    if (status.ok())
      Remembered::keep(body, inputs);
    else
      Remembered::forget(body);
  }
  return status;
}

Status infer_graph(Graph& graph) {
  for (NodeId id = graph.first(); id != kNone; id = graph.next(id)) {
    FERRY_RETURN_IF_ERROR(infer_node(graph, id));
  }
  return {};
}

}  // namespace ferry
