// SPDX-License-Identifier: Apache-2.0
#include "runtime/buffer_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <thread>

namespace ferry {
namespace {

class BufferPoolTest : public ::testing::Test {
 protected:
  std::shared_ptr<MemoryBudget> budget = MemoryBudget::create(uint64_t{1} << 30);
  std::shared_ptr<BufferPool> pool = std::make_shared<BufferPool>(budget.get());

  std::shared_ptr<void> take(size_t bytes) {
    auto r = pool->take(bytes);
    EXPECT_TRUE(r.ok());
    return *std::move(r);
  }
};

TEST_F(BufferPoolTest, ReturnsWithTheLastOwnerAndIsLentAgain) {
  std::shared_ptr<void> a = take(1000);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(a.get()) % 64, 0u);
  void* const where = a.get();
  std::shared_ptr<void> copy = a;
  a.reset();
  EXPECT_EQ(pool->idle_bytes(), 0u);
  copy.reset();
  EXPECT_GE(pool->idle_bytes(), 1000u);
  EXPECT_EQ(take(990).get(), where);
}

TEST_F(BufferPoolTest, AnObserverKeepsTheBlockButNotTheData) {
  std::weak_ptr<void> observer;
  {
    const std::shared_ptr<void> a = take(1000);
    observer = a;
  }
  EXPECT_TRUE(observer.expired());
  EXPECT_EQ(pool->idle_bytes(), 0u);  // its control block is still looked at
  observer.reset();
  EXPECT_GT(pool->idle_bytes(), 0u);
}

TEST_F(BufferPoolTest, TheSmallestThatFitsIsTaken) {
  std::shared_ptr<void> large = take(4000), small = take(2200);
  void *const l = large.get(), *const s = small.get();
  large.reset();
  small.reset();
  const auto a = take(2100), b = take(2100);
  EXPECT_EQ(a.get(), s);
  EXPECT_EQ(b.get(), l);
  const auto c = take(100);  // would waste most of a larger one
  EXPECT_NE(c.get(), l);
}

TEST_F(BufferPoolTest, SurvivesThePool) {
  std::shared_ptr<void> a = take(1 << 20);
  pool.reset();
  static_cast<char*>(a.get())[0] = 1;
  EXPECT_GT(budget->used(), 0u);
  a.reset();
  EXPECT_EQ(budget->used(), 0u);
}

TEST_F(BufferPoolTest, HoldsNoMoreThanTheLargestRunHasUsed) {
  std::mt19937 random(1);
  const auto run = [&](size_t n) {
    const BufferPool::Run mark(*pool);
    const auto a = take(n), b = take(n / 2 + 1);
    take(n / 3 + 1);
    const auto c = take(n / 3 + 1);
  };
  for (int i = 0; i < 1000; ++i) run(1 + random() % 1000000);
  run(1000000);
  const size_t held = pool->idle_bytes();
  EXPECT_EQ(pool->lent_bytes(), 0u);
  // The same as one run at the largest size alone.
  pool = std::make_shared<BufferPool>(budget.get());
  run(1000000);
  EXPECT_LE(held, pool->idle_bytes());
}

TEST_F(BufferPoolTest, WhatCallersKeptForLongIsNotKeptForAnother) {
  std::vector<std::shared_ptr<void>> kept;
  for (int i = 0; i < 100; ++i) {
    const BufferPool::Run mark(*pool);
    kept.push_back(take(10000));
  }
  kept.clear();
  EXPECT_LE(pool->idle_bytes(), 10u * 12000);
}

TEST_F(BufferPoolTest, IdleMemoryGivesWayToTheBudget) {
  const auto tight = MemoryBudget::create(1 << 20);
  pool = std::make_shared<BufferPool>(tight.get());
  take(700000);
  EXPECT_TRUE(pool->take(900000).ok());
  auto r = pool->take(2 << 20);
  ASSERT_FALSE(r.ok());
  EXPECT_EQ(r.status().code(), Code::kOutOfMemory);
  EXPECT_EQ(pool->lent_bytes(), 0u);
  // Not what it is rounded up to.
  r = pool->take(2100001);
  ASSERT_FALSE(r.ok());
  EXPECT_TRUE(r.status().message().starts_with("2100001 bytes wanted, 0 of the budget of 1048576"))
      << r.status().to_string();
  EXPECT_TRUE(pool->take(900000).ok());
}

TEST_F(BufferPoolTest, ThreadsTakeAndGiveBack) {
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      std::mt19937 random(t);
      for (int i = 0; i < 500; ++i) {
        const BufferPool::Run mark(*pool);
        const size_t n = 1 + random() % 5000;
        const auto a = pool->take(n).value();
        std::fill_n(static_cast<char*>(a.get()), n, static_cast<char>(t));
        const auto b = pool->take(100).value();
        EXPECT_EQ(static_cast<char*>(a.get())[n - 1], static_cast<char>(t));
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(pool->lent_bytes(), 0u);
  pool->trim();
  EXPECT_EQ(pool->idle_bytes(), 0u);
  EXPECT_EQ(budget->used(), 0u);
}

}  // namespace
}  // namespace ferry
