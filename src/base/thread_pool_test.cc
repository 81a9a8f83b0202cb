// SPDX-License-Identifier: Apache-2.0
#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cfloat>
#include <thread>

namespace ferry {
namespace {

TEST(Team, RunsEveryPartOnce) {
  for (int threads : {1, 2, 3, 8}) {
    Team team(threads);
    for (int parts : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> hits(static_cast<size_t>(parts));
      team.parallel(parts, [&](int part, int thread) {
        EXPECT_LT(thread, team.size());
        hits[static_cast<size_t>(part)].fetch_add(1);
      });
      for (const auto& h : hits) EXPECT_EQ(h.load(), 1);
    }
  }
}

TEST(Team, ManyCallersShareThePool) {
  std::atomic<int64_t> sum{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 8; ++c) {
    callers.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        Team team(2);
        team.parallel(5, [&](int part, int) { sum.fetch_add(part); });
      }
    });
  }
  for (std::thread& t : callers) t.join();
  EXPECT_EQ(sum.load(), 8 * 200 * 10);
}

TEST(Team, WorksInAForkedChild) {
  {
    Team warm(2);
    warm.parallel(4, [](int, int) {});
  }
  const pid_t child = fork();
  if (child == 0) {
    Team team(2);
    std::atomic<int> n{0};
    team.parallel(16, [&](int, int) { n.fetch_add(1); });
    _exit(n.load() == 16 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(FlushDenormals, RestoresTheCallersState) {
  volatile float tiny = FLT_MIN;
  {
    const FlushDenormals flush(true);
    EXPECT_EQ(tiny / 2, 0.0f);
  }
  EXPECT_NE(tiny / 2, 0.0f);
}

}  // namespace
}  // namespace ferry
