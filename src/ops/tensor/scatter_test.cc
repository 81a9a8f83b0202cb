// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(Scatter, Elements) {
  const Tensor x = tensor<float>({1, 5}, {1, 2, 3, 4, 5}), at = tensor<int64_t>({1, 2}, {1, 1}),
               u = tensor<float>({1, 2}, {1.5f, 2.5f});
  const auto scatter = [&](const char* reduction, float want) {
    OpTester("ScatterElements")
        .attr("axis", int64_t{1})
        .attr("reduction", std::string(reduction))
        .input(x)
        .input(at)
        .input(u)
        .expect(tensor<float>({1, 5}, {1, want, 3, 4, 5}))
        .run();
  };
  scatter("none", 2.5f);
  scatter("add", 6);
  scatter("mul", 7.5f);
  scatter("max", 2.5f);
  scatter("min", 1.5f);
  OpTester("ScatterElements")
      .input(tensor<std::string>({2}, {"a", "b"}))
      .input(ints({-1}))
      .input(tensor<std::string>({1}, {"c"}))
      .expect(tensor<std::string>({2}, {"a", "c"}))
      .run();
  OpTester("ScatterElements")
      .attr("reduction", std::string("add"))
      .input(tensor<std::string>({1}, {"a"}))
      .input(ints({0}))
      .input(tensor<std::string>({1}, {"c"}))
      .expect_error(Code::kUnsupportedType, "reduction 'add' of str")
      .run();
  OpTester("ScatterElements")
      .attr("axis", int64_t{1})
      .input(x)
      .input(tensor<int64_t>({1, 2}, {0, 9}))
      .input(u)
      .expect_error(Code::kInvalidArgument, "index 9 outside")
      .run();
}

TEST(Scatter, Nd) {
  OpTester("ScatterND")
      .input(tensor<int32_t>({4}, {1, 2, 3, 4}))
      .input(tensor<int64_t>({2, 1}, {3, 0}))
      .input(tensor<int32_t>({2}, {9, 8}))
      .expect(tensor<int32_t>({4}, {8, 2, 3, 9}))
      .run();
  OpTester("ScatterND")
      .attr("reduction", std::string("add"))
      .input(tensor<uint8_t>({2, 2}, {1, 2, 3, 250}))
      .input(tensor<int64_t>({2, 1}, {1, 1}))
      .input(tensor<uint8_t>({2, 2}, {1, 3, 1, 4}))
      .expect(tensor<uint8_t>({2, 2}, {1, 2, 5, 1}))
      .run();
  OpTester("ScatterND")
      .input(iota({4}))
      .input(tensor<int64_t>({2, 1}, {3, 0}))
      .input(iota({3}))
      .expect_error(Code::kShapeMismatch, "does not take updates")
      .run();
}

}  // namespace
}  // namespace ferry
