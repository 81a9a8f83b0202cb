// SPDX-License-Identifier: Apache-2.0
// EvalContext: what a reference kernel sees: concrete inputs, and outputs to fill.
// interpret(): runs a graph on reference kernels alone; the oracle of the engine.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/allocator.h"
#include "ir/graph.h"

namespace ferry {

class EvalContext {
 public:
  virtual ~EvalContext() = default;

  virtual size_t num_inputs() const = 0;  // captures not counted
  virtual size_t num_outputs() const = 0;
  // False for an absent optional input. An input that is an empty ONNX optional is present: none.
  virtual bool has_input(size_t i) const = 0;
  virtual bool has_output(size_t i) const = 0;
  virtual const Value& value(size_t i) const = 0;
  // Input i, which the shape rule has checked to be a tensor.
  const Tensor& input(size_t i) const { return value(i).tensor(); }

  // The tensor to fill; `dims` and `dtype` become those of output i. Called for wanted outputs
  // only, or for any (an unwanted one goes to scratch). Errors: kOutOfMemory, kLimitExceeded.
  virtual Result<Tensor> output(size_t i, DType dtype, const Dims& dims) = 0;
  // Sets output i to an existing value (sequences, optionals, maps, shared tensors).
  virtual Status set_output(size_t i, Value value) = 0;

  // What inference knows of output i; of unknown kind where the caller does not say.
  virtual Type output_type(size_t) const { return {}; }

  // Runs body `index`; captures are appended to `inputs` here.
  virtual Status run_body(size_t index, std::vector<Value> inputs, std::vector<Value>& outputs) = 0;
  // Cancellation and deadline; long loops call it now and then.
  virtual Status poll() = 0;
  virtual MemoryBudget* budget() const = 0;
  // Numbers for random operators without a seed: differ from node to node and run to run.
  virtual uint64_t random_seed() = 0;
};

struct InterpretOptions {
  MemoryBudget* budget = nullptr;
  std::function<Status()> poll;  // may be empty
  uint64_t seed = 0;
  // Called with every value computed, in order; may be empty.
  std::function<void(const Graph&, ValueId, const Value&)> observe;
};

// Runs `graph` node by node on reference kernels. `inputs` in the graph's order.
Status interpret(const Graph& graph, std::span<const Value> inputs, std::vector<Value>& outputs,
                 const InterpretOptions& options = {});
// Runs one node whose inputs are all given (`values[i]` belongs to node.inputs[i], captures too).
Status interpret_node(const Node& node, std::span<const Value> inputs, std::vector<Value>& outputs,
                      const InterpretOptions& options = {});

}  // namespace ferry
