// SPDX-License-Identifier: Apache-2.0
#include "ir/print.h"

#include <gtest/gtest.h>

#include "ir/infer.h"
#include "ops/registry.h"

namespace ferry {
namespace {

TEST(Print, LooksLikeOnnxText) {
  Graph g;
  g.name = "main";
  const ValueId x =
      g.add_input("x", Type::tensor(DType::kFloat32, Shape{Dim::symbol("N"), Dim(2)}));
  Tensor t = Tensor::allocate(DType::kFloat32, {2}).value();
  t.data<float>()[0] = 1;
  t.data<float>()[1] = 2.5f;
  const ValueId w = g.add_constant(t, "w");
  Node add;
  add.op = make_op("Add");
  add.inputs = {x, w};
  add.outputs = {g.add_value("a")};
  const ValueId a = add.outputs[0];
  g.add_node(std::move(add));
  Node soft;
  const OpDef* def = op_registry().find("Softmax");
  const auto attrs = def->make();
  ASSERT_TRUE(def->find_attr("axis")->set(attrs.get(), int64_t{0}).ok());
  soft.op = Op(def, attrs);
  soft.inputs = {a};
  soft.outputs = {g.add_value("y")};
  g.set_outputs({soft.outputs[0]});
  g.add_node(std::move(soft));
  ASSERT_TRUE(infer_graph(g).ok());
  EXPECT_EQ(to_text(g),
            "main (float[N, 2] x) => (float[N, 2] y)\n"
            "<float[2] w = {1, 2.5}>\n"
            "{\n"
            "  a: float[N, 2] = Add (x, w)\n"
            "  y: float[N, 2] = Softmax <axis = 0> (a)\n"
            "}\n");
  EXPECT_EQ(to_text(g, g.node(g.first()), {.types = false}), "a = Add (x, w)");
}

TEST(Print, Types) {
  EXPECT_EQ(onnx_text(Type::tensor(DType::kInt64, Shape{})), "int64");
  EXPECT_EQ(onnx_text(Type::tensor(DType::kInt64)), "int64[]");
  EXPECT_EQ(onnx_text(Type::sequence_of(Type::tensor(DType::kBool, Shape{Dim(1)}))),
            "seq(bool[1])");
}

}  // namespace
}  // namespace ferry
