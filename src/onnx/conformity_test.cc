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
  parts.nodes = {node("Scaler", {"x"}, {"y"}, {float_attr("scale", 1)},
                      {.name = "s", .domain = "ai.onnx.ml"})};
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

TEST(Conformity, EmptyLists) {
  GraphParts parts = relu();
  parts.nodes = {node("Transpose", {"x"}, {"y"}, {ints_attr("perm", {})})};
  parts.outputs = {value("y", {"2", "N"})};
  expect_forgiven(model(graph(parts)), "attribute 'perm' is an empty list");
  parts = relu();
  parts.nodes = {node("Split", {"x"}, {"y", "z", "w"}, {int_attr("axis", 1)})};
  parts.outputs = {value("y", {"N", "1"})};
  expect_forgiven(model(graph(parts), {.opsets = {{"", 13}}}),
                  "axis 1 of f32[N,2] does not part into 3 of one size");
}

TEST(Conformity, NamesAndAttributes) {
  GraphParts parts = relu();
  parts.nodes = {node("Elu", {"x"}, {"y"}, {float_attr("alpha", 1), float_attr("_note", 2)})};
  expect_forgiven(model(graph(parts)), "attribute '_note' is not known in version 22");
  parts.nodes = {node("Elu", {"x"}, {"y"}, {float_attr("alhpa", 1)})};
  EXPECT_NE(load(model(graph(parts)), true)
                .message()
                .find("attribute 'alhpa' is not known in version 22; did you mean 'alpha'?"),
            std::string::npos);
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

TEST(Conformity, BodiesStateTypes) {
  const auto conditional = [](const std::vector<std::string>& stated, const std::string& output) {
    const std::string branch =
        graph({.nodes = {node("Neg", {"x"}, {"t"}), node("Abs", {"t"}, {"u"})},
               .outputs = {output},
               .value_info = stated});
    GraphParts parts;
    parts.nodes = {node("If", {"c"}, {"y"},
                        {graph_attr("then_branch", branch), graph_attr("else_branch", branch)},
                        {.name = "choice"})};
    parts.inputs = {value("x", {"2"}), value("c", {}, 9)};
    parts.outputs = {value("y", {"2"})};
    return model(graph(parts));
  };
  EXPECT_TRUE(load(conditional({value("t", {"2"})}, value("u", {"2"})), true).ok());
  expect_forgiven(conditional({value("t", {"3"})}, value("u", {"2"})),
                  "node 'choice': then_branch: value 't' is stated to be f32[3], its node makes "
                  "f32[2]");
  expect_forgiven(conditional({}, value("u", {"2"}, 7)),
                  "value 'u' is stated to be i64[2], its node makes f32[2]");
  expect_forgiven(conditional({value("t", {"-2"})}, value("u", {"2"})), "a dimension of -2");
}

TEST(Conformity, OutputsOfTheGraphAround) {
  const std::string branch = graph({.outputs = {value("x", {"2"})}});
  GraphParts parts;
  parts.nodes = {node("If", {"c"}, {"y"},
                      {graph_attr("then_branch", branch), graph_attr("else_branch", branch)})};
  parts.inputs = {value("x", {"2"}), value("c", {}, 9)};
  parts.outputs = {value("y", {"2"})};
  expect_forgiven(model(graph(parts)), "output 'x' is a value of the graph around");
}

TEST(Conformity, CyclesNameTheirNodes) {
  GraphParts parts = relu();
  parts.nodes = {node("Relu", {"b"}, {"y"}, {}, {.name = "last"}),
                 node("Add", {"x", "c"}, {"b"}, {}, {.name = "first"}),
                 node("Neg", {"b"}, {"c"}, {}, {.name = "back"})};
  for (bool strict : {false, true}) {
    const Status status = load(model(graph(parts)), strict);
    EXPECT_NE(
        status.message().find("the graph has a cycle, node 'first' (Add) <- node 'back' (Neg) "
                              "<- node 'first' (Add)"),
        std::string::npos)
        << status.to_string();
  }
}

// A model that calls Mine.Outer, which calls Mine.Inner.
std::string calls(FunctionParts outer, FunctionParts inner, int64_t opset = 28) {
  outer.name = "Outer", inner.name = "Inner";
  for (FunctionParts* f : {&outer, &inner}) {
    f->domain = "Mine", f->inputs = {"a"}, f->outputs = {"b"};
  }
  GraphParts parts = relu();
  parts.nodes = {node("Outer", {"x"}, {"y"}, {}, {.name = "o", .domain = "Mine"})};
  return model(graph(parts), {.opsets = {{"", opset}, {"Mine", 1}},
                              .functions = {function(outer), function(inner)}});
}

TEST(Conformity, Functions) {
  const std::string inner_call = node("Inner", {"a"}, {"b"}, {}, {.domain = "Mine"});
  const std::string outer_call = node("Outer", {"a"}, {"b"}, {}, {.domain = "Mine"});
  const std::string neg = node("Neg", {"a"}, {"b"});
  const FunctionParts leaf = {.nodes = {neg}};
  const FunctionParts outer = {.nodes = {inner_call}, .more_opsets = {{"Mine", 1}}};
  EXPECT_TRUE(load(calls(outer, leaf), true).ok()) << load(calls(outer, leaf), true).to_string();
  expect_forgiven(calls({.nodes = {inner_call}}, leaf),
                  "function 'Outer': node 'b' (Mine.Inner): the function does not import an "
                  "opset of domain 'Mine'");
  // Nobody calls Inner.
  expect_forgiven(calls(leaf, {.nodes = {inner_call}, .more_opsets = {{"Mine", 1}}}),
                  "function 'Mine.Inner' calls itself: 'Mine.Inner' -> 'Mine.Inner'");
  EXPECT_NE(load(calls(outer, {.nodes = {outer_call}, .more_opsets = {{"Mine", 1}}}), true)
                .message()
                .find("'Mine.Outer' -> 'Mine.Inner' -> 'Mine.Outer'"),
            std::string::npos);
  expect_forgiven(calls(leaf, {.nodes = {node("Neg", {"a"}, {"c"})}}),
                  "function 'Inner': output 'b' is defined nowhere");
  expect_forgiven(calls(leaf, {.nodes = {node("NoSuchOperator", {"a"}, {"b"})}}),
                  "the standard has no operator NoSuchOperator");
  expect_forgiven(calls(leaf, {.nodes = {node("Constant", {}, {"b"},
                                              {tensor_attr("value", tensor("t", {3}, {1}))})}}),
                  "attribute 'value': tensor 't': 4 bytes of data, f32[3] wants 12");
  expect_forgiven(calls(leaf, {.nodes = {node("Softmax", {"a"}, {"b"})}, .opset = 11}),
                  "the function imports opset 11 and the model 28, between which Softmax changed");
}

}  // namespace
}  // namespace ferry::onnx
