// SPDX-License-Identifier: Apache-2.0
// Gradient against differences of the function that it differentiates.
#include <gtest/gtest.h>

#include <cmath>

#include "ir/eval.h"
#include "ir/verify.h"
#include "onnx/import.h"
#include "onnx/test_model.h"

namespace ferry::onnx {
namespace {

using namespace proto;  // NOLINT: the vocabulary of these tests

struct Case {
  std::string name;
  std::vector<Names> inputs;  // dims of x0, x1, ...
  Messages nodes;             // from x0, x1, ... to "y"
  std::vector<std::vector<int64_t>> dims = {};  // what to run with; empty: `inputs` as numbers
  double lowest = 0.3;                          // of the inputs' values
};

std::string strings_attr(const std::string& name, const Names& values) {
  std::string text = "\x0a" + std::string(1, static_cast<char>(name.size())) + name;
  for (const std::string& v : values) {
    text += "\x4a" + std::string(1, static_cast<char>(v.size())) + v;
  }
  return text + std::string("\xa0\x01\x08", 3);
}

std::string gradient_node(const Names& inputs, const Names& xs, const Names& outputs,
                          const Names& zs = {}) {
  return node("Gradient", inputs, outputs,
              {strings_attr("xs", xs), strings_attr("zs", zs), string_attr("y", "y")},
              {.name = "grad", .domain = "ai.onnx.preview.training"});
}

Result<ImportedModel> load(const GraphParts& parts) {
  static std::string text;
  text = model(graph(parts), {.opsets = {{"", 28}, {"ai.onnx.preview.training", 1}}});
  return import_bytes(bytes(text), nullptr);
}

Tensor numbers(const Dims& dims, double lowest, int phase) {
  Tensor t = Tensor::allocate(DType::kFloat64, dims).value();
  for (int64_t i = 0; i < t.count(); ++i) {
    t.data<double>()[i] = lowest + std::fmod(0.37 * static_cast<double>(i + phase), 1.0);
  }
  return t;
}

double sum_of(const Tensor& t) {
  double sum = 0;
  for (int64_t i = 0; i < t.count(); ++i) sum += t.data<double>()[i];
  return sum;
}

std::vector<Value> run(const Graph& g, const std::vector<Value>& inputs) {
  std::vector<Value> outputs;
  const Status status = interpret(g, inputs, outputs);
  EXPECT_TRUE(status.ok()) << status.to_string();
  return outputs;
}

constexpr int kDouble = 11;

class GradientOf : public testing::TestWithParam<Case> {};

TEST_P(GradientOf, IsTheSlope) {
  const Case& c = GetParam();
  GraphParts parts;
  parts.nodes = c.nodes;
  Names xs, gradients;
  std::vector<Value> inputs;
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    xs.push_back("x" + std::to_string(i));
    gradients.push_back("d" + std::to_string(i));
    parts.inputs.push_back(value(xs.back(), c.inputs[i], kDouble));
    parts.outputs.push_back(value(gradients.back(), {}, kDouble));
    Dims dims;
    if (c.dims.empty())
      for (const std::string& d : c.inputs[i]) dims.push_back(std::stoll(d));
    else
      dims = Dims(c.dims[i]);
    inputs.push_back(numbers(dims, c.lowest, static_cast<int>(i)));
  }
  parts.nodes.push_back(gradient_node(xs, xs, gradients));
  parts.outputs.push_back(value("y", {}, kDouble));
  const auto m = load(parts);
  ASSERT_TRUE(m.ok()) << m.status().to_string();
  ASSERT_TRUE(verify(*m->graph).ok());
  const std::vector<Value> made = run(*m->graph, inputs);
  for (size_t i = 0; i < xs.size(); ++i) {
    const Tensor& x = inputs[i].tensor();
    ASSERT_EQ(made[i].tensor().dims(), x.dims());
    for (int64_t k = 0; k < x.count(); ++k) {
      const double h = 1e-6, at = x.data<double>()[k];
      double* moved = const_cast<double*>(x.data<double>()) + k;
      *moved = at + h;
      const double above = sum_of(run(*m->graph, inputs).back().tensor());
      *moved = at - h;
      const double below = sum_of(run(*m->graph, inputs).back().tensor());
      *moved = at;
      EXPECT_NEAR(made[i].tensor().data<double>()[k], (above - below) / (2 * h), 1e-6)
          << xs[i] << "[" << k << "]";
    }
  }
}

Case unary(const std::string& op) {
  return {op, {{"2", "3"}}, {node(op, {"x0"}, {"y"})}};
}
Case binary(const std::string& op, Names a, Names b) {
  return {op, {std::move(a), std::move(b)}, {node(op, {"x0", "x1"}, {"y"})}};
}
// A weight per element, so that the gradient of what comes before differs per element.
std::string weigh(const std::string& from) { return node("Mul", {from, from}, {"y"}); }

INSTANTIATE_TEST_SUITE_P(
    Ops, GradientOf,
    testing::Values(
        unary("Abs"), unary("Cos"), unary("Erf"), unary("Exp"), unary("Identity"), unary("Log"),
        unary("Neg"), unary("Reciprocal"), unary("Relu"), unary("Sigmoid"), unary("Sin"),
        unary("Softplus"), unary("Sqrt"), unary("Tanh"), binary("Add", {"2", "3"}, {"3"}),
        binary("Sub", {"2", "3"}, {"2", "1"}), binary("Mul", {"3"}, {"2", "3"}),
        binary("Div", {"2", "3"}, {}), binary("Pow", {"2", "3"}, {"1", "3"}),
        binary("MatMul", {"2", "3"}, {"3", "4"}), binary("MatMul", {"5", "2", "3"}, {"3", "4"}),
        binary("MatMul", {"3"}, {"2", "3", "4"}), binary("MatMul", {"5", "2", "3"}, {"3"}),
        binary("MatMul", {"3"}, {"3"}), binary("Mean", {"2", "3"}, {"3"}),
        Case{"Gemm",
             {{"3", "2"}, {"3", "4"}, {"4"}},
             {node("Gemm", {"x0", "x1", "x2"}, {"y"},
                   {int_attr("transA", 1), float_attr("alpha", 0.5f), float_attr("beta", 2)})}},
        Case{"GemmB",
             {{"2", "3"}, {"4", "3"}},
             {node("Gemm", {"x0", "x1"}, {"y"}, {int_attr("transB", 1)})}},
        Case{"GemmAB",
             {{"3", "2"}, {"4", "3"}},
             {node("Gemm", {"x0", "x1"}, {"y"}, {int_attr("transA", 1), int_attr("transB", 1)})}},
        Case{"Transpose",
             {{"2", "3", "4"}},
             {node("Transpose", {"x0"}, {"t"}, {ints_attr("perm", {1, 2, 0})}), weigh("t")}},
        Case{"Flatten", {{"2", "3", "4"}}, {node("Flatten", {"x0"}, {"t"}), weigh("t")}},
        Case{"Softmax", {{"2", "3"}}, {node("Softmax", {"x0"}, {"t"}), weigh("t")}},
        Case{"LogSoftmax",
             {{"2", "3"}},
             {node("LogSoftmax", {"x0"}, {"t"}, {int_attr("axis", 0)}), weigh("t")}},
        Case{"ReduceSum",
             {{"2", "3"}},
             {node("Constant", {}, {"axes"}, {ints_attr("value_ints", {-1})}),
              node("ReduceSum", {"x0", "axes"}, {"t"}, {int_attr("keepdims", 0)}), weigh("t")}},
        Case{"ReduceMean", {{"2", "3"}}, {node("ReduceMean", {"x0"}, {"t"}), weigh("t")}},
        Case{"ReduceMeanAll",
             {{"2", "3"}},
             {node("ReduceMean", {"x0"}, {"t"}, {int_attr("keepdims", 0)}), weigh("t")}},
        Case{"Where",
             {{"2", "3"}, {"3"}},
             {node("Greater", {"x0", "x1"}, {"c"}), node("Where", {"c", "x0", "x1"}, {"y"})}},
        Case{"UsedTwice", {{"3"}}, {node("Exp", {"x0"}, {"t"}), node("Mul", {"t", "x0"}, {"y"})}},
        // Which axes are broadcast is seen when the model runs.
        Case{"Symbols",
             {{"N", "M"}, {"K", "M"}},
             {node("Mul", {"x0", "x1"}, {"y"})},
             {{2, 3}, {1, 3}}},
        Case{"SymbolsEqual",
             {{"N", "M"}, {"K", "M"}},
             {node("Mul", {"x0", "x1"}, {"y"})},
             {{2, 3}, {2, 3}}}),
    [](const auto& c) { return c.param.name + std::to_string(c.index); });

TEST(Gradient, AtOtherValuesThanTheGraphs) {
  // y = x * x at x; the gradient is taken at z.
  GraphParts parts;
  parts.nodes = {node("Mul", {"x", "x"}, {"y"}), gradient_node({"z"}, {"x"}, {"d"})};
  parts.inputs = {value("x", {"1"}), value("z", {"1"})};
  parts.outputs = {value("d", {})};
  const auto m = load(parts);
  ASSERT_TRUE(m.ok()) << m.status().to_string();
  Tensor x = Tensor::allocate(DType::kFloat32, {1}).value(), z = x;
  z = Tensor::allocate(DType::kFloat32, {1}).value();
  *x.data<float>() = 3;
  *z.data<float>() = 5;
  EXPECT_EQ(*run(*m->graph, {x, z})[0].tensor().data<float>(), 10);
}

TEST(Gradient, OfWhatDoesNotDepend) {
  GraphParts parts;
  parts.nodes = {node("Exp", {"z"}, {"y"}), gradient_node({"x", "z"}, {"x"}, {"d"}, {"z"})};
  parts.inputs = {value("x", {"2"}), value("z", {"1"})};
  parts.outputs = {value("d", {})};
  const auto m = load(parts);
  ASSERT_TRUE(m.ok()) << m.status().to_string();
  const Tensor x = Tensor::allocate(DType::kFloat32, {2}).value();
  const Tensor z = Tensor::allocate(DType::kFloat32, {1}).value();
  const auto out = run(*m->graph, {x, z});
  EXPECT_EQ(out[0].tensor().dims(), Dims({2}));
  EXPECT_EQ(out[0].tensor().data<float>()[1], 0);
}

TEST(Gradient, Second) {
  // y = x^3; d = 3 x^2 by one Gradient, then 6 x by another whose y is the first one's result.
  GraphParts parts;
  parts.nodes = {node("Mul", {"x", "x"}, {"s"}), node("Mul", {"s", "x"}, {"y"}),
                 gradient_node({"x"}, {"x"}, {"d"}),
                 node("Gradient", {"x"}, {"dd"},
                      {strings_attr("xs", {"x"}), string_attr("y", "d")},
                      {.domain = "ai.onnx.preview.training"})};
  parts.inputs = {value("x", {"1"})};
  parts.outputs = {value("d", {}), value("dd", {})};
  const auto m = load(parts);
  ASSERT_TRUE(m.ok()) << m.status().to_string();
  Tensor x = Tensor::allocate(DType::kFloat32, {1}).value();
  *x.data<float>() = 2;
  const auto out = run(*m->graph, {x});
  EXPECT_EQ(*out[0].tensor().data<float>(), 12);
  EXPECT_EQ(*out[1].tensor().data<float>(), 12);
}

std::string failure(const Messages& nodes) {
  GraphParts parts;
  parts.nodes = nodes;
  parts.inputs = {value("x", {"2"})};
  parts.outputs = {value("d", {})};
  const auto m = load(parts);
  EXPECT_FALSE(m.ok());
  return m.ok() ? "" : m.status().to_string();
}

TEST(Gradient, NamesWhatHasNoDerivative) {
  const std::string text = failure({node("Floor", {"x"}, {"y"}, {}, {.name = "steps"}),
                                    gradient_node({"x"}, {"x"}, {"d"})});
  EXPECT_NE(text.find("UnsupportedOp: node 'grad' (ai.onnx.preview.training.Gradient): node "
                      "'steps' (Floor) lies between y and xs and has no derivative"),
            std::string::npos)
      << text;
}

TEST(Gradient, Malformed) {
  const std::string exp = node("Exp", {"x"}, {"y"});
  EXPECT_NE(failure({exp, gradient_node({"x"}, {"nothing"}, {"d"})}).find("'nothing'"),
            std::string::npos);
  EXPECT_NE(failure({exp, gradient_node({"x", "x"}, {"x"}, {"d"})}).find("2 inputs"),
            std::string::npos);
  EXPECT_NE(failure({exp, gradient_node({"x", "x"}, {"x", "x"}, {"d"})}).find("named twice"),
            std::string::npos);
  EXPECT_NE(failure({exp, node("Gradient", {"x"}, {"d"}, {strings_attr("xs", {"x"})},
                               {.domain = "ai.onnx.preview.training"})})
                .find("'y' are missing"),
            std::string::npos);
}

}  // namespace
}  // namespace ferry::onnx
