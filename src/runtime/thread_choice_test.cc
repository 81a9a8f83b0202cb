// SPDX-License-Identifier: Apache-2.0
#include "runtime/thread_choice.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>
#include <vector>

#include "runtime/thread_tuner.h"

namespace ferry {
namespace {

using Times = std::map<int, double>;  // seconds of a run, by threads

// Runs until the tuner has decided; returns what that took.
double tune(ThreadTuner& tuner, const Times& times, double noise = 0) {
  std::mt19937 random(1);
  std::exponential_distribution<double> late(1);
  double seconds = 0;
  while (!tuner.decided()) {
    const double run = times.at(tuner.next()) * (1 + noise * late(random));
    seconds += run;
    tuner.record(run);
  }
  return seconds;
}

TEST(ThreadTuner, OneCpuNeedsNoTuning) {
  const ThreadTuner tuner(1, 1);
  EXPECT_TRUE(tuner.decided());
  EXPECT_EQ(tuner.best(), 1);
}

TEST(ThreadTuner, FindsTheFastestFromEitherSide) {
  for (int guess : {1, 2}) {
    ThreadTuner small(2, guess), large(2, guess);
    tune(small, {{1, 5e-6}, {2, 40e-6}});
    EXPECT_EQ(small.best(), 1);
    tune(large, {{1, 5e-3}, {2, 2.6e-3}});
    EXPECT_EQ(large.best(), 2);
    EXPECT_EQ(large.measured(), "1 thread 5.00 ms, 2 threads 2.60 ms");
  }
}

TEST(ThreadTuner, WalksAsFarAsItGetsFaster) {
  const Times times{{1, 8e-3}, {2, 4.2e-3}, {4, 2.4e-3}, {8, 1.9e-3}, {16, 2.6e-3}, {24, 3.1e-3}};
  for (int guess : {1, 2, 4, 8, 16, 24}) {
    ThreadTuner tuner(24, guess);
    tune(tuner, times);
    EXPECT_EQ(tuner.best(), 8) << "from " << guess;
  }
}

TEST(ThreadTuner, ATieGoesToFewerThreads) {
  for (int guess : {1, 2}) {
    ThreadTuner tuner(2, guess);
    tune(tuner, {{1, 1.01e-4}, {2, 1.0e-4}});
    EXPECT_EQ(tuner.best(), 1) << "from " << guess;
  }
}

TEST(ThreadTuner, NeverMoreThanFivePercentOffUnderNoise) {
  std::mt19937 random(7);
  std::uniform_real_distribution<double> exponent(-5.5, -2), ratio(0.5, 1.5);
  for (int i = 0; i < 200; ++i) {
    const double one = std::pow(10, exponent(random)), two = one * ratio(random);
    ThreadTuner tuner(2, 1 + i % 2);
    const double spent = tune(tuner, {{1, one}, {2, two}}, 0.1);
    EXPECT_LE(tuner.best() == 1 ? one : two, 1.05 * std::min(one, two)) << one << " " << two;
    EXPECT_LT(spent, 0.2);
  }
}

TEST(ThreadTuner, StoppedEarlyItWantsAClearLead) {
  ThreadTuner near(2, 2), clear(2, 2), unknown(2, 2);
  for (double seconds : {0.100, 0.097}) near.record(seconds);  // 2 threads, then 1
  near.stop();
  EXPECT_EQ(near.best(), 2);
  for (double seconds : {0.100, 0.060}) clear.record(seconds);
  clear.stop();
  EXPECT_EQ(clear.best(), 1);
  unknown.record(0.1);
  unknown.stop();
  EXPECT_EQ(unknown.best(), 2);
  EXPECT_EQ(unknown.measured(), "");
  EXPECT_TRUE(unknown.decided());
}

class ThreadChoiceTest : public ::testing::Test {
 protected:
  static std::vector<Value> of_size(int64_t n) {
    return {Tensor::allocate(DType::kFloat32, {n}, nullptr).value()};
  }
  // Runs on inputs of n elements until the choice is made; returns it.
  static int settle(ThreadChoice& choice, int64_t n, const Times& times, int guess) {
    const std::vector<Value> in = of_size(n);
    for (int i = 0; i < 2000; ++i) {
      const ThreadChoice::Run run = choice.begin(in);
      choice.end(run, times.at(run.threads), true, guess);
    }
    return choice.begin(in).threads;
  }
};

TEST_F(ThreadChoiceTest, FirstRunTakesAllThenItMeasures) {
  TuningBudget budget(std::chrono::milliseconds(200));
  ThreadChoice choice(2, budget);
  EXPECT_EQ(choice.threads(), 2);
  EXPECT_EQ(choice.reason(), "all CPUs, until the first run has ended");
  const ThreadChoice::Run run = choice.begin(of_size(5));
  EXPECT_TRUE(run.first);
  EXPECT_EQ(run.threads, 2);
  choice.end(run, 1e-3, true, 1);
  EXPECT_EQ(choice.threads(), 1);
  EXPECT_EQ(choice.reason(), "cost model, until enough runs are measured");
  EXPECT_EQ(settle(choice, 5, {{1, 10e-6}, {2, 6e-6}}, 1), 2);
  EXPECT_EQ(choice.reason(), "measured: 1 thread 10.0 us, 2 threads 6.0 us");
  EXPECT_TRUE(budget.left());
}

TEST_F(ThreadChoiceTest, WithoutABudgetTheModelDecides) {
  for (int guess : {1, 2}) {
    TuningBudget budget(std::chrono::milliseconds(0));
    ThreadChoice choice(2, budget);
    const Times slower{{guess, 2e-3}, {3 - guess, 1e-3}};
    EXPECT_EQ(settle(choice, 5, slower, guess), guess);
    EXPECT_EQ(choice.reason(), "cost model");
  }
}

TEST_F(ThreadChoiceTest, TheBudgetIsForAllSizes) {
  TuningBudget budget(std::chrono::milliseconds(200));
  ThreadChoice choice(2, budget);
  EXPECT_EQ(settle(choice, 8, {{1, 50e-3}, {2, 30e-3}}, 1), 2);
  EXPECT_FALSE(budget.left());
  EXPECT_EQ(settle(choice, 80, {{1, 50e-3}, {2, 30e-3}}, 1), 1);
}

TEST_F(ThreadChoiceTest, SizesHaveTheirOwnChoice) {
  TuningBudget budget(std::chrono::seconds(100));
  ThreadChoice choice(2, budget);
  const Times small{{1, 1e-5}, {2, 2e-5}}, large{{1, 4e-3}, {2, 2e-3}};
  EXPECT_EQ(settle(choice, 8, small, 2), 1);
  EXPECT_EQ(settle(choice, 5000, large, 1), 2);
  EXPECT_EQ(choice.begin(of_size(9)).threads, 1);
  EXPECT_EQ(choice.begin(of_size(6000)).threads, 2);
  // More sizes than are kept: the last ones share.
  for (int64_t n = 1; n < 1 << 20; n *= 2) {
    const int threads = settle(choice, n, small, 1);
    EXPECT_TRUE(threads == 1 || n >= 4096);
  }
}

TEST_F(ThreadChoiceTest, RunsBesideOthersDoNotCount) {
  TuningBudget budget(std::chrono::milliseconds(200));
  ThreadChoice choice(2, budget);
  const std::vector<Value> in = of_size(3);
  choice.end(choice.begin(in), 1e-3, true, 1);
  for (int i = 0; i < 2000; ++i) {
    const ThreadChoice::Run a = choice.begin(in), b = choice.begin(in);
    choice.end(a, 1e-6, true, 1);
    choice.end(b, 1e-6, true, 1);
    const ThreadChoice::Run failed = choice.begin(in);
    choice.end(failed, 1e-6, false, 1);
  }
  EXPECT_EQ(choice.reason(), "cost model, until enough runs are measured");
}

}  // namespace
}  // namespace ferry
