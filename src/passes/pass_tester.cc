// SPDX-License-Identifier: Apache-2.0
#include "passes/pass_tester.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tensor/int_contents.h"

namespace ferry {
namespace {

std::vector<Value> interpreted(const Graph& g, const std::vector<Value>& inputs) {
  std::vector<Value> outputs;
  const Status s = interpret(g, inputs, outputs);
  EXPECT_TRUE(s.ok()) << s.to_string() << "\n" << operators(g);
  return outputs;
}

void expect_near(const Tensor& a, const Tensor& b, double tolerance) {
  ASSERT_EQ(a.dtype(), b.dtype());
  ASSERT_EQ(a.dims(), b.dims()) << a.describe() << " " << b.describe();
  if (a.dtype() != DType::kFloat32) {
    const auto x = int_contents(a), y = int_contents(b);
    EXPECT_EQ(x, y);
    return;
  }
  for (int64_t i = 0; i < a.count(); ++i) {
    const double x = a.data<float>()[i], y = b.data<float>()[i];
    if (std::isnan(x) && std::isnan(y)) continue;
    ASSERT_NEAR(x, y, tolerance * (1 + std::abs(x))) << "at " << i;
  }
}

}  // namespace

std::string operators(const Graph& g) {
  std::string text;
  for (NodeId id : g.order()) {
    if (!text.empty()) text += " ";
    text += g.node(id).op.def().full_name();
  }
  return text;
}

float PassTester::next() {
  state_ = state_ * 1664525u + 1013904223u;
  return static_cast<float>(state_ >> 8) / static_cast<float>(1 << 23) - 1.0f;
}

ValueId PassTester::input(Shape shape, DType dtype) {
  return graph.add_input("x" + std::to_string(graph.inputs().size()),
                         Type::tensor(dtype, std::move(shape)));
}

ValueId PassTester::constant(const Dims& dims, std::vector<float> values) {
  Tensor t = *Tensor::allocate(DType::kFloat32, dims);
  std::copy(values.begin(), values.end(), t.data<float>());
  return graph.add_constant(std::move(t));
}

ValueId PassTester::weights(const Dims& dims) {
  std::vector<float> values(static_cast<size_t>(dims.count()));
  for (float& v : values) v = next();
  return constant(dims, values);
}

ValueId PassTester::ints(std::vector<int64_t> values) {
  return graph.add_constant(int64_tensor(values));
}

ValueId PassTester::node(Op op, std::vector<ValueId> inputs) {
  return node(std::move(op), std::move(inputs), 1)[0];
}

std::vector<ValueId> PassTester::node(Op op, std::vector<ValueId> inputs, size_t num_outputs) {
  Node n;
  n.op = std::move(op);
  n.inputs = std::move(inputs);
  for (size_t i = 0; i < num_outputs; ++i) n.outputs.push_back(graph.add_value());
  const std::vector<ValueId> outputs = n.outputs;
  const NodeId id = graph.add_node(std::move(n));
  const Status s = infer_node(graph, id);
  EXPECT_TRUE(s.ok()) << s.to_string();
  return outputs;
}

void PassTester::output(ValueId v) {
  outputs_.push_back(v);
  graph.set_outputs(outputs_);
}

std::string PassTester::run(const std::vector<Pass>& passes, double tolerance,
                            const PassOptions& given, int64_t symbol_value) {
  PassOptions options = given;
  options.verify = true;
  std::vector<Value> inputs;
  for (ValueId v : graph.inputs()) {
    const Type& type = graph.value(v).type;
    Dims dims;
    for (const Dim& d : *type.shape) {
      dims.push_back(*d.eval([&](std::string_view) { return &symbol_value; }));
    }
    Tensor t = *Tensor::allocate(type.dtype, dims);
    for (int64_t i = 0; i < t.count(); ++i) {
      if (type.dtype == DType::kFloat32) t.data<float>()[i] = next();
      if (type.dtype == DType::kInt64) t.data<int64_t>()[i] = static_cast<int64_t>(8 * next());
      if (type.dtype == DType::kBool) t.data<bool>()[i] = next() > 0;
    }
    inputs.emplace_back(std::move(t));
  }
  const std::unique_ptr<Graph> before = graph.clone();
  const auto reports = run_passes(graph, passes, options);
  EXPECT_TRUE(reports.ok()) << reports.status().to_string();
  const std::string text = operators(graph);
  const std::vector<Value> want = interpreted(*before, inputs), got = interpreted(graph, inputs);
  EXPECT_EQ(want.size(), got.size());
  for (size_t i = 0; i < want.size() && i < got.size(); ++i) {
    expect_near(want[i].tensor(), got[i].tensor(), tolerance);
    const Type &a = before->value(before->outputs()[i]).type,
               &b = graph.value(graph.outputs()[i]).type;
    EXPECT_EQ(a.dtype, b.dtype);
  }
  const auto again = run_passes(graph, passes, options);
  EXPECT_TRUE(again.ok());
  EXPECT_EQ(text, operators(graph)) << "a second run changed the graph";
  return text;
}

}  // namespace ferry
