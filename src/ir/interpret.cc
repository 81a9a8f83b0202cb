// SPDX-License-Identifier: Apache-2.0
#include "base/status.h"
#include "ir/eval.h"
#include "ir/string_memory.h"

namespace ferry {
namespace {

class NodeEval final : public EvalContext {
 public:
  NodeEval(const Node& node, const Graph* graph, std::span<const Value> inputs,
           std::vector<Value>& outputs, const InterpretOptions& options, uint64_t seed)
      : node_(node),
        graph_(graph),
        inputs_(inputs),
        outputs_(outputs),
        options_(options),
        seed_(seed) {
    outputs_.assign(node.outputs.size(), Value());
  }

  size_t num_inputs() const override { return node_.num_own_inputs(); }
  size_t num_outputs() const override { return node_.outputs.size(); }
  bool has_input(size_t i) const override { return i < num_inputs() && node_.inputs[i] != kNone; }
  bool has_output(size_t i) const override {
    return i < node_.outputs.size() && node_.outputs[i] != kNone;
  }
  const Value& value(size_t i) const override { return inputs_[i]; }

  Result<Tensor> output(size_t i, DType dtype, const Dims& dims) override {
    FERRY_ASSIGN_OR_RETURN(Tensor t, Tensor::allocate(dtype, dims, options_.budget));
    if (dtype == DType::kString) FERRY_RETURN_IF_ERROR(check_string_output(*this, t.count()));
    if (i < outputs_.size()) outputs_[i] = t;
    return t;
  }
  Status set_output(size_t i, Value value) override {
    if (i < outputs_.size()) outputs_[i] = std::move(value);
    return {};
  }

  Type output_type(size_t i) const override {
    return graph_ != nullptr && has_output(i) ? graph_->value(node_.outputs[i]).type : Type();
  }

  Status run_body(size_t index, std::vector<Value> inputs, std::vector<Value>& outputs) override {
    for (size_t i = num_inputs(); i < inputs_.size(); ++i) inputs.push_back(inputs_[i]);
    InterpretOptions options = options_;
    options.seed = random_seed();
    return interpret(*node_.bodies[index], inputs, outputs, options);
  }

  Status poll() override { return options_.poll ? options_.poll() : Status(); }
  MemoryBudget* budget() const override { return options_.budget; }
  uint64_t random_seed() override {
    // splitmix64: neighbouring nodes get unrelated seeds.
    seed_ += 0x9e3779b97f4a7c15ull;
    uint64_t z = seed_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }

 private:
  const Node& node_;
  const Graph* graph_;
  std::span<const Value> inputs_;
  std::vector<Value>& outputs_;
  const InterpretOptions& options_;
  uint64_t seed_;
};

// `graph` is the node's, or nullptr.
Status run_node(const Node& node, const Graph* graph, std::span<const Value> inputs,
                std::vector<Value>& outputs, const InterpretOptions& options, uint64_t seed) {
  NodeEval context(node, graph, inputs, outputs, options, seed);
  if (!node.op.def().eval) return unsupported_op("{}: no reference kernel", node.describe());
  Status status = node.op.def().eval(node.op, context);
  for (size_t i = 0; i < outputs.size() && status.ok(); ++i) {
    status = count_strings(outputs[i], options.budget);
  }
  return std::move(status).with_context(node.describe());
}

}  // namespace

Status interpret_node(const Node& node, std::span<const Value> inputs, std::vector<Value>& outputs,
                      const InterpretOptions& options) {
  return run_node(node, nullptr, inputs, outputs, options, options.seed);
}

Status interpret(const Graph& graph, std::span<const Value> inputs, std::vector<Value>& outputs,
                 const InterpretOptions& options) {
  if (inputs.size() != graph.inputs().size()) {
    return invalid_argument("{} inputs given, the graph has {}", inputs.size(),
                            graph.inputs().size());
  }
  std::vector<Value> env(graph.num_values());
  std::vector<size_t> uses(graph.num_values(), 0);
  for (ValueId v = 0; v < graph.num_values(); ++v) {
    uses[v] = graph.value(v).users.size();
    if (graph.value(v).constant) env[v] = *graph.value(v).constant;
  }
  for (ValueId v : graph.outputs()) ++uses[v];
  for (size_t i = 0; i < inputs.size(); ++i) env[graph.inputs()[i]] = inputs[i];

  uint64_t seed = options.seed;
  std::vector<Value> args, results;
  for (NodeId id = graph.first(); id != kNone; id = graph.next(id)) {
    const Node& node = graph.node(id);
    if (options.poll) FERRY_RETURN_IF_ERROR(options.poll());
    args.clear();
    for (ValueId v : node.inputs) args.push_back(v == kNone ? Value() : env[v]);
    FERRY_RETURN_IF_ERROR(run_node(node, &graph, args, results, options, ++seed));
    for (ValueId v : node.inputs) {
      if (v != kNone && --uses[v] == 0) env[v] = Value();
    }
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] == kNone) continue;
      if (options.observe) options.observe(graph, node.outputs[i], results[i]);
      if (uses[node.outputs[i]] > 0) env[node.outputs[i]] = std::move(results[i]);
    }
  }
  outputs.clear();
  for (ValueId v : graph.outputs()) outputs.push_back(env[v]);
  return {};
}

}  // namespace ferry
