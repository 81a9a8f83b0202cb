// SPDX-License-Identifier: Apache-2.0
// If, Loop and Scan: bodies, captures, what loops carry, and what inference may claim about it.
#include "ops/op_tester.h"

namespace ferry {
namespace {

// Builds a body; values are named by what the calls return.
class Body {
 public:
  Body() : graph_(std::make_unique<Graph>()) {}
  ValueId input(Type type = {}) {
    return graph_->add_input("b" + std::to_string(graph_->inputs().size()), std::move(type));
  }
  ValueId constant(Tensor t) { return graph_->add_constant(std::move(t)); }
  ValueId node(const char* op, std::vector<ValueId> inputs,
               std::vector<std::pair<std::string, AttrValue>> attrs = {}) {
    const OpDef* def = op_registry().find(op);
    std::shared_ptr<void> values = def->make();
    for (auto& [name, value] : attrs)
      EXPECT_TRUE(def->find_attr(name)->set(values.get(), value).ok());
    Node n;
    n.op = Op(def, std::move(values));
    n.inputs = std::move(inputs);
    n.outputs = {graph_->add_value()};
    const ValueId out = n.outputs[0];
    graph_->add_node(std::move(n));
    return out;
  }
  std::unique_ptr<Graph> outputs(std::vector<ValueId> values) {
    graph_->set_outputs(std::move(values));
    return std::move(graph_);
  }

 private:
  std::unique_ptr<Graph> graph_;
};

std::unique_ptr<Graph> constant_branch(Tensor t) {
  Body b;
  return b.outputs({b.node("Identity", {b.constant(std::move(t))})});
}

TEST(If, TakesABranch) {
  for (const bool condition : {true, false}) {
    OpTester("If")
        .input(tensor<bool>({}, {condition}))
        .body(constant_branch(tensor<float>({2}, {1, 2})))
        .body(constant_branch(tensor<float>({1}, {3})))
        .expect(condition ? tensor<float>({2}, {1, 2}) : tensor<float>({1}, {3}))
        .run();
  }
  OpTester("If")
      .input(tensor<bool>({2}, {true, true}))
      .body(constant_branch(tensor<float>({1}, {1})))
      .body(constant_branch(tensor<float>({1}, {3})))
      .expect_error(Code::kInvalidModel, "wanted is one element")
      .run();
  OpTester("If")
      .input(tensor<bool>({}, {true}))
      .body(constant_branch(tensor<float>({1}, {1})))
      .body(constant_branch(tensor<int32_t>({1}, {3})))
      .expect_error(Code::kInvalidModel, "types f32[1] and i32[1] meet")
      .run();
}

TEST(If, ReadsCaptures) {
  const auto branch = [](const char* op) {
    Body b;
    const ValueId x = b.input();
    return b.outputs({b.node(op, {x, x})});
  };
  OpTester("If")
      .input(tensor<bool>({1}, {false}))
      .input(tensor<float>({2}, {3, 4}))
      .body(branch("Add"), 1)
      .body(branch("Mul"), 1)
      .expect(tensor<float>({2}, {9, 16}))
      .run();
}

// (iteration, condition, sum) -> (iteration < limit, sum + iteration, scan sum)
std::unique_ptr<Graph> counting_body(int64_t limit) {
  Body b;
  const ValueId i = b.input(), condition = b.input(), sum = b.input();
  (void)condition;
  const ValueId next = b.node("Add", {sum, i});
  const ValueId goes_on = b.node("Less", {i, b.constant(tensor<int64_t>({}, {limit}))});
  return b.outputs({goes_on, next, b.node("Identity", {next})});
}

TEST(Loop, CountsAndStacks) {
  const Tensor start = tensor<int64_t>({}, {10});
  OpTester("Loop")
      .input(tensor<int64_t>({}, {4}))
      .no_input()
      .input(start)
      .body(counting_body(100))
      .expect(tensor<int64_t>({}, {16}))
      .expect(ints({10, 11, 13, 16}))
      .run();
  OpTester("Loop")
      .no_input()
      .input(tensor<bool>({}, {true}))
      .input(start)
      .body(counting_body(2))
      .expect(tensor<int64_t>({}, {13}))
      .expect(ints({10, 11, 13}))
      .run();
  OpTester("Loop")
      .input(tensor<int64_t>({}, {4}))
      .input(tensor<bool>({}, {false}))
      .input(start)
      .body(counting_body(2))
      .expect(start)
      .expect(ints({}))
      .run();
  OpTester("Loop")
      .input(tensor<int64_t>({1}, {-3}))
      .no_input()
      .input(start)
      .body(counting_body(2))
      .expect(start)
      .expect(ints({}))
      .run();
}

TEST(Loop, CarriesWhatGrows) {
  Body b;
  b.input();
  const ValueId condition = b.input(), x = b.input();
  const ValueId grown =
      b.node("Concat", {x, b.constant(tensor<float>({1}, {7}))}, {{"axis", int64_t{0}}});
  const ValueId size = b.node("Shape", {x});
  OpTester("Loop")
      .input(tensor<int64_t>({}, {3}))
      .no_input()
      .input(iota({1}))
      .body(b.outputs({b.node("Identity", {condition}), grown, size}))
      .expect(tensor<float>({4}, {0, 7, 7, 7}))
      .expect(tensor<int64_t>({3, 1}, {1, 2, 3}))
      .run();
}

// Known contents must not be those of the first iteration only.
TEST(Loop, KnownsAreInvariantOnly) {
  Graph graph;
  Body b;
  const ValueId i = b.input(), condition = b.input(), changes = b.input(), stays = b.input();
  (void)i;
  const ValueId one = b.constant(tensor<int64_t>({}, {1}));
  Node loop;
  loop.name = "loop";
  loop.op = make_op("Loop");
  loop.inputs = {graph.add_constant(tensor<int64_t>({}, {5})), kNone,
                 graph.add_constant(tensor<int64_t>({}, {2})),
                 graph.add_constant(tensor<int64_t>({}, {3}))};
  loop.bodies.push_back(b.outputs({b.node("Identity", {condition}), b.node("Add", {changes, one}),
                                   b.node("Identity", {stays}), b.node("Identity", {stays})}));
  loop.outputs = {graph.add_value("changed"), graph.add_value("stayed"), graph.add_value("stack")};
  const std::vector<ValueId> outputs = loop.outputs;
  const NodeId id = graph.add_node(std::move(loop));
  graph.set_outputs(outputs);
  ASSERT_TRUE(infer_node(graph, id).ok());
  EXPECT_FALSE(graph.value(outputs[0]).known.has_value());
  ASSERT_TRUE(graph.value(outputs[1]).known.has_value());
  EXPECT_TRUE((*graph.value(outputs[1]).known)[0].is_constant(3));
  EXPECT_EQ(graph.value(outputs[2]).type.to_string(), "i64[5]");
}

TEST(Loop, RefusesOtherCounts) {
  Body b;
  b.input();
  const ValueId condition = b.input();
  OpTester("Loop")
      .input(tensor<int64_t>({}, {3}))
      .no_input()
      .body(b.outputs({condition}))
      .expect_error(Code::kInvalidModel, "the body has 1 outputs, the node has 1")
      .run();
}

// (sum, x) -> (sum + x, sum + x)
std::unique_ptr<Graph> running_sum() {
  Body b;
  const ValueId sum = b.input(), x = b.input();
  const ValueId next = b.node("Add", {sum, x});
  return b.outputs({next, b.node("Identity", {next})});
}

TEST(Scan, RunningSums) {
  const Tensor x = tensor<float>({3, 2}, {1, 2, 3, 4, 5, 6});
  OpTester("Scan")
      .attr("num_scan_inputs", int64_t{1})
      .input(tensor<float>({2}, {0, 0}))
      .input(x)
      .body(running_sum())
      .expect(tensor<float>({2}, {9, 12}))
      .expect(tensor<float>({3, 2}, {1, 2, 4, 6, 9, 12}))
      .run();
  OpTester("Scan")
      .attr("num_scan_inputs", int64_t{1})
      .attr("scan_input_axes", std::vector<int64_t>{1})
      .attr("scan_input_directions", std::vector<int64_t>{1})
      .attr("scan_output_axes", std::vector<int64_t>{-1})
      .attr("scan_output_directions", std::vector<int64_t>{1})
      .input(tensor<float>({3}, {0, 0, 0}))
      .input(x)
      .body(running_sum())
      .expect(tensor<float>({3}, {3, 7, 11}))
      .expect(tensor<float>({3, 2}, {3, 2, 7, 4, 11, 6}))
      .run();
  OpTester("Scan")
      .attr("num_scan_inputs", int64_t{1})
      .input(tensor<float>({2}, {5, 6}))
      .input(tensor<float>({0, 2}, {}))
      .body(running_sum())
      .expect(tensor<float>({2}, {5, 6}))
      .expect(tensor<float>({0, 2}, {}))
      .run();
  OpTester("Scan")
      .attr("num_scan_inputs", int64_t{3})
      .input(x)
      .body(running_sum())
      .expect_error(Code::kInvalidModel, "num_scan_inputs is 3, the node has 1 inputs")
      .run();
}

}  // namespace
}  // namespace ferry
