// SPDX-License-Identifier: Apache-2.0
#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cfloat>
#include <thread>

namespace ferry {
namespace {

TEST(StopToken, KeepsItsFirstReason) {
  std::atomic<bool> cancel{false};
  const StopToken token(&cancel, std::nullopt);
  EXPECT_TRUE(token.can_stop());
  EXPECT_EQ(token.reason(), StopToken::Reason::kGoOn);
  cancel = true;
  EXPECT_EQ(token.reason(), StopToken::Reason::kCancelled);
  cancel = false;
  EXPECT_EQ(token.reason(), StopToken::Reason::kCancelled);
  const StopToken late(nullptr, StopToken::Clock::now() - std::chrono::seconds(1));
  EXPECT_EQ(late.reason(), StopToken::Reason::kDeadline);
  EXPECT_FALSE(StopToken(nullptr, std::nullopt).can_stop());
}

TEST(Team, SlicesCoverTheRangeAtMultiplesOfTheUnit) {
  std::atomic<bool> cancel{false};
  const StopToken token(&cancel, std::nullopt);
  for (const StopToken* stop : {static_cast<const StopToken*>(nullptr), &token}) {
    const Team team(1, false, stop);
    for (int64_t from : {0, 3}) {
      for (int64_t to : {3, 4, 17, 5000}) {
        int64_t next = from;
        team.in_slices(from, to, 7, [&](int64_t a, int64_t b) {
          EXPECT_EQ(a, next);
          EXPECT_GT(b, a);
          EXPECT_TRUE(b == to || (b - from) % 7 == 0);
          next = b;
        });
        EXPECT_EQ(next, std::max(from, to));
      }
    }
  }
}

TEST(Team, LeavesOutWhatHasNotBegunWhenStopped) {
  for (int threads : {1, 3}) {
    std::atomic<bool> cancel{false};
    const StopToken token(&cancel, std::nullopt);
    Team team(threads, false, &token);
    std::atomic<int> ran{0};
    team.parallel(1000, [&](int, int) {
      ++ran;
      cancel = true;
    });
    EXPECT_GE(ran, 1);
    EXPECT_LE(ran, threads);
    team.parallel(10, [&](int, int) { ++ran; });
    EXPECT_LE(ran, threads);
  }
}

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
