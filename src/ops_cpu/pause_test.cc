// SPDX-License-Identifier: Apache-2.0
// Reference kernels ask in the middle of one long row whether to go on. Nothing looks at a clock.
#include <climits>

#include "base/status.h"
#include "ir/infer.h"
#include "ops/op_tester.h"

namespace ferry {
namespace {

// Runs the reference kernel of an operator as it is by default; `last`: the question that is
// answered with an error. Returns how many there were.
int questions(const char* name, const std::vector<Value>& inputs, int last, Code wanted) {
  Graph graph;
  const OpDef* def = op_registry().find(name);
  Node node;
  node.op = Op(def, def->make());
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& t = inputs[i].tensor();
    node.inputs.push_back(
        graph.add_input("i" + std::to_string(i), Type::tensor(t.dtype(), shape_of(t.dims()))));
  }
  node.outputs.push_back(graph.add_value("y"));
  const std::vector<ValueId> outputs = node.outputs;
  const NodeId id = graph.add_node(std::move(node));
  graph.set_outputs(outputs);
  EXPECT_TRUE(infer_node(graph, id).ok());
  int times = 0;
  std::vector<Value> results;
  InterpretOptions options;
  options.poll = [&] { return ++times >= last ? Status(Code::kCancelled, "stop") : Status(); };
  const Status status = interpret(graph, inputs, results, options);
  EXPECT_EQ(code_name(status.code()), code_name(wanted)) << status.to_string();
  return times;
}

TEST(Pause, ReferencesAskInOneRow) {
  const auto doubles = [](const Dims& dims) {
    const Tensor x = random_tensor(dims, 3);
    const std::vector<double> values(x.data<float>(), x.data<float>() + x.count());
    return Value(tensor<double>(dims, values));
  };
  constexpr int64_t kRow = 1 << 18;
  const struct {
    const char* op;
    std::vector<Value> inputs;
    int least;
  } cases[] = {
      {"SoftmaxCrossEntropyLoss", {doubles({1, kRow}), ints({5})}, 128},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.op);
    EXPECT_GE(questions(c.op, c.inputs, INT_MAX, Code::kOk), c.least);
    EXPECT_EQ(questions(c.op, c.inputs, c.least / 2, Code::kCancelled), c.least / 2);
  }
}

}  // namespace
}  // namespace ferry
