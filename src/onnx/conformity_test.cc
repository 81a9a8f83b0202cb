// SPDX-License-Identifier: Apache-2.0
// What loading forgives and `strict` does not.
#include <gtest/gtest.h>

#include "onnx/import.h"
#include "onnx/test_model.h"

namespace ferry::onnx {
namespace {

using namespace proto;  // NOLINT: the vocabulary of these tests

Status load(const std::string& text, bool strict) {
  ImportOptions options;
  options.strict = strict;
  return import_bytes(bytes(text), nullptr, options).status();
}

// Loads, and is refused with these words when strict.
void expect_forgiven(const std::string& text, const std::string& words) {
  const Status lenient = load(text, false);
  EXPECT_TRUE(lenient.ok()) << lenient.to_string();
  const Status strict = load(text, true);
  EXPECT_NE(strict.message().find(words), std::string::npos) << strict.to_string();
}

GraphParts relu() {
  return {.nodes = {node("Relu", {"x"}, {"y"}, {}, {.name = "r"})},
          .inputs = {value("x", {"N", "2"})},
          .outputs = {value("y", {"N", "2"})}};
}

TEST(Conformity, AcceptsWhatIsRight) {
  const Status status = load(model(graph(relu())), true);
  EXPECT_TRUE(status.ok()) << status.to_string();
}

TEST(Conformity, NodesOutOfOrder) {
  GraphParts parts = relu();
  parts.nodes = {node("Relu", {"t"}, {"y"}, {}, {.name = "late"}), node("Neg", {"x"}, {"t"})};
  expect_forgiven(model(graph(parts)),
                  "node 'late' (Relu) uses 't' before it is made: the nodes are out of order");
}

TEST(Conformity, Opsets) {
  expect_forgiven(model(graph(relu()), {.opsets = {}}), "the model imports no opset");
  GraphParts parts = relu();
  parts.nodes = {node("Gelu", {"x"}, {"y"}, {}, {.name = "g"})};
  expect_forgiven(model(graph(parts), {.opsets = {{"", 13}}}),
                  "node 'g' (Gelu): opset 13 does not have it; it came with 20");
  parts.nodes = {node("Scaler", {"x"}, {"y"},
                      {float_attr("scale", 1)}, {.name = "s", .domain = "ai.onnx.ml"})};
  EXPECT_NE(load(model(graph(parts)), true).message().find("does not import an opset of domain"),
            std::string::npos);
}

TEST(Conformity, StatedTypes) {
  GraphParts parts = relu();
  parts.outputs = {value("y", {"N", "3"})};
  expect_forgiven(model(graph(parts)),
                  "value 'y' is stated to be f32[%stated.0,3], its node makes f32[N,2]");
  parts.outputs = {value("y", {"2"})};
  expect_forgiven(model(graph(parts)), "value 'y' is stated to be f32[2]");
}

TEST(Conformity, TypesOfTheVersion) {
  // Relu takes integers from opset 14 on.
  GraphParts parts = relu();
  parts.inputs = {value("x", {"2"}, 7)};
  parts.outputs = {value("y", {"2"}, 7)};
  EXPECT_TRUE(load(model(graph(parts)), true).ok());
  expect_forgiven(model(graph(parts), {.opsets = {{"", 13}}}),
                  "node 'r' (Relu): input 0 is i64[2]; version 13 allows f32, f16, f64, bf16");
}

TEST(Conformity, NamesAndAttributes) {
  GraphParts parts = relu();
  parts.nodes = {node("Elu", {"x"}, {"y"}, {float_attr("alpha", 1), float_attr("_note", 2)})};
  expect_forgiven(model(graph(parts)), "attribute '_note' is not known in version 22");
  parts = relu();
  parts.initializers = {tensor("w", {1}, {1})};
  expect_forgiven(model(graph(parts), {.ir_version = 3}), "before IR version 4 each must be");
}

TEST(Conformity, ShadowedNames) {
  const std::string branch =
      graph({.nodes = {node("Neg", {"x"}, {"t"})}, .outputs = {value("t", {})}});
  GraphParts parts;
  parts.nodes = {node("Abs", {"x"}, {"t"}),
                 node("If", {"c"}, {"y"},
                      {graph_attr("then_branch", branch), graph_attr("else_branch", branch)})};
  parts.inputs = {value("x", {"2"}), value("c", {}, 9)};
  parts.outputs = {value("y", {"2"})};
  expect_forgiven(model(graph(parts)), "output 't' has the name of another value");
}

}  // namespace
}  // namespace ferry::onnx
