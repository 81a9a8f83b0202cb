// SPDX-License-Identifier: Apache-2.0
// The caller's memory: outputs that become the next run's inputs, defaults that are overridden,
// values asked for by name, runs that overlap.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <thread>

#include "ops/registry.h"
#include "ops/tensor/concat.h"
#include "ops_cpu/kernels.h"
#include "runtime/run_tester.h"

namespace ferry {
namespace {

Tensor borrowed(std::vector<float>& memory, const Dims& dims) {
  return Tensor::borrow(DType::kFloat32, dims, static_cast<void*>(memory.data()));
}

class BindingTest : public ::testing::Test, public RunTester {};

// present = past and the new rows: the memory of one run's output is the next run's input.
TEST_F(BindingTest, AGrowingCacheInTheCallersMemory) {
  const ValueId past = input({1, Dim::symbol("past"), 4}), rows = input({1, Dim::symbol("s"), 4});
  output(node(make_op("Concat", Concat{1}), {past, rows}));
  std::vector<float> one(400), two(400);
  for (int64_t n = 0; n < 40; ++n) {
    std::vector<float> row(4, static_cast<float>(n));
    std::vector<float>&from = n % 2 == 0 ? one : two, &to = n % 2 == 0 ? two : one;
    const std::vector<Value> in = {borrowed(from, {1, n, 4}), borrowed(row, {1, 1, 4})};
    std::vector<Value> out = {borrowed(to, {1, n + 1, 4})};
    const Status s = engine().run(in, out, {});
    ASSERT_TRUE(s.ok()) << s.to_string();
    ASSERT_EQ(out[0].tensor().raw(), to.data());
    for (int64_t i = 0; i <= n; ++i) ASSERT_EQ(to[static_cast<size_t>(4 * i)], float(i));
  }
}

TEST_F(BindingTest, MemoryThatIsNotThere) {
  output(unary("Relu", input({Dim::symbol("N")})));
  std::vector<Value> out;
  void* nowhere = nullptr;
  const std::vector<Value> some = {Tensor::borrow(DType::kFloat32, {3}, nowhere)},
                           none = {Tensor::borrow(DType::kFloat32, {0}, nowhere)};
  const Status s = engine().run(some, out, {});
  EXPECT_EQ(s.code(), Code::kInvalidArgument);
  EXPECT_NE(s.message().find("is f32[3] at a null pointer; wanted 12 bytes"), std::string::npos)
      << s.to_string();
  EXPECT_TRUE(engine().run(none, out, {}).ok());
  std::vector<float> memory(3);
  std::vector<Value> given = some;
  const Status t = engine().run(std::vector<Value>{borrowed(memory, {3})}, given, {});
  EXPECT_NE(t.message().find("is f32[3] at a null pointer"), std::string::npos) << t.to_string();
}

// An output in the memory of an input, or of another output: what the run reads later may not be
// overwritten, so results are as if the memories were apart.
TEST_F(BindingTest, AnOutputInTheMemoryOfAnInput) {
  const ValueId state = input({4}), x = input({4});
  const ValueId next = unary("Softmax", state);
  output(next);
  output(binary("Add", state, x));  // reads the input after output 0 is written
  std::vector<float> memory = {1, 2, 3, 4}, more = {10, 20, 30, 40}, sum(4);
  const std::vector<Value> in = {borrowed(memory, {4}), borrowed(more, {4})};
  std::vector<Value> apart, together = {borrowed(memory, {4}), borrowed(sum, {4})};
  ASSERT_TRUE(engine().run(in, apart, {}).ok());
  const Status s = engine().run(in, together, {});
  ASSERT_TRUE(s.ok()) << s.to_string();
  EXPECT_EQ(together[0].tensor().raw(), memory.data());
  for (int64_t i = 0; i < 4; ++i) {
    EXPECT_EQ(together[0].tensor().data<float>()[i], apart[0].tensor().data<float>()[i]);
    EXPECT_EQ(together[1].tensor().data<float>()[i], apart[1].tensor().data<float>()[i]);
  }
}

TEST_F(BindingTest, OutputsThatOverlapEachOtherAreAnError) {
  const ValueId x = input({4});
  output(unary("Softmax", x));
  output(unary("Tanh", x));
  std::vector<float> memory(6);
  std::vector<Value> out = {borrowed(memory, {4}),
                            Tensor::borrow(DType::kFloat32, {4}, static_cast<void*>(&memory[2]))};
  const Status s = engine().run(inputs(), out, {});
  ASSERT_FALSE(s.ok());
  EXPECT_EQ(s.code(), Code::kInvalidArgument);
  EXPECT_NE(s.message().find("overlap"), std::string::npos) << s.message();
}

TEST_F(BindingTest, DefaultsMayBeOverriddenAndComeBack) {
  const ValueId x = input({2, 3});
  Tensor t = *Tensor::allocate(DType::kFloat32, {3});
  std::fill_n(t.data<float>(), 3, 2.0f);
  const ValueId w = graph.add_input("w", Type::tensor(DType::kFloat32, Shape{3}));
  graph.value(w).constant = t;
  graph.value(w).overridable = true;
  output(binary("Mul", x, w));
  std::vector<float> five(3, 5.0f);
  std::vector<Value> in = inputs(), out;
  for (const float wanted : {2.0f, 5.0f, 2.0f}) {
    in[1] = wanted == 5.0f ? Value(borrowed(five, {3})) : Value();
    ASSERT_TRUE(engine().run(in, out, {}).ok());
    EXPECT_EQ(out[0].tensor().data<float>()[4], wanted * in[0].tensor().data<float>()[4]);
  }
  std::vector<float> four(4);
  in[1] = borrowed(four, {4});
  const Status s = engine().run(in, out, {});
  EXPECT_EQ(s.code(), Code::kShapeMismatch) << s.to_string();
}

TEST_F(BindingTest, ValuesInsideCanBeAskedFor) {
  const ValueId x = input({2, 3});
  const ValueId inner = named(unary("Tanh", x), "inner");
  output(unary("Neg", unary("Relu", inner)));
  const std::vector<Value> in = inputs();
  std::vector<Value> out;
  ASSERT_TRUE(engine().run_for(in, {"inner"}, out, {}).ok());
  ASSERT_EQ(out.size(), 1u);
  EXPECT_NEAR(out[0].tensor().data<float>()[0], std::tanh(in[0].tensor().data<float>()[0]), 1e-6);
  const Status s = engine().run_for(in, {"outer"}, out, {});
  EXPECT_EQ(s.code(), Code::kInvalidArgument);
  EXPECT_NE(s.message().find("'outer'"), std::string::npos);
}

TEST_F(BindingTest, RunsOverlapOnSeveralThreadsAndShapes) {
  const ValueId x = input({Dim::symbol("n"), 16});
  output(unary("Softmax", binary("MatMul", unary("Tanh", x), weights({16, 16}))));
  Engine& shared = engine({.threads = 2});
  std::vector<std::thread> threads;
  for (int64_t t = 0; t < 4; ++t) {
    const std::vector<Value> in = inputs({{"n", 3 + 5 * t}});
    std::vector<Value> wanted;
    ASSERT_TRUE(shared.run(in, wanted, {}).ok());
    threads.emplace_back([&shared, in, wanted] {
      for (int i = 0; i < 100; ++i) {
        std::vector<Value> out;
        ASSERT_TRUE(shared.run(in, out, {}).ok());
        const Tensor &a = out[0].tensor(), &b = wanted[0].tensor();
        ASSERT_EQ(a.size_bytes(), b.size_bytes());
        ASSERT_EQ(std::memcmp(a.raw(), b.raw(), a.size_bytes()), 0);
      }
    });
  }
  for (std::thread& t : threads) t.join();
}

TEST_F(BindingTest, RunsGoOnAfterFork) {
  const ValueId x = input({64, 64});
  output(unary("Softmax", binary("MatMul", x, weights({64, 64}))));
  Engine& shared = engine({.threads = 2});
  const std::vector<Value> in = inputs();
  std::vector<Value> wanted;
  ASSERT_TRUE(shared.run(in, wanted, {}).ok());
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    std::vector<Value> out;
    const bool same =
        shared.run(in, out, {}).ok() && std::memcmp(out[0].tensor().raw(), wanted[0].tensor().raw(),
                                                    out[0].tensor().size_bytes()) == 0;
    _exit(same ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  std::vector<Value> out;
  EXPECT_TRUE(shared.run(in, out, {}).ok());
}

}  // namespace
}  // namespace ferry
