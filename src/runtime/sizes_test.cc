// SPDX-License-Identifier: Apache-2.0
// Sizes that no value can have: the error names the node, the size and the inputs.
#include "ops/nn/conv.h"
#include "runtime/run_tester.h"
#include "tensor/int_contents.h"

namespace ferry {
namespace {

class SizesTest : public ::testing::Test, public RunTester {
 protected:
  ValueId x = named(input({Dim::symbol("N"), 3, Dim::symbol("H"), Dim::symbol("W")}), "x");

  ValueId conv(ValueId v, const std::string& name, std::vector<int64_t> pads = {}) {
    Conv op;
    op.pads = std::move(pads);
    const ValueId y = node(make_op("Conv", op), {v, weights({3, 3, 3, 3})});
    graph.node(graph.value(y).producer).name = name;
    return y;
  }
  void expect_error(int64_t h, int64_t w, const std::vector<std::string>& words) {
    std::vector<Value> out;
    const Status s = engine().run(inputs({{"N", 1}, {"H", h}, {"W", w}}), out, {});
    ASSERT_EQ(s.code(), Code::kShapeMismatch) << s.to_string();
    for (const std::string& word : words) {
      EXPECT_NE(s.message().find(word), std::string::npos) << word << " in: " << s.message();
    }
  }
};

TEST_F(SizesTest, OfAnOutput) {
  output(conv(x, "c"));
  expect_error(1, 8, {"node 'c' (Conv)", "H-2 = -1", "'x' f32[1,3,1,8]", "wanted 0 or more"});
  check({{"N", 1}, {"H", 2}, {"W", 8}});
}

TEST_F(SizesTest, TheFirstNodeIsNamed) {
  output(conv(conv(conv(x, "c"), "d"), "e"));
  expect_error(1, 8, {"node 'c' (Conv)", "H-2 = -1"});
  expect_error(8, 3, {"node 'd' (Conv)", "W-4 = -1"});
  expect_error(5, 8, {"node 'e' (Conv)", "H-6 = -1"});
}

TEST_F(SizesTest, AGroupIsNamedByItsNodes) {
  output(unary("Relu", conv(x, "c")));
  expect_error(1, 8, {"node 'c' (Conv)", "(Relu)", "H-2 = -1"});
}

TEST_F(SizesTest, TwoNegativeOnesAreNoCount) {
  output(node(make_op("Flatten"), {conv(x, "c")}));
  expect_error(1, 1, {"node 'c' (Conv)", "H-2 = -1"});
}

TEST_F(SizesTest, TwoThatDoNotBroadcast) {
  const ValueId sum = binary("Add", input({Dim::symbol("A")}), input({Dim::symbol("B")}));
  graph.node(graph.value(sum).producer).name = "sum";
  output(unary("Softmax", sum));
  const auto run = [&](int64_t a, int64_t b) {
    std::vector<Value> out;
    return engine().run(inputs({{"A", a}, {"B", b}, {"N", 1}, {"H", 3}, {"W", 3}}), out, {});
  };
  const Status status = run(3, 4);
  EXPECT_EQ(status.code(), Code::kShapeMismatch);
  for (const char* word : {"node 'sum' (Add): ", "A is 3", "B is 4", "they must be equal"}) {
    EXPECT_NE(status.message().find(word), std::string::npos) << status.message();
  }
  EXPECT_TRUE(run(3, 1).ok());
}

// What a layer costs is compared in 64 bits, whatever its sizes.
TEST_F(SizesTest, FarTooLargeForAnyMachine) {
  const int64_t huge = int64_t{1} << 21;
  const ValueId vast = input({1, 32, huge, huge, huge});
  output(node(make_op("Conv", Conv{}), {vast, weights({32, 32, 1, 1, 3})}));
  output(node(make_op("Conv", Conv{}), {vast, weights({32, 32, 1, 3, 3})}));
  engine({.threads = 1});
  EXPECT_NE(steps().find("_f32"), std::string::npos) << steps();
}

// `like` needs no memory of its own: what is read as more than there is lies behind its end.
TEST_F(SizesTest, OfAViewOfLess) {
  const ValueId a = named(input({Dim::symbol("A")}), "a");
  const ValueId b = named(input({Dim::symbol("B")}), "b");
  const ValueId like =
      named(node(make_op("Reshape"), {unary("Neg", a), node(make_op("Shape"), {b})}), "like");
  graph.node(graph.value(like).producer).name = "like";
  output(binary("Add", like, b));
  std::vector<Value> out;
  const auto in = inputs({{"A", 4}, {"B", 5}, {"N", 1}, {"H", 3}, {"W", 3}});
  const Status status = engine({.threads = 1}).run(in, out, {});
  EXPECT_EQ(status.code(), Code::kShapeMismatch);
  for (const char* word : {"node 'like' (Reshape): ", "'like' is [5]", "of [4]"}) {
    EXPECT_NE(status.message().find(word), std::string::npos) << status.message();
  }
}

// A shape that a run gives says a size although the elements leave but one.
TEST_F(SizesTest, OfAShapeThatTheRunGives) {
  const ValueId a = named(input({Dim::symbol("A")}), "a");
  const ValueId b = named(input({Dim::symbol("B")}), "b");
  const ValueId spec = input({1}, DType::kInt64);
  const ValueId like = node(make_op("Reshape"), {a, node(make_op("Shape"), {b})});
  graph.node(graph.value(like).producer).name = "like";
  const ValueId given = node(make_op("Reshape"), {a, spec});
  graph.node(graph.value(given).producer).name = "given";
  output(like);
  output(given);
  const auto run = [&](int64_t n, int64_t m, int64_t to) {
    std::vector<Value> in = inputs({{"A", n}, {"B", m}, {"N", 1}, {"H", 3}, {"W", 3}}), out;
    in.back() = int64_tensor({to});
    return engine({.threads = 1}).run(in, out, {});
  };
  EXPECT_TRUE(run(4, 4, 4).ok());
  EXPECT_TRUE(run(4, 4, -1).ok());
  for (const auto& [status, name] : {std::pair(run(4, 5, 4), "node 'like' (Reshape): "),
                                     std::pair(run(4, 1, 4), "node 'like' (Reshape): "),
                                     std::pair(run(4, 4, 100), "node 'given' (Reshape): "),
                                     std::pair(run(4, 4, 1), "node 'given' (Reshape): ")}) {
    EXPECT_EQ(status.code(), Code::kShapeMismatch) << status.to_string();
    EXPECT_NE(status.message().find(name), std::string::npos) << status.message();
  }
}

TEST_F(SizesTest, PadsBehindThemDoNotHelp) {
  output(conv(conv(x, "c"), "d", {2, 2, 2, 2}));
  expect_error(1, 1, {"node 'c' (Conv)"});
}

}  // namespace
}  // namespace ferry
