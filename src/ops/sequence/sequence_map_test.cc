// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

std::unique_ptr<Graph> add_body() {
  auto body = std::make_unique<Graph>();
  const ValueId x = body->add_input("x", {}), y = body->add_input("y", {});
  Node add;
  add.op = make_op("Add");
  add.inputs = {x, y};
  add.outputs = {body->add_value()};
  const ValueId out = add.outputs[0];
  body->add_node(std::move(add));
  body->set_outputs({out});
  return body;
}
Value seq(std::vector<Tensor> tensors) { return Value(Sequence(tensors.begin(), tensors.end())); }

TEST(SequenceMap, TensorsAndSequences) {
  const Tensor one = tensor<float>({1}, {1}), two = tensor<float>({2}, {1, 2});
  OpTester("SequenceMap").input(seq({one, two})).input(tensor<float>({}, {10})).body(add_body())
      .expect(seq({tensor<float>({1}, {11}), tensor<float>({2}, {11, 12})})).run();
  OpTester("SequenceMap").input(seq({one, two})).input(seq({two, one})).body(add_body())
      .expect(seq({tensor<float>({2}, {2, 3}), tensor<float>({2}, {2, 3})})).run();
  OpTester("SequenceMap").input(seq({one, two})).input(seq({two})).body(add_body())
      .expect_error(Code::kInvalidArgument, "input 1 has 1 elements, input 0 has 2").run();
}

}  // namespace
}  // namespace ferry
