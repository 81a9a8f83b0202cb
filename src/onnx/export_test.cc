// SPDX-License-Identifier: Apache-2.0
#include "onnx/export.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "ir/eval.h"
#include "ir/verify.h"
#include "onnx/import.h"
#include "onnx/lowest_opset.h"
#include "onnx/test_model.h"
#include "ops/registry.h"

namespace ferry::onnx {
namespace {

namespace fs = std::filesystem;
using namespace proto;  // NOLINT: the vocabulary of these tests

ImportedModel load(const std::string& text) {
  auto m = import_bytes(bytes(text), nullptr);
  EXPECT_TRUE(m.ok()) << m.status().to_string();
  return m.ok() ? *std::move(m) : ImportedModel{std::make_unique<Graph>(), {}, {}};
}

// How the message of a value, or of an attribute, begins; one input of a node.
std::string named(const std::string& name) {
  return std::string(1, '\n') + static_cast<char>(name.size()) + name;
}

std::vector<std::string> node_names(const Graph& g) {
  std::vector<std::string> names;
  for (NodeId id : g.order()) names.push_back(g.node(id).name);
  return names;
}

ImportedModel sample() {
  return load(model(graph({.nodes = {node("Add", {"x", "w"}, {"a"}, {}, {.name = "add"}),
                                     node("Softmax", {"a"}, {"y"}, {int_attr("axis", 0)})},
                           .inputs = {value("x", {"N", "2"}), value("w", {"2"})},
                           .outputs = {value("y", {})},
                           .initializers = {tensor("w", {2}, {1, 2})}})));
}

TEST(Export, RoundTripKeepsTheModel) {
  ImportedModel first = sample();
  first.info.metadata["author"] = "nobody";
  const auto text = export_bytes(*first.graph, first.info);
  ASSERT_TRUE(text.ok()) << text.status().to_string();
  const ImportedModel second = load(*text);
  const Graph& g = *second.graph;
  ASSERT_TRUE(verify(g).ok());
  EXPECT_EQ(g.count_nodes(), 2u);
  EXPECT_EQ(g.value(g.inputs()[0]).type.to_string(), "f32[N,2]");
  EXPECT_TRUE(g.value(g.inputs()[1]).overridable);
  EXPECT_EQ(g.output_names(), std::vector<std::string>{"y"});
  EXPECT_EQ(g.node(g.first()).name, "add");
  EXPECT_EQ(second.info.metadata.at("author"), "nobody");
  EXPECT_EQ(second.info.opsets.at(""), 20);
  const auto again = export_bytes(g, second.info);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*again, *text);
}

TEST(Export, KeepsOutputNamesThroughRewrites) {
  ImportedModel m = sample();
  Graph& g = *m.graph;
  // The output becomes the input of the Softmax, under the old name, twice.
  const ValueId sum = g.node(g.first()).outputs[0];
  g.replace_uses(g.outputs()[0], sum);
  const auto text = export_bytes(g, m.info);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(load(*text).graph->output_names(), std::vector<std::string>{"y"});
}

TEST(Export, OutputsThatNoNodeMakes) {
  const ImportedModel m = load(model(graph({.inputs = {value("x", {"2"})},
                                            .outputs = {value("x", {"2"}), value("c", {"1"})},
                                            .initializers = {tensor("c", {1}, {4})}})));
  const auto text = export_bytes(*m.graph, m.info);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(load(*text).graph->output_names(), (std::vector<std::string>{"x", "c"}));
}

TEST(Export, BodiesAndCaptures) {
  const std::string then_branch = graph({.nodes = {node("Add", {"x", "w"}, {"r"})},
                                         .outputs = {value("r", {})},
                                         .initializers = {tensor("w", {1}, {5})}});
  const std::string else_branch =
      graph({.nodes = {node("Softmax", {"x"}, {"r"})}, .outputs = {value("r", {})}});
  const ImportedModel m =
      load(model(graph({.nodes = {node("If", {"c"}, {"y"},
                                       {graph_attr("then_branch", then_branch),
                                        graph_attr("else_branch", else_branch)})},
                        .inputs = {value("c", {}, 9), value("x", {"2"})},
                        .outputs = {value("y", {})}})));
  const auto text = export_bytes(*m.graph, m.info);
  ASSERT_TRUE(text.ok()) << text.status().to_string();
  const ImportedModel again = load(*text);
  const Graph& g = *again.graph;
  ASSERT_TRUE(verify(g).ok());
  EXPECT_EQ(g.node(g.first()).num_captures, 1u);
  Tensor yes = Tensor::allocate(DType::kBool, {}).value();
  *yes.data<bool>() = true;
  Tensor x = Tensor::allocate(DType::kFloat32, {2}).value();
  x.data<float>()[0] = 1;
  x.data<float>()[1] = 2;
  std::vector<Value> out;
  const std::vector<Value> in = {yes, x};
  ASSERT_TRUE(interpret(g, in, out).ok());
  EXPECT_EQ(out[0].tensor().data<float>()[1], 7);
}

TEST(Export, NodesOfAGraphHaveNamesOfTheirOwn) {
  const std::string branch =
      graph({.nodes = {node("Neg", {"x"}, {"r"}, {}, {.name = "a"})}, .outputs = {value("r", {})}});
  const ImportedModel m = load(model(
      graph({.nodes = {node("Neg", {"x"}, {"b"}, {}, {.name = "a"}),
                       node("Neg", {"b"}, {"d"}, {}, {.name = "a"}), node("Neg", {"d"}, {"e"}),
                       node("Neg", {"e"}, {"f"}),
                       node("If", {"c"}, {"y"},
                            {graph_attr("then_branch", branch), graph_attr("else_branch", branch)},
                            {.name = "a_1"})},
             .inputs = {value("c", {}, 9), value("x", {"2"})},
             .outputs = {value("y", {}), value("f", {})}})));
  const auto text = export_bytes(*m.graph, m.info);
  ASSERT_TRUE(text.ok()) << text.status().to_string();
  const ImportedModel again = load(*text);
  const Graph& g = *again.graph;
  EXPECT_EQ(node_names(g), (std::vector<std::string>{"a", "a_1", "e", "f", "a_1_1"}));
  for (const auto& body : g.node(g.order().back()).bodies) {
    EXPECT_EQ(node_names(*body), std::vector<std::string>{"a"});
  }
}

TEST(Export, OutputsAreIdentitiesOnlyWhereTheyMust) {
  ImportedModel m =
      load(model(graph({.nodes = {node("SequenceConstruct", {"x"}, {"q"}),
                                  node("Identity", {"q"}, {"r"}), node("Neg", {"w"}, {"c"})},
                        .inputs = {value("x", {"2"})},
                        .outputs = {named("q"), named("r"), value("c", {"1"}), value("x", {"2"})},
                        .initializers = {tensor("w", {1}, {4})}})));
  Graph& g = *m.graph;
  const std::vector<ValueId> made = g.outputs();
  g.replace_uses(made[1], made[0]);
  g.replace_uses(made[2], g.node(g.order()[2]).inputs[0]);
  g.remove_node(g.order()[2]);
  g.remove_node(g.order()[1]);
  const auto text = export_bytes(g, m.info);
  ASSERT_TRUE(text.ok()) << text.status().to_string();
  const ImportedModel again = load(*text);
  EXPECT_EQ(again.graph->output_names(), (std::vector<std::string>{"q", "r", "c", "x"}));
  EXPECT_EQ(node_names(*again.graph), (std::vector<std::string>{"q", "r"}));
  // Of sequences it is there since opset 14.
  EXPECT_TRUE(export_bytes(g, m.info, {.opset = 14}).ok());
  const auto refused = export_bytes(g, m.info, {.opset = 13}).status().to_string();
  EXPECT_NE(refused.find("node 'r' (Identity) needs opset 14"), std::string::npos) << refused;
}

TEST(Export, LoopsKeepTheirScalars) {
  const std::string body =
      graph({.nodes = {node("Cast", {"i"}, {"f"}, {int_attr("to", 1)}),
                       node("Mul", {"f", "x"}, {"e"}), node("Identity", {"go"}, {"goes"})},
             .inputs = {value("i", {}, 7), value("go", {}, 9)},
             .outputs = {value("goes", {}, 9), value("e", {"3"})}});
  const ImportedModel m =
      load(model(graph({.nodes = {node("Loop", {"n", ""}, {"y"}, {graph_attr("body", body)})},
                        .inputs = {value("n", {}, 7), value("x", {"3"})},
                        .outputs = {value("y", {"", "3"})}})));
  for (const int64_t opset : {0, 11, 17}) {
    const auto text = export_bytes(*m.graph, m.info, {.opset = opset});
    ASSERT_TRUE(text.ok()) << text.status().to_string();
    // The standard wants both inputs, be they absent; a Loop's counter is a scalar.
    EXPECT_NE(text->find(named("n") + named("")), std::string::npos);
    EXPECT_NE(text->find(value("i", {}, 7)), std::string::npos);
    EXPECT_NE(text->find(value("go", {}, 9)), std::string::npos);
  }
}

TEST(Export, OperandsOfOldVersionsAreAlike) {
  const auto two = [](const std::string& op, const Names& second, int type) {
    return load(model(graph({.nodes = {node(op, {"x", "b"}, {"y"}, {}, {.name = "n"})},
                             .inputs = {value("x", {"N", "2"}), value("b", second, type)},
                             .outputs = {value("y", {})}})));
  };
  const auto refusal = [](const ImportedModel& m, int64_t opset) {
    return export_bytes(*m.graph, m.info, {.opset = opset}).status().to_string();
  };
  for (const std::string op : {"Max", "Min", "Sum", "Mean"}) {
    EXPECT_NE(refusal(two(op, {"1", "2"}, 1), 7)
                  .find("needs opset 8: opset 7 does not have operands "
                        "of several shapes"),
              std::string::npos);
    EXPECT_EQ(refusal(two(op, {"1", "2"}, 1), 8), "Ok");
    EXPECT_EQ(refusal(two(op, {"N", "2"}, 1), 7), "Ok");
  }
  EXPECT_NE(refusal(two("Pow", {}, 11), 11)
                .find("node 'n' (Pow) needs opset 12: opset 11 does not "
                      "have inputs of f32 and f64"),
            std::string::npos);
  EXPECT_EQ(refusal(two("Pow", {}, 11), 12), "Ok");
  EXPECT_EQ(refusal(two("Pow", {}, 1), 7), "Ok");
}

TEST(Export, AxesCountFromTheFrontBeforeOpset11) {
  const auto reduced = [](const std::vector<std::string>& inputs) {
    return model(graph({.nodes = {node("ReduceSum", inputs, {"y"}),
                                  node("Concat", {"x", "x"}, {"z"}, {int_attr("axis", -2)})},
                        .inputs = {value("x", {"2", "3"})},
                        .outputs = {value("y", {}), value("z", {})},
                        .initializers = {int64_tensor_proto("axes", {1}, {-1})}}));
  };
  const ImportedModel m = load(reduced({"x", "axes"}));
  const auto text = export_bytes(*m.graph, m.info, {.opset = 10});
  ASSERT_TRUE(text.ok()) << text.status().to_string();
  EXPECT_NE(text->find(named("axes") + "\x40\x01"), std::string::npos);
  EXPECT_NE(text->find(named("axis") + std::string("\x18\0", 2)), std::string::npos);

  ImportedModel unknown = load(reduced({"x", "axes"}));
  const ValueId x = unknown.graph->inputs()[0];
  unknown.graph->value(x).type.shape.reset();
  const auto refused = export_bytes(*unknown.graph, unknown.info, {.opset = 10}).status();
  EXPECT_EQ(refused.code(), Code::kInvalidArgument);
  EXPECT_NE(refused.to_string().find("opset 10 does not have negative axes"), std::string::npos)
      << refused.to_string();
  EXPECT_TRUE(export_bytes(*unknown.graph, unknown.info, {.opset = 11}).ok());
}

TEST(Export, SaysWhatReadersTakeOtherwise) {
  ImportedModel m = load(model(graph(
      {.nodes = {node("STFT", {"x", "step", "", "n"}, {"y"})},
       .inputs = {value("x", {"1", "64", "1"})},
       .outputs = {value("y", {})},
       .initializers = {int64_tensor_proto("step", {}, {4}), int64_tensor_proto("n", {}, {16})}})));
  Shape& shape = *m.graph->value(m.graph->inputs()[0]).type.shape;
  shape[0] = Dim::invalid();
  const auto text = export_bytes(*m.graph, m.info);
  ASSERT_TRUE(text.ok()) << text.status().to_string();
  EXPECT_NE(text->find(named("onesided") + "\x18\x01"), std::string::npos);
  // Two sizes that are not known have no name in common.
  EXPECT_NE(text->find(value("x", {"", "64", "1"})), std::string::npos);
}

TEST(Export, ExternalData) {
  const fs::path root = fs::temp_directory_path() / ("ferry_export_" + std::to_string(::getpid()));
  fs::create_directories(root);
  const std::vector<float> big(40000, 1.5f);
  const ImportedModel m = load(
      model(graph({.nodes = {node("Add", {"x", "big"}, {"a"}), node("Add", {"a", "small"}, {"y"})},
                   .inputs = {value("x", {"1"})},
                   .outputs = {value("y", {})},
                   .initializers = {tensor("small", {1}, {2}), tensor("big", {40000}, big)}})));
  const std::string path = (root / "m.onnx").string();
  ASSERT_TRUE(export_file(*m.graph, m.info, path, {.external_data = true}).ok());
  EXPECT_LT(fs::file_size(path), 2000u);
  EXPECT_EQ(fs::file_size(path + ".data"), 160000u);
  const auto again = import_file(path);
  ASSERT_TRUE(again.ok()) << again.status().to_string();
  const Graph& g = *again->graph;
  const Tensor& w = *g.value(g.node(g.first()).inputs[1]).constant;
  EXPECT_EQ(w.data<float>()[39999], 1.5f);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(w.raw()) % 64, 0u);
  EXPECT_FALSE(export_bytes(*m.graph, m.info, {.external_data = true}).ok());
  ASSERT_TRUE(export_file(*m.graph, m.info, path, {.external_data = true}).ok());
  EXPECT_TRUE(import_file(path).ok());
  // What cannot be written leaves no weights either.
  fs::create_directories(root / "folder");
  EXPECT_EQ(
      export_file(*m.graph, m.info, (root / "folder").string(), {.external_data = true}).code(),
      Code::kIoError);
  EXPECT_EQ(std::distance(fs::directory_iterator(root), fs::directory_iterator()), 3);
  EXPECT_EQ(export_file(*m.graph, m.info, (root / "no/where.onnx").string()).code(),
            Code::kIoError);
  EXPECT_EQ(
      export_file(*m.graph, m.info, path, {.external_data = true, .external_name = "../x"}).code(),
      Code::kInvalidArgument);
  fs::remove_all(root);
}

}  // namespace
}  // namespace ferry::onnx
