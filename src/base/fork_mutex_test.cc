// SPDX-License-Identifier: Apache-2.0
#include "base/fork_mutex.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

namespace ferry {
namespace {

TEST(ForkMutex, AChildFindsItFreeAndWholeWhatItGuards) {
  struct Pair {
    ForkMutex mutex;
    volatile int64_t a = 0, b = 0;
  };
  std::vector<Pair> pairs(5);
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = static_cast<size_t>(t); !over; ++i) {
        Pair& p = pairs[i % pairs.size()];
        const std::lock_guard lock(p.mutex);
        p.a = p.a + 1;
        p.b = p.b + 1;
      }
    });
  }
  // Others come and go.
  threads.emplace_back([&] {
    while (!over) {
      ForkMutex passing;
      const std::lock_guard lock(passing);
    }
  });
  for (int i = 0; i < 50; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(20);
      bool whole = true;
      for (Pair& p : pairs) {
        const std::lock_guard lock(p.mutex);
        whole = whole && p.a == p.b;
      }
      _exit(whole ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  }
  over = true;
  for (std::thread& t : threads) t.join();
}

}  // namespace
}  // namespace ferry
