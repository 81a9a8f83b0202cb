// SPDX-License-Identifier: Apache-2.0
#include "ir/verify.h"

#include <gtest/gtest.h>

#include "ir/infer.h"
#include "ops/registry.h"

namespace ferry {
namespace {

struct Chain {
  Graph graph;
  ValueId x, a, y;
  NodeId first, second;

  Chain() {
    x = graph.add_input("x", Type::tensor(DType::kFloat32, Shape{Dim(2)}));
    a = graph.add_value("a");
    y = graph.add_value("y");
    first = add(x, a);
    second = add(a, y);
    graph.set_outputs({y});
    EXPECT_TRUE(infer_graph(graph).ok());
  }
  NodeId add(ValueId from, ValueId to) {
    Node node;
    node.op = make_op("Softmax");
    node.inputs = {from};
    node.outputs = {to};
    return graph.add_node(std::move(node));
  }
  void expect(const std::string& words) {
    const Status status = verify(graph);
    EXPECT_EQ(status.code(), Code::kInternal);
    EXPECT_NE(status.message().find(words), std::string::npos) << status.message();
  }
};

TEST(Verify, AcceptsWhatIsSound) {
  Chain c;
  EXPECT_TRUE(verify(c.graph).ok());
  EXPECT_TRUE(verify(*c.graph.clone()).ok());
  EXPECT_TRUE(verify(Graph()).ok());
}

TEST(Verify, OrderAndDefinitions) {
  Chain c;
  c.graph.set_input(c.first, 0, c.y);
  c.expect("input value 'y' (#2) is not defined before");
  Chain twice;
  twice.graph.node(twice.second).outputs[0] = twice.a;
  twice.expect("is defined already");
  Chain dangling;
  dangling.graph.set_input(dangling.first, 0, dangling.graph.add_value("ghost"));
  dangling.expect("'ghost'");
  Chain output;
  output.graph.set_outputs({output.graph.add_value("ghost")});
  output.expect("graph output value 'ghost'");
}

TEST(Verify, UsersAndProducers) {
  Chain users;
  users.graph.value(users.a).users.clear();
  users.expect("lists 0 uses, the nodes have 1");
  Chain producer;
  producer.graph.value(producer.a).producer = producer.second;
  producer.expect("names another producer");
}

TEST(Verify, TypesArityAndConstants) {
  Chain type;
  type.graph.value(type.a).type = {};
  type.expect("has no type");
  Chain arity;
  arity.graph.node(arity.first).inputs.push_back(arity.x);
  arity.graph.value(arity.x).users.push_back(arity.first);
  arity.expect("has 2 inputs, wanted are 1 to 1");
  Chain constant;
  const ValueId k = constant.graph.add_constant(Tensor::allocate(DType::kFloat32, {3}).value());
  constant.graph.value(k).type = Type::tensor(DType::kInt64, Shape{Dim(3)});
  constant.expect("is the constant f32[3] and claims i64[3]");
  Chain body;
  body.graph.node(body.first).bodies.push_back(std::make_unique<Graph>());
  body.expect("has 1 bodies, wanted are 0");
}

}  // namespace
}  // namespace ferry
