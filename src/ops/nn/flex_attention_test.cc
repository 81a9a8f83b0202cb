// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops/op_tester.h"

namespace ferry {
namespace {

std::unique_ptr<Graph> body(const char* op = nullptr) {
  auto g = std::make_unique<Graph>();
  const ValueId x = g->add_input("x", {});
  if (op == nullptr) {
    g->set_outputs({x});
    return g;
  }
  Node node;
  node.op = make_op(op);
  node.inputs = {x};
  node.outputs = {g->add_value("y")};
  g->set_outputs(node.outputs);
  g->add_node(std::move(node));
  return g;
}

OpTester flex(const char* score_mod, const char* prob_mod) {
  OpTester t("ai.onnx.preview.FlexAttention");
  t.attr("scale", 1.0f);
  t.input(tensor<float>({1, 1, 1, 1}, {1})).input(tensor<float>({1, 1, 2, 1}, {0, std::log(3.0f)}));
  t.input(tensor<float>({1, 1, 2, 1}, {4, 8}));
  t.body(body(score_mod)).body(body(prob_mod));
  return t;
}

TEST(FlexAttention, RunsItsModifiers) {
  flex(nullptr, nullptr).expect(tensor<float>({1, 1, 1, 1}, {7})).run();
  flex("Neg", nullptr).expect(tensor<float>({1, 1, 1, 1}, {5})).run();
  flex(nullptr, "Neg").expect(tensor<float>({1, 1, 1, 1}, {-7})).run();
}

TEST(FlexAttention, RefusesModifiersThatChangeTheType) {
  flex("Shape", nullptr).expect_error(Code::kInvalidModel, "score_mod makes i64[4]").run();
}

}  // namespace
}  // namespace ferry
