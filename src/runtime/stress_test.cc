// SPDX-License-Identifier: Apache-2.0
// Many threads on shared and on own sessions, with sessions made and dropped between. Short by
// default; FERRY_TEST_LONG=1 runs each thread 10,000 times.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "base/sanitizers.h"
#include "ops/registry.h"
#include "ops_cpu/kernels.h"
#include "runtime/run_tester.h"

namespace ferry {
namespace {

class StressTest : public ::testing::Test, public RunTester {
 protected:
  static constexpr int kThreads = 16;
  static constexpr int64_t kSizes = 5;

  static int runs() { return std::getenv("FERRY_TEST_LONG") != nullptr ? 10000 : 200; }

  // A product, a softmax, and the first rows once more: large sizes are split over the session's
  // threads.
  void build() {
    const ValueId x = input({Dim::symbol("n"), 32});
    const ValueId h = unary("Tanh", binary("MatMul", x, weights({32, 48})));
    output(unary("Softmax", binary("MatMul", h, weights({48, 32}))));
    output(node(make_op("Slice"), {h, ints({0}), ints({1}), ints({0})}));
  }

  std::unique_ptr<Engine> own_engine(int threads) {
    auto made = Engine::create(graph, {.threads = threads}, cpu_kernels());
    return made.ok() ? *std::move(made) : nullptr;
  }

  // Outputs of a run have the very bits of `wanted`.
  static bool same(Engine& engine, const std::vector<Value>& in, const std::vector<Value>& wanted) {
    std::vector<Value> out;
    if (!engine.run(in, out, {}).ok() || out.size() != wanted.size()) return false;
    for (size_t i = 0; i < out.size(); ++i) {
      const Tensor &a = out[i].tensor(), &b = wanted[i].tensor();
      if (!(a.dims() == b.dims()) || std::memcmp(a.raw(), b.raw(), a.size_bytes()) != 0)
        return false;
    }
    return true;
  }
};

TEST_F(StressTest, SharedAndOwnSessions) {
  build();
  std::vector<std::vector<Value>> in, wanted(kSizes);
  for (int64_t n = 0; n < kSizes; ++n) {
    in.push_back(inputs({{"n", 1 + n * n * n * 3}}));
    ASSERT_TRUE(engine({.threads = 2}).run(in.back(), wanted[static_cast<size_t>(n)], {}).ok());
  }
  Engine& shared = engine();
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::unique_ptr<Engine> own;
      for (int i = 0; i < runs(); ++i) {
        const auto n = static_cast<size_t>((i * 7 + t) % kSizes);
        if (i % 100 == 0) own = own_engine(1 + t % 2);
        if (!own || !same(i % 3 == 0 ? *own : shared, in[n], wanted[n])) ++failures;
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(failures, 0);
}

// The child of a fork in the middle of other threads' runs uses the sessions that they use.
TEST_F(StressTest, ForksDuringRuns) {
  if (kAddressSanitizer || kThreadSanitizer)
    GTEST_SKIP() << "the allocator of the sanitizers keeps its locks in the child of a fork";
  build();
  const std::vector<Value> in = inputs({{"n", 3}});
  std::vector<Value> wanted;
  ASSERT_TRUE(engine({.threads = 2}).run(in, wanted, {}).ok());
  Engine& shared = engine();
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      while (!over) {
        if (t % 2 == 0) (void)own_engine(2);
        (void)same(shared, in, wanted);
      }
    });
  }
  for (int i = 0; i < runs() / 4 && !HasFailure(); ++i) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(60);
      const auto own = own_engine(2);
      _exit(own && same(shared, in, wanted) && same(*own, in, wanted) ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
  }
  over = true;
  for (std::thread& t : threads) t.join();
}

}  // namespace
}  // namespace ferry
