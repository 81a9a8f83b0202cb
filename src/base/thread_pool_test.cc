// SPDX-License-Identifier: Apache-2.0
#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cfloat>
#include <cstdio>
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
  for (int c = 0; c < 16; ++c) {
    callers.emplace_back([&, c] {
      for (int i = 0; i < 200; ++i) {
        Team team(2 + c % 3);
        team.parallel(5, [&](int part, int) { sum.fetch_add(part); });
      }
    });
  }
  for (std::thread& t : callers) t.join();
  EXPECT_EQ(sum.load(), 16 * 200 * 10);
}

TEST(Team, TeamsNest) {
  Team outer(3);
  std::atomic<int> ran{0};
  for (int i = 0; i < 50; ++i) {
    outer.parallel(6, [&](int, int) {
      Team inner(3);
      inner.parallel(4, [&](int, int) { ran.fetch_add(1); });
    });
  }
  EXPECT_EQ(ran, 50 * 6 * 4);
}

// Each thread waits in its part for the others: every one takes its own.
std::vector<std::thread::id> who_is_who(Team& team) {
  std::vector<std::thread::id> ids(static_cast<size_t>(team.size()));
  std::atomic<int> arrived{0};
  team.parallel(team.size(), [&](int part, int thread) {
    EXPECT_EQ(part, thread);
    ids[static_cast<size_t>(thread)] = std::this_thread::get_id();
    arrived.fetch_add(1);
    while (arrived.load() < team.size()) std::this_thread::yield();
  });
  return ids;
}

TEST(Team, ThreadsKeepTheirPlaceFromRunToRun) {
  std::vector<std::thread::id> first;
  {
    Team team(4);
    ASSERT_EQ(team.size(), 4);
    first = who_is_who(team);
  }
  EXPECT_EQ(first[0], std::this_thread::get_id());
  for (int run = 0; run < 20; ++run) {
    Team team(4);
    EXPECT_EQ(who_is_who(team), first);
  }
}

double process_cpu_ms() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return double(t.tv_sec) * 1e3 + double(t.tv_nsec) * 1e-6;
}

TEST(Team, IdleWorkersTakeNoTime) {
  {
    Team team(4);
    team.parallel(100, [](int, int) {});
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const double before = process_cpu_ms();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LT(process_cpu_ms() - before, 2.0);
}

TEST(Team, WorkersSleepInsideALongRunAndWakeForWork) {
  Team team(4);
  team.parallel(100, [](int, int) {});
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const double before = process_cpu_ms();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LT(process_cpu_ms() - before, 2.0);
  // All of them come: who is asleep would leave the others waiting.
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(who_is_who(team).size(), 4U);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

TEST(Team, CallersOnAllCoresGetNoWorkers) {
  const int cpus = available_cpus();
  std::atomic<int> inside{0};
  std::atomic<bool> leave{false};
  std::vector<std::thread> callers;
  for (int c = 0; c < cpus; ++c) {
    callers.emplace_back([&] {
      const Team alone(1);
      inside.fetch_add(1);
      while (!leave) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    });
  }
  while (inside < cpus) std::this_thread::yield();
  EXPECT_EQ(Team(cpus).size(), 1);
  leave = true;
  for (std::thread& t : callers) t.join();
  EXPECT_EQ(Team(cpus).size(), cpus);
}

double cpu_us(int who) {
  rusage usage{};
  getrusage(who, &usage);
  return double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) +
         double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6;
}

// One core for a thread of the host and one that runs a team of four: what the team takes are the
// moments around its jobs, not slices of the scheduler.
TEST(Team, SpinningLeavesTheCoreToOthers) {
  const pid_t child = fork();
  if (child == 0) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof(one), &one);
    std::atomic<bool> over{false};
    std::atomic<int> jobs{0};
    std::thread runner([&] {
      while (!over) {
        Team team(4);
        for (int i = 0; i < 20; ++i, ++jobs) {
          team.parallel(8, [](int, int) {});
          std::this_thread::sleep_for(std::chrono::microseconds(200));
        }
      }
    });
    const auto start = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - start < std::chrono::milliseconds(400)) {
    }
    const double host_us = cpu_us(RUSAGE_THREAD);
    over = true;
    runner.join();
    const double each_us = (cpu_us(RUSAGE_SELF) - host_us) / jobs;
    if (each_us > 300) fprintf(stderr, "%.0f us of processor time per job\n", each_us);
    _exit(each_us > 300 ? 1 : 0);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(Team, OutlivesAFork) {
  Team team(3);
  team.parallel(9, [](int, int) {});
  const pid_t child = fork();
  if (child == 0) {
    // The workers did not come along: the caller does their share, here and in a team of its own.
    std::atomic<int> n{0};
    team.parallel(16, [&](int, int) { n.fetch_add(1); });
    Team own(2);
    own.parallel(16, [&](int, int) { n.fetch_add(1); });
    _exit(n.load() == 32 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  team.parallel(9, [](int, int) {});
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
