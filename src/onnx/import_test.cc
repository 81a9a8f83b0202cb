// SPDX-License-Identifier: Apache-2.0
// Structure of imported graphs: names, constants, captures, functions, order, errors by words.
#include "onnx/import.h"

#include <gtest/gtest.h>

#include <limits>
#include <utility>

#include "ir/eval.h"
#include "ir/verify.h"
#include "onnx/test_model.h"

namespace ferry::onnx {
namespace {

using namespace proto;  // NOLINT: the vocabulary of these tests

Result<ImportedModel> load(const std::string& bytes_of_model, const ImportOptions& options = {}) {
  return import_bytes(bytes(bytes_of_model), nullptr, options);
}

void expect_error(const std::string& bytes_of_model, Code code, const std::string& words,
                  const ImportOptions& options = {}) {
  const auto model = load(bytes_of_model, options);
  ASSERT_FALSE(model.ok()) << "wanted: " << words;
  EXPECT_EQ(code_name(model.status().code()), code_name(code)) << model.status().to_string();
  EXPECT_NE(model.status().message().find(words), std::string::npos)
      << "message: " << model.status().message() << "\nwanted words: " << words;
}

std::string one_op(const std::string& node_message, const Names& dims = {"2", "3"}) {
  return graph(
      {.nodes = {node_message}, .inputs = {value("x", dims)}, .outputs = {value("y", {})}});
}

TEST(Import, ReadsNamesTypesAndInfo) {
  const auto m = load(model(one_op(
      node("Softmax", {"x"}, {"y"}, {int_attr("axis", 1)}, {.name = "soft"}), {"N", "", "4"})));
  ASSERT_TRUE(m.ok()) << m.status().to_string();
  const Graph& g = *m->graph;
  ASSERT_EQ(g.inputs().size(), 1u);
  EXPECT_EQ(g.value(g.inputs()[0]).type.to_string(), "f32[N,x_d1,4]");
  EXPECT_EQ(g.value(g.outputs()[0]).type.to_string(), "f32[N,x_d1,4]");
  EXPECT_EQ(g.node(g.first()).describe(), "node 'soft' (Softmax)");
  EXPECT_EQ(g.node(g.first()).origin->nodes, std::vector<std::string>{"soft"});
  EXPECT_EQ(m->info.opsets.at(""), 28);
}

TEST(Import, MadeUpDimNamesDifferFromThoseOfTheFile) {
  const auto m = load(model(graph({.nodes = {node("Add", {"x", "z"}, {"y"})},
                                   .inputs = {value("x", {""}), value("z", {"x_d0", "%a"})},
                                   .outputs = {value("y", {})}})));
  ASSERT_TRUE(m.ok()) << m.status().to_string();
  EXPECT_EQ(m->graph->value(m->graph->inputs()[0]).type.to_string(), "f32[x_d0_]");
  EXPECT_EQ(m->graph->value(m->graph->inputs()[1]).type.to_string(), "f32[x_d0,_%a]");
}

TEST(Import, AcceptsNodesInAnyOrderAndRefusesCycles) {
  const auto m =
      load(model(graph({.nodes = {node("Softmax", {"a"}, {"y"}), node("Softmax", {"x"}, {"a"})},
                        .inputs = {value("x", {"2"})},
                        .outputs = {value("y", {})}})));
  ASSERT_TRUE(m.ok()) << m.status().to_string();
  EXPECT_EQ(m->graph->count_nodes(), 2u);
  expect_error(model(graph({.nodes = {node("Softmax", {"b"}, {"a"}, {}, {.name = "first"}),
                                      node("Softmax", {"a"}, {"b"})},
                            .outputs = {value("a", {})}})),
               Code::kInvalidModel, "node 'first' (Softmax) depends on its own output");
}

TEST(Import, RefusesUndefinedAndDoublyDefinedNames) {
  expect_error(model(one_op(node("Softmax", {"nowhere"}, {"y"}))), Code::kInvalidModel,
               "node 'y' (Softmax): input 'nowhere' is defined nowhere");
  expect_error(model(graph({.nodes = {node("Softmax", {"x"}, {"y"}), node("Softmax", {"x"}, {"y"})},
                            .inputs = {value("x", {"2"})},
                            .outputs = {value("y", {})}})),
               Code::kInvalidModel, "value 'y' is defined twice");
  expect_error(model(graph({.nodes = {node("Softmax", {"z"}, {"x"})},
                            .inputs = {value("x", {"2"}), value("z", {"2"})}})),
               Code::kInvalidModel, "value 'x' is defined twice");
  expect_error(model(graph({.inputs = {value("x", {"2"})}, .outputs = {value("y", {})}})),
               Code::kInvalidModel, "output 'y' is defined nowhere");
  expect_error(model(graph({.initializers = {tensor("w", {}, {1}), tensor("w", {}, {1})}})),
               Code::kInvalidModel, "value 'w' is defined twice");
}

TEST(Import, ListsAllUnknownOperators) {
  const std::string g = graph({.nodes = {node("Foo", {"x"}, {"a"}, {}, {.name = "foo1"}),
                                         node("Foo", {"a"}, {"b"}, {}, {.name = "foo2"}),
                                         node("Bar", {"b"}, {"y"}, {}, {.domain = "com.x"})},
                               .inputs = {value("x", {"2"})},
                               .outputs = {value("y", {})}});
  expect_error(model(g), Code::kUnsupportedOp,
               "2 operators are not known: Foo (2 nodes: 'foo1', 'foo2'), com.x.Bar (1 node: 'y')");
}

TEST(Import, NamesTheNearestOperator) {
  const std::string g = graph(
      {.nodes = {node("Sofmax", {"x"}, {"a"}, {}, {.name = "s"}),
                 node("Fastgelu", {"a"}, {"y"}, {}, {.name = "g", .domain = "com.microsoft"})},
       .inputs = {value("x", {"2"})},
       .outputs = {value("y", {})}});
  expect_error(model(g), Code::kUnsupportedOp, "Sofmax (1 node: 's'; did you mean 'Softmax'?)");
  expect_error(model(g), Code::kUnsupportedOp, "'g'; did you mean 'FastGelu'?)");
}

TEST(Import, SaysHowToSaveWithoutOperatorsOfAnOptimizer) {
  const auto of_domain = [](const char* domain) {
    return model(graph({.nodes = {node("Conv", {"x"}, {"y"}, {}, {.domain = domain})},
                        .inputs = {value("x", {"2"})},
                        .outputs = {value("y", {})}}));
  };
  expect_error(of_domain("com.microsoft.nchwc"), Code::kUnsupportedOp,
               "com.microsoft.nchwc.Conv (1 node: 'y'). com.microsoft.nchwc is for the processor "
               "that the model was optimized on: save it at onnxruntime's level "
               "ORT_ENABLE_EXTENDED or lower");
  expect_error(of_domain("com.microsoft"), Code::kUnsupportedOp,
               "com.microsoft.Conv (1 node: 'y'). Export the model without it, or save it without "
               "onnxruntime's optimizations");
}

TEST(Import, RefusesNewerVersions) {
  const std::string g = one_op(node("Softmax", {"x"}, {"y"}));
  expect_error(model(g, {.opsets = {{"", 29}}}), Code::kUnsupportedOp,
               "opset 29 of ai.onnx; the newest that this build knows is 28");
  expect_error(model(g, {.opsets = {{"", 0}}}), Code::kInvalidModel, "version 0 of domain ai.onnx");
  expect_error(model(g, {.ir_version = 15}), Code::kUnsupportedOp, "IR version 15");
  expect_error(model(g, {.ir_version = 0}), Code::kInvalidModel, "not an ONNX model");
}

TEST(Import, ChecksAttributes) {
  const auto soft = [](const std::string& attribute) {
    return model(one_op(node("Softmax", {"x"}, {"y"}, {attribute}, {.name = "soft"})));
  };
  expect_error(soft(int_attr("color", 1)), Code::kInvalidModel,
               "node 'soft' (Softmax): attribute 'color' is not known; known are axis");
  expect_error(soft(float_attr("axis", 1)), Code::kInvalidModel,
               "attribute 'axis': is a float, wanted is an integer");
  expect_error(soft(int_attr("axis", 7)), Code::kInvalidModel, "axis 7 outside [-2, 2)");
  EXPECT_TRUE(load(soft(ints_attr("_output_shapes", {1, 2}))).ok());
  expect_error(
      model(one_op(node("Softmax", {"x"}, {"y"}, {int_attr("axis", 0), int_attr("axis", 1)}))),
      Code::kInvalidModel, "attribute 'axis' is given twice");
  // Says INT and holds a float.
  std::string lie = ref_attr("axis", "", 2);
  lie += std::string("\x15\x00\x00\x80\x3f", 5);
  expect_error(soft(lie), Code::kInvalidModel, "says INT and holds no value of that kind");
  expect_error(soft(ref_attr("axis", "outer", 2)), Code::kInvalidModel, "outside of any");
}

TEST(Import, RefusesNumbersThatATypeDoesNotHave) {
  const auto scaled = [](float alpha, int type) {
    return model(graph({.nodes = {node("FusedMatMul", {"x", "x"}, {"y"},
                                       {float_attr("alpha", alpha)}, {.domain = "com.microsoft"})},
                        .inputs = {value("x", {"2", "2"}, type)},
                        .outputs = {value("y", {}, type)}}),
                 {.opsets = {{"", 21}, {"com.microsoft", 1}}});
  };
  EXPECT_TRUE(load(scaled(0.5f, 1)).ok());
  EXPECT_TRUE(load(scaled(-3, 6)).ok());
  for (const auto& [alpha, type] : {std::pair{0.5f, 6},
                                    {-3.0f, 12},
                                    {2147483648.0f, 6},
                                    {-std::numeric_limits<float>::infinity(), 7}}) {
    expect_error(scaled(alpha, type), Code::kInvalidModel, "which its type");
  }
}

TEST(Import, ChecksArity) {
  expect_error(model(one_op(node("Softmax", {"x", "x"}, {"y"}))), Code::kInvalidModel,
               "has 2 inputs, wanted are 1");
  expect_error(model(one_op(node("Softmax", {"x"}, {"y", "z"}))), Code::kInvalidModel,
               "has 2 outputs, wanted are 0 to 1");
  // Absent optional values at the end are no values.
  EXPECT_TRUE(load(model(one_op(node("Softmax", {"x", ""}, {"y", ""})))).ok());
}

TEST(Import, InitializersAreConstantsAndMayBeOverridable) {
  const GraphParts parts = {.nodes = {node("Add", {"x", "w"}, {"y"})},
                            .inputs = {value("x", {"2"}), value("w", {"2"})},
                            .outputs = {value("y", {})},
                            .initializers = {tensor("w", {2}, {1, 2})}};
  const auto m = load(model(graph(parts)));
  ASSERT_TRUE(m.ok()) << m.status().to_string();
  ASSERT_EQ(m->graph->inputs().size(), 2u);
  const GraphValue& w = m->graph->value(m->graph->inputs()[1]);
  EXPECT_TRUE(w.overridable);
  ASSERT_TRUE(w.constant.has_value());
  EXPECT_EQ(w.constant->data<float>()[1], 2);

  const auto old = load(model(graph(parts), {.ir_version = 3, .opsets = {{"", 8}}}));
  ASSERT_TRUE(old.ok()) << old.status().to_string();
  EXPECT_EQ(old->graph->inputs().size(), 1u);
}

TEST(Import, ConstantNodesBecomeConstants) {
  const auto m = load(model(
      graph({.nodes = {node("Constant", {}, {"c"}, {ints_attr("value_ints", {3, 4})}),
                       node("Constant", {}, {"d"}, {float_attr("value_float", 2)}),
                       node("Constant", {}, {"e"}, {tensor_attr("value", tensor("", {1}, {5}))})},
             .outputs = {value("c", {"2"}, 7), value("d", {}), value("e", {"1"})}})));
  ASSERT_TRUE(m.ok()) << m.status().to_string();
  std::vector<Value> out;
  ASSERT_TRUE(interpret(*m->graph, {}, out).ok());
  EXPECT_EQ(out[0].tensor().describe(), "i64[2]");
  EXPECT_EQ(out[1].tensor().data<float>()[0], 2);
  EXPECT_EQ(out[2].tensor().data<float>()[0], 5);
  expect_error(model(graph({.nodes = {node("Constant", {}, {"c"})}})), Code::kInvalidModel,
               "has no value");
  expect_error(model(graph({.nodes = {node("Constant", {}, {"c"}, {int_attr("value_float", 1)})}})),
               Code::kInvalidModel, "attribute 'value_float' is an integer");
}

TEST(Import, ChecksDeclaredOutputTypes) {
  expect_error(model(graph({.nodes = {node("Softmax", {"x"}, {"y"})},
                            .inputs = {value("x", {"2"})},
                            .outputs = {value("y", {"2"}, 7)}})),
               Code::kInvalidModel, "output 'y' is declared as i64[2], the graph computes f32[2]");
  expect_error(model(graph({.inputs = {value("x", {"1"}, 0)}, .outputs = {value("x", {})}})),
               Code::kInvalidModel, "input 'x' has no type");
}

// --- bodies

std::string if_model(const std::string& then_branch, const std::string& else_branch) {
  return model(
      graph({.nodes = {node("Softmax", {"x"}, {"s"}), node("If", {"c"}, {"y"},
                                                           {graph_attr("then_branch", then_branch),
                                                            graph_attr("else_branch", else_branch)},
                                                           {.name = "if1"})},
             .inputs = {value("c", {}, 9), value("x", {"2"})},
             .outputs = {value("y", {})},
             .initializers = {tensor("w", {2}, {1, 2})}}));
}

TEST(ImportBodies, CapturesBecomeInputsAndConstantsAreCopied) {
  const auto m = load(
      if_model(graph({.nodes = {node("Add", {"s", "w"}, {"r"})}, .outputs = {value("r", {})}}),
               graph({.nodes = {node("Add", {"x", "s"}, {"r"})}, .outputs = {value("r", {})}})));
  ASSERT_TRUE(m.ok()) << m.status().to_string();
  ASSERT_TRUE(verify(*m->graph).ok()) << verify(*m->graph).to_string();
  const Graph& g = *m->graph;
  const Node& node = g.node(g.next(g.first()));
  EXPECT_EQ(node.num_captures, 2u);
  EXPECT_EQ(node.inputs.size(), 3u);
  EXPECT_EQ(node.bodies[0]->inputs().size(), 2u);
  EXPECT_EQ(node.bodies[1]->inputs().size(), 2u);
  const Node& add = node.bodies[0]->node(node.bodies[0]->first());
  EXPECT_TRUE(node.bodies[0]->value(add.inputs[1]).constant.has_value());
  EXPECT_EQ(g.value(g.outputs()[0]).type.to_string(), "f32[2]");
}

TEST(ImportBodies, NestedCapturesPassThrough) {
  const std::string inner =
      graph({.nodes = {node("Add", {"s", "s"}, {"q"})}, .outputs = {value("q", {})}});
  const std::string outer =
      graph({.nodes = {node("If", {"c"}, {"r"},
                            {graph_attr("then_branch", inner), graph_attr("else_branch", inner)})},
             .outputs = {value("r", {})}});
  const auto m = load(if_model(outer, graph({.outputs = {value("s", {})}})));
  ASSERT_TRUE(m.ok()) << m.status().to_string();
  EXPECT_TRUE(verify(*m->graph).ok()) << verify(*m->graph).to_string();
}

TEST(ImportBodies, Errors) {
  const std::string good =
      graph({.nodes = {node("Add", {"s", "w"}, {"r"})}, .outputs = {value("r", {})}});
  expect_error(if_model(good, graph({.nodes = {node("Add", {"s", "gone"}, {"r"})},
                                     .outputs = {value("r", {})}})),
               Code::kInvalidModel,
               "node 'if1' (If): else_branch: node 'r' (Add): input 'gone' is defined nowhere");
  expect_error(if_model(good, graph({.inputs = {value("k", {})},
                                     .outputs = {value("k", {})},
                                     .initializers = {tensor("k", {1}, {1})}})),
               Code::kInvalidModel, "input 'k' of a body is an initializer");
  expect_error(model(graph({.nodes = {node("If", {"c"}, {"y"}, {graph_attr("then_branch", good)})},
                            .inputs = {value("c", {}, 9)}})),
               Code::kInvalidModel, "graph attribute 'else_branch' is missing");
  // A cycle through a body.
  expect_error(
      model(
          graph({.nodes = {node("If", {"c"}, {"y"},
                                {graph_attr("then_branch", graph({.outputs = {value("z", {})}})),
                                 graph_attr("else_branch", graph({.outputs = {value("z", {})}}))}),
                           node("Softmax", {"y"}, {"z"})},
                 .inputs = {value("c", {}, 9)},
                 .outputs = {value("y", {})}})),
      Code::kInvalidModel, "the graph has a cycle");
}

// --- functions

const std::string kTwice =
    function({.name = "Twice",
              .domain = "my",
              .inputs = {"a"},
              .outputs = {"b"},
              .attributes = {"axis"},
              .nodes = {node("Softmax", {"a"}, {"t"}, {ref_attr("axis", "axis", 2)}),
                        node("Softmax", {"t"}, {"b"})}});

TEST(ImportFunctions, AreInlinedWithTheirAttributes) {
  const auto m = load(model(
      one_op(node("Twice", {"x"}, {"y"}, {int_attr("axis", 0)}, {.name = "call", .domain = "my"})),
      {.opsets = {{"", 28}, {"my", 1}}, .functions = {kTwice}}));
  ASSERT_TRUE(m.ok()) << m.status().to_string();
  const Graph& g = *m->graph;
  ASSERT_EQ(g.count_nodes(), 2u);
  const Node& first = g.node(g.first());
  EXPECT_EQ(first.name, "call/t");
  EXPECT_EQ(std::get<int64_t>(*first.op.def().find_attr("axis")->get(first.op.attrs())), 0);
  EXPECT_EQ(g.value(g.outputs()[0]).name, "y");
}

std::string message_of(const std::string& node_message, const ModelOptions& options = {}) {
  return load(model(one_op(node_message), options)).status().message();
}

TEST(Import, ErrorsNameANodeOnce) {
  const Messages axis = {int_attr("axis", 7)};
  EXPECT_EQ(message_of(node("Concat", {"x"}, {"y"}, axis)),
            "node 'y' (Concat): axis 7 outside [-2, 2)");
  EXPECT_EQ(message_of(node("Concat", {"x"}, {"y"}, axis, {.name = "n"})),
            "node 'n' (Concat): axis 7 outside [-2, 2)");
  const std::string body =
      graph({.nodes = {node("Identity", {"go"}, {"on"}), node("Concat", {"v"}, {"w"}, axis)},
             .inputs = {value("i", {}, 7), value("go", {}, 9), value("v", {})},
             .outputs = {value("on", {}, 9), value("w", {})}});
  EXPECT_EQ(message_of(node("Loop", {"", "", "x"}, {"y"}, {graph_attr("body", body)})),
            "node 'y' (Loop): node 'w' (Concat): axis 7 outside [-2, 2)");
  const std::string f = function({.name = "F",
                                  .domain = "my",
                                  .inputs = {"a"},
                                  .outputs = {"b"},
                                  .nodes = {node("Concat", {"a"}, {"b"}, axis)}});
  EXPECT_EQ(message_of(node("F", {"x"}, {"y"}, {}, {.domain = "my"}),
                       {.opsets = {{"", 28}, {"my", 1}}, .functions = {f}}),
            "node 'y' (my.F): node 'y/b' (Concat): axis 7 outside [-2, 2)");
}

TEST(ImportFunctions, RefusesWhatTheyDoNotDeclare) {
  const ModelOptions options{.opsets = {{"", 28}, {"my", 1}}, .functions = {kTwice}};
  expect_error(
      model(one_op(node("Twice", {"x"}, {"y"}, {int_attr("beta", 0)}, {.domain = "my"})), options),
      Code::kInvalidModel, "attribute 'beta' is not known to the function");
  expect_error(model(one_op(node("Twice", {"x", "x"}, {"y"}, {}, {.domain = "my"})), options),
               Code::kInvalidModel, "the function has 1 and 1");
}

TEST(ImportFunctions, RefusesRecursion) {
  const std::string loops =
      function({.name = "Loops",
                .domain = "my",
                .inputs = {"a"},
                .outputs = {"b"},
                .nodes = {node("Loops", {"a"}, {"b"}, {}, {.domain = "my"})}});
  expect_error(
      model(one_op(node("Loops", {"x"}, {"y"}, {}, {.domain = "my"})), {.functions = {loops}}),
      Code::kInvalidModel, "function 'my.Loops' calls itself");
}

TEST(ImportFunctions, StopsBombs) {
  ModelOptions options;
  options.functions.push_back(function({.name = "F0",
                                        .domain = "my",
                                        .inputs = {"a"},
                                        .outputs = {"b"},
                                        .nodes = {node("Softmax", {"a"}, {"b"})}}));
  for (int level = 1; level < 12; ++level) {
    FunctionParts f{
        .name = "F" + std::to_string(level), .domain = "my", .inputs = {"v0"}, .outputs = {"v10"}};
    for (int i = 0; i < 10; ++i) {
      f.nodes.push_back(node("F" + std::to_string(level - 1), {"v" + std::to_string(i)},
                             {"v" + std::to_string(i + 1)}, {}, {.domain = "my"}));
    }
    options.functions.push_back(function(f));
  }
  expect_error(model(one_op(node("F11", {"x"}, {"y"}, {}, {.domain = "my"})), options),
               Code::kLimitExceeded, "in the file (max_inline_growth, max_inline_extra_nodes)");
}

// --- limits

TEST(ImportLimits, NodesValuesAndDepth) {
  const std::string m = model(one_op(node("Softmax", {"x"}, {"y"})));
  expect_error(m, Code::kLimitExceeded, "more than 0 nodes in the file (max_nodes)",
               {.limits = {.max_nodes = 0}});
  expect_error(m, Code::kLimitExceeded, "more than 2 names in the file (max_values)",
               {.limits = {.max_values = 2}});
  expect_error(m, Code::kLimitExceeded, "nested more than 2 deep (max_message_depth)",
               {.limits = {.max_message_depth = 2}});
  expect_error(m, Code::kLimitExceeded, "the limit is 8 (max_file_bytes)",
               {.limits = {.max_file_bytes = 8}});
  std::string g = one_op(node("Softmax", {"x"}, {"y"}));
  for (int i = 0; i < 64; ++i) {
    g = graph({.nodes = {node("If", {"x"}, {"y"}, {graph_attr("then_branch", g)})}});
  }
  expect_error(model(g), Code::kLimitExceeded, "nested more than");
  expect_error(model(g), Code::kLimitExceeded, "nested more than 3 deep (max_graph_depth)",
               {.limits = {.max_graph_depth = 3}});
  const std::string plane = model(one_op(node("Softmax", {"x"}, {"y"}), {"2", "3"}));
  expect_error(plane, Code::kLimitExceeded, "over 1 (max_rank)", {.limits = {.max_rank = 1}});
  Names dims(17, "1");
  expect_error(model(one_op(node("Softmax", {"x"}, {"y"}), dims)), Code::kLimitExceeded,
               "rank 17; Ferry runs tensors of rank up to 16");
}

}  // namespace
}  // namespace ferry::onnx
