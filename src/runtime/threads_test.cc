// SPDX-License-Identifier: Apache-2.0
// How many threads runs take, and that no bit depends on it.
#include <atomic>
#include <cstring>
#include <thread>

#include "ops/registry.h"
#include "ops_cpu/kernels.h"
#include "runtime/run_tester.h"

namespace ferry {
namespace {

class ThreadsTest : public ::testing::Test, public RunTester {
 protected:
  std::unique_ptr<Engine> make(const SessionOptions& options) {
    auto made = Engine::create(graph, options, cpu_kernels());
    EXPECT_TRUE(made.ok()) << made.status().message();
    return made.ok() ? *std::move(made) : nullptr;
  }

  // Products, reductions and elementwise work that is split over threads when n is large.
  void build_mixed() {
    const ValueId x = input({Dim::symbol("n"), 96});
    const ValueId h = unary("Tanh", binary("MatMul", x, weights({96, 160})));
    const ValueId y = unary("Softmax", binary("MatMul", h, weights({160, 96})));
    output(binary("Add", y, x));
    output(unary("Exp", h));
  }

  static bool same(const std::vector<Value>& a, const std::vector<Value>& b) {
    if (a.size() != b.size()) return false;
    for (size_t i = 0; i < a.size(); ++i) {
      const Tensor &s = a[i].tensor(), &t = b[i].tensor();
      if (!(s.dims() == t.dims()) || std::memcmp(s.raw(), t.raw(), s.size_bytes()) != 0)
        return false;
    }
    return true;
  }
};

TEST_F(ThreadsTest, NegativeNumbersAreRefused) {
  output(unary("Exp", input({3})));
  for (const SessionOptions& options : {SessionOptions{.threads = -1}, {.tuning_ms = -1}}) {
    const auto made = Engine::create(graph, options, cpu_kernels());
    ASSERT_FALSE(made.ok());
    EXPECT_EQ(made.status().code(), Code::kInvalidArgument);
    EXPECT_NE(made.status().message().find("is -1, wanted 0 or more"), std::string::npos);
  }
}

TEST_F(ThreadsTest, ReportSaysWhy) {
  output(unary("Exp", input({3})));
  const auto fixed = make({.threads = 3});
  EXPECT_EQ(fixed->report().threads, 3);
  EXPECT_EQ(fixed->report().threads_reason, "as asked for");
  const auto chosen = make({});
  EXPECT_EQ(chosen->report().threads, available_cpus());
  EXPECT_NE(chosen->report().threads_reason, "");
}

TEST_F(ThreadsTest, ASmallModelEndsOnOneThread) {
  output(binary("Add", input({8}), input({8})));
  for (int tuning_ms : {0, 200}) {
    const auto engine = make({.tuning_ms = tuning_ms});
    const std::vector<Value> in = inputs();
    std::vector<Value> out;
    for (int i = 0; i < 3000; ++i) ASSERT_TRUE(engine->run(in, out, {}).ok());
    EXPECT_EQ(engine->report().threads, 1);
    const std::string why = engine->report().threads_reason;
    EXPECT_TRUE(why.starts_with(tuning_ms == 0 ? "cost model" : "measured: 1 thread") ||
                why == "the only CPU")
        << why;
  }
}

TEST_F(ThreadsTest, NoBitDependsOnThreadsOrOnTheChoice) {
  build_mixed();
  for (int64_t n : {1, 7, 100, 1500}) {
    const std::vector<Value> in = inputs({{"n", n}});
    std::vector<Value> wanted;
    ASSERT_TRUE(make({.threads = 1})->run(in, wanted, {}).ok());
    for (int threads : {2, 3, 4, 9}) {
      std::vector<Value> out;
      ASSERT_TRUE(make({.threads = threads})->run(in, out, {}).ok());
      EXPECT_TRUE(same(out, wanted)) << threads << " threads, n = " << n;
    }
    const auto chosen = make({});
    for (int i = 0; i < 40; ++i) {
      std::vector<Value> out;
      ASSERT_TRUE(chosen->run(in, out, {}).ok());
      EXPECT_TRUE(same(out, wanted)) << "run " << i << ", n = " << n;
    }
  }
}

TEST_F(ThreadsTest, ManyCallersOfOneSessionThatChooses) {
  build_mixed();
  const auto engine = make({});
  std::vector<std::vector<Value>> in, wanted(3);
  for (int64_t n : {3, 60, 400}) in.push_back(inputs({{"n", n}}));
  const auto alone = make({.threads = 1});
  for (size_t i = 0; i < in.size(); ++i) ASSERT_TRUE(alone->run(in[i], wanted[i], {}).ok());
  std::atomic<int> failures{0};
  std::vector<std::thread> callers;
  for (size_t c = 0; c < 16; ++c) {
    callers.emplace_back([&, c] {
      for (size_t i = 0; i < 60; ++i) {
        const size_t k = (i + c) % in.size();
        std::vector<Value> out;
        if (!engine->run(in[k], out, {}).ok() || !same(out, wanted[k])) ++failures;
      }
    });
  }
  for (std::thread& t : callers) t.join();
  EXPECT_EQ(failures, 0);
}

}  // namespace
}  // namespace ferry
