// SPDX-License-Identifier: Apache-2.0
#include "base/shared_job.h"

#include <gtest/gtest.h>

#include <chrono>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

namespace ferry {
namespace {

using Parts = std::vector<int>;

TEST(SharedJob, OwnShareFromTheFrontThenOthersFromTheBack) {
  SharedJob job(3);
  job.set_threads(3);
  Parts ran;
  const auto push = [&](int part, int) { ran.push_back(part); };
  const JobRef record(push);
  job.publish(9, record, nullptr);
  job.finish();
  EXPECT_EQ(ran, (Parts{0, 1, 2, 5, 4, 3, 8, 7, 6}));
  ran.clear();
  job.publish(9, record, nullptr);
  job.help(2, job.current());
  EXPECT_EQ(ran, (Parts{6, 7, 8, 2, 1, 0, 5, 4, 3}));
  job.finish();
  EXPECT_EQ(ran.size(), 9U);
}

TEST(SharedJob, SharesAreTheSameInEveryJob) {
  for (int threads : {2, 3, 7}) {
    for (int parts : {1, 2, 5, 7, 100}) {
      SharedJob job(threads);
      job.set_threads(threads);
      for (int turn = 0; turn < 2; ++turn) {
        // What each thread begins with when the others have not come yet.
        for (int t = 0; t < threads; ++t) {
          Parts ran;
          const auto push = [&](int part, int) { ran.push_back(part); };
          const JobRef record(push);
          job.publish(parts, record, nullptr);
          if (t > 0) job.help(t, job.current());
          job.finish();
          ASSERT_EQ(ran.size(), static_cast<size_t>(parts));
          const int64_t from = int64_t{parts} * t / threads,
                        to = int64_t{parts} * (t + 1) / threads;
          Parts own(ran.begin(), ran.begin() + (to - from)), wanted(own.size());
          std::iota(wanted.begin(), wanted.end(), static_cast<int>(from));
          EXPECT_EQ(own, wanted) << threads << " threads, " << parts << " parts, thread " << t;
        }
      }
    }
  }
}

TEST(SharedJob, ClaimsForAnOldJobFail) {
  SharedJob job(4);
  job.set_threads(4);
  int old_runs = 0, new_runs = 0;
  const auto count_old = [&](int, int) { ++old_runs; };
  const auto count_new = [&](int, int) { ++new_runs; };
  const JobRef first(count_old), second(count_new);
  // Of two parts only two of the four shares have any: the others keep words of earlier jobs. A
  // few hundred jobs pass the point where generations begin anew.
  for (int i = 0; i < 300; ++i) {
    old_runs = new_runs = 0;
    job.publish(1 + i % 5, first, nullptr);
    const uint64_t old = job.current();
    job.finish();
    EXPECT_EQ(old_runs, 1 + i % 5);
    for (int t = 1; t < 4; ++t) job.help(t, old);
    job.publish(1 + i % 7, second, nullptr);
    for (int t = 1; t < 4; ++t) job.help(t, old);
    EXPECT_EQ(new_runs, 0);
    job.finish();
    for (int t = 1; t < 4; ++t) job.help(t, old);
    EXPECT_EQ(old_runs, 1 + i % 5);
    EXPECT_EQ(new_runs, 1 + i % 7);
    EXPECT_NE(job.current(), old);
  }
}

TEST(SharedJob, OtherSharesDoNotReopenTheLastJob) {
  SharedJob job(8);
  int runs = 0;
  const auto count = [&](int, int) { ++runs; };
  const JobRef ref(count);
  for (int threads : {2, 3, 8, 5, 2}) {
    job.set_threads(threads);
    for (int t = 1; t < threads; ++t) job.help(t, job.current());
    EXPECT_EQ(runs, 0);
    job.publish(3, ref, nullptr);
    job.finish();
    EXPECT_EQ(runs, 3);
    runs = 0;
  }
}

TEST(SharedJob, MorePartsThanClaims) {
  SharedJob job(2);
  job.set_threads(2);
  for (int parts : {65534, 65535, 65536, 200001}) {
    std::vector<uint8_t> hits(static_cast<size_t>(parts));
    const auto hit = [&](int part, int) { ++hits[static_cast<size_t>(part)]; };
    const JobRef count(hit);
    job.publish(parts, count, nullptr);
    job.help(1, job.current());
    job.finish();
    for (uint8_t h : hits) ASSERT_EQ(h, 1);
  }
}

// Helpers that come when they like, and now and then sleep through jobs.
TEST(SharedJob, EveryPartOnceUnderRaces) {
  constexpr int kThreads = 6, kJobs = 2000, kHelped = 500, kMaxParts = 24;
  SharedJob job(kThreads);
  job.set_threads(kThreads);
  std::atomic<bool> over{false};
  std::vector<std::thread> helpers;
  for (int t = 1; t < kThreads; ++t) {
    helpers.emplace_back([&, t] {
      std::mt19937 random(static_cast<unsigned>(t));
      while (!over.load(std::memory_order_relaxed)) {
        const uint64_t seen = job.current();
        if (random() % 64 == 0) {
          std::this_thread::sleep_for(std::chrono::microseconds(random() % 200));
        } else if (random() % 4 == 0) {
          std::this_thread::yield();
        }
        job.help(t, seen);  // an old job, sometimes
      }
    });
  }
  std::mt19937 random(99);
  std::atomic<int> helped{0};
  // On a busy machine helpers may hardly ever come: no longer than this.
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(3);
  for (int i = 0; i < kJobs || (helped < kHelped && std::chrono::steady_clock::now() < end); ++i) {
    const auto parts = static_cast<int>(1 + random() % kMaxParts);
    // Not atomic: the job hands its results over, as ThreadSanitizer can tell.
    std::vector<int> hits(static_cast<size_t>(parts));
    const auto hit = [&](int part, int thread) {
      ++hits[static_cast<size_t>(part)];
      if (thread > 0) helped.fetch_add(1, std::memory_order_relaxed);
      if (i % 50 == 0) std::this_thread::yield();
    };
    const JobRef count(hit);
    job.publish(parts, count, nullptr);
    job.finish();
    for (int h : hits) ASSERT_EQ(h, 1);
  }
  over = true;
  for (std::thread& t : helpers) t.join();
}

TEST(SharedJob, StoppedPartsAreLeftOut) {
  std::atomic<bool> cancel{false};
  const StopToken stop(&cancel, std::nullopt);
  SharedJob job(2);
  job.set_threads(2);
  int runs = 0;
  const auto run = [&](int, int) {
    ++runs;
    cancel = true;
  };
  const JobRef first_cancels(run);
  job.publish(10, first_cancels, &stop);
  job.help(1, job.current());
  job.finish();
  EXPECT_EQ(runs, 1);
}

}  // namespace
}  // namespace ferry
