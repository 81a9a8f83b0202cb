// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops/op_tester.h"

namespace ferry {
namespace {

Tensor steps(float a, float b) { return tensor<float>({1, 2, 1}, {a, b}); }
OpTester linear(const char* rule) {
  OpTester t("LinearAttention");
  t.attr("q_num_heads", int64_t{1}).attr("kv_num_heads", int64_t{1}).attr("scale", 1.0f);
  t.attr("update_rule", std::string(rule));
  t.input(steps(1, 1)).input(steps(1, 2)).input(steps(3, 5));
  return t;
}

TEST(LinearAttention, UpdateRules) {
  linear("linear").expect(steps(3, 13)).expect(tensor<float>({1, 1, 1, 1}, {13})).run();
  linear("gated")
      .no_input()
      .input(steps(0, std::log(0.5f)))
      .expect(steps(3, 11.5f))
      .expect(tensor<float>({1, 1, 1, 1}, {11.5f}))
      .run();
  // s = 3 after the first step; then 3 + 0.5 * 2 * (5 - 3 * 2).
  linear("delta")
      .no_input()
      .no_input()
      .input(steps(1, 0.5f))
      .expect(steps(3, 2))
      .expect(tensor<float>({1, 1, 1, 1}, {2}))
      .run();
  linear("linear")
      .input(tensor<half>({1, 1, 1, 1}, {10.0f}))
      .expect(steps(13, 23))
      .expect(tensor<half>({1, 1, 1, 1}, {23.0f}))
      .run();
}

TEST(LinearAttention, QueryHeadsShareKeyHeads) {
  OpTester("LinearAttention")
      .attr("q_num_heads", int64_t{2})
      .attr("kv_num_heads", int64_t{1})
      .attr("update_rule", std::string("linear"))
      .attr("scale", 1.0f)
      .input(tensor<float>({1, 1, 2}, {1, 10}))
      .input(tensor<float>({1, 1, 1}, {1}))
      .input(tensor<float>({1, 1, 2}, {2, 3}))
      .expect(tensor<float>({1, 1, 4}, {2, 3, 20, 30}))
      .ignore_output()
      .run();
}

TEST(LinearAttention, RefusesWhatDoesNotFit) {
  linear("gated").expect_error(Code::kInvalidModel, "needs the input decay").run();
  linear("linear")
      .no_input()
      .input(steps(0, 0))
      .expect_error(Code::kInvalidModel, "does not take the input decay")
      .run();
  linear("cubic").expect_error(Code::kInvalidModel, "attribute 'update_rule' is 'cubic'").run();
  linear("gated")
      .no_input()
      .input(random_tensor({1, 2, 3}, 1))
      .expect_error(Code::kShapeMismatch, "decay is f32[1,2,3], its last axis has 1 or 1 elements")
      .run();
  const auto heads = [](int64_t q, int64_t k, int64_t v, const std::string& words) {
    OpTester("LinearAttention")
        .attr("q_num_heads", int64_t{2})
        .attr("kv_num_heads", int64_t{2})
        .attr("update_rule", std::string("linear"))
        .input(random_tensor({1, 3, q}, 1))
        .input(random_tensor({1, 3, k}, 2))
        .input(random_tensor({1, 3, v}, 3))
        .expect_error(Code::kShapeMismatch, words)
        .run();
  };
  heads(5, 4, 4, "input 0 is f32[1,3,5], its last axis is not 2 heads of one width");
  heads(4, 4, 7, "input 2 is f32[1,3,7], its last axis is not 2 heads of one width");
  heads(4, 6, 4, "k is f32[1,3,6] for q f32[1,3,4]: heads are 2 wide, 2 of them wanted");
}

}  // namespace
}  // namespace ferry
