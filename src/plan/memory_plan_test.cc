// SPDX-License-Identifier: Apache-2.0
#include "plan/memory_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace ferry {
namespace {

struct Random {
  std::mt19937 engine;
  int64_t below(int64_t n) { return std::uniform_int_distribution<int64_t>(0, n - 1)(engine); }
};

// Buffers of `constant` or `symbol` elements each, as networks have them: made by one step, read by
// the next, some kept longer.
MemoryPlan random_plan(Random& random, uint32_t steps, DimTable& dims) {
  MemoryPlan plan;
  dims.declare_input_symbol("n");
  for (uint32_t s = 0; s < steps; ++s) {
    PlannedBuffer b;
    const Dim rows = random.below(2) == 0 ? Dim::symbol("n") : Dim(1 + random.below(100));
    const Dim columns(16 * (1 + random.below(64)));
    b.count = rows * columns;
    b.dims = {dims.add(rows), dims.add(columns)};
    b.bits = 32;
    b.first_step = s;
    b.last_step = s + 1 + static_cast<uint32_t>(random.below(5) == 0 ? random.below(steps) : 0);
    b.last_step = std::min(b.last_step, steps);
    plan.add(std::move(b));
  }
  return plan;
}

std::vector<int64_t> sizes_at(const DimTable& dims, int64_t n) {
  std::vector<int64_t> sizes;
  EXPECT_TRUE(dims.evaluate(std::span(&n, 1), sizes).ok());
  return sizes;
}

uint64_t bytes_of(const PlannedBuffer& b, const std::vector<int64_t>& sizes) {
  return (static_cast<uint64_t>(sizes[b.dims[0]] * sizes[b.dims[1]]) * 4 + 63) / 64 * 64;
}

bool overlap(const PlannedBuffer& a, const PlannedBuffer& b) {
  return a.first_step <= b.last_step && b.first_step <= a.last_step;
}

// Bytes alive at the fullest step.
uint64_t least_bytes(const MemoryPlan& plan, const std::vector<int64_t>& sizes) {
  uint64_t most = 0;
  for (const PlannedBuffer& at : plan.buffers()) {
    uint64_t sum = 0;
    for (const PlannedBuffer& b : plan.buffers()) {
      if (b.first_step <= at.first_step && at.first_step <= b.last_step) sum += bytes_of(b, sizes);
    }
    most = std::max(most, sum);
  }
  return most;
}

TEST(MemoryPlan, BuffersAliveTogetherLieApartAtAnySize) {
  for (uint32_t seed = 0; seed < 40; ++seed) {
    Random random{std::mt19937(seed)};
    DimTable dims;
    MemoryPlan plan = random_plan(random, 30, dims);
    plan.solve({sizes_at(dims, 64), sizes_at(dims, 1)});
    for (int64_t n : {0, 1, 7, 64, 500}) {
      const std::vector<int64_t> sizes = sizes_at(dims, n);
      std::vector<uint64_t> offsets;
      uint64_t total = 0;
      ASSERT_TRUE(plan.place(sizes, offsets, total).ok());
      for (size_t i = 0; i < offsets.size(); ++i) {
        const PlannedBuffer& a = plan.buffers()[i];
        EXPECT_LE(offsets[i] + bytes_of(a, sizes), total);
        for (size_t j = 0; j < i; ++j) {
          const PlannedBuffer& b = plan.buffers()[j];
          EXPECT_TRUE(!overlap(a, b) || offsets[i] >= offsets[j] + bytes_of(b, sizes) ||
                      offsets[j] >= offsets[i] + bytes_of(a, sizes))
              << "buffers " << i << " and " << j << " of seed " << seed << " at n = " << n;
        }
      }
    }
  }
}

// Chains of a few branches: the arena is what is alive at once.
TEST(MemoryPlan, ArenaIsHardlyLargerThanWhatIsAlive) {
  double sum = 0;
  constexpr int kPlans = 60;
  for (uint32_t seed = 0; seed < kPlans; ++seed) {
    Random random{std::mt19937(seed)};
    DimTable dims;
    MemoryPlan plan = random_plan(random, 40, dims);
    const std::vector<int64_t> sizes = sizes_at(dims, 64);
    plan.solve({sizes});
    std::vector<uint64_t> offsets;
    uint64_t total = 0;
    ASSERT_TRUE(plan.place(sizes, offsets, total).ok());
    const uint64_t least = least_bytes(plan, sizes);
    EXPECT_GE(total, least);
    EXPECT_LE(static_cast<double>(total), 1.1 * static_cast<double>(least)) << "seed " << seed;
    sum += static_cast<double>(total) / static_cast<double>(least);
  }
  EXPECT_LE(sum / kPlans, 1.02);
}

MemoryPlan many(uint32_t count, uint32_t life, DimTable& dims) {
  MemoryPlan plan;
  for (uint32_t s = 0; s < count; ++s) {
    PlannedBuffer b;
    b.count = Dim(64 * (1 + s % 7));
    b.dims = {dims.add(b.count), dims.add(Dim(1))};
    b.bits = 32;
    b.first_step = s;
    b.last_step = std::min(count, s + life);
    plan.add(std::move(b));
  }
  return plan;
}

// None is compared with all others: that would take minutes and gigabytes.
TEST(MemoryPlan, OfManyBuffers) {
  for (const uint32_t life : {1u, 30u, 5000u, 100'000u}) {
    DimTable dims;
    MemoryPlan plan = many(100'000, life, dims);
    const std::vector<int64_t> sizes = sizes_at(dims, 1);
    plan.solve({sizes});
    size_t edges = 0;
    for (const PlannedBuffer& b : plan.buffers()) edges += b.above.size();
    EXPECT_LE(edges, 3u * plan.buffers().size());
    std::vector<uint64_t> offsets;
    uint64_t total = 0;
    ASSERT_TRUE(plan.place(sizes, offsets, total).ok());
    uint64_t alive = 0, most = 0;
    for (uint32_t s = 0; s < plan.buffers().size(); ++s) {
      alive += bytes_of(plan.buffers()[s], sizes);
      if (s > life) alive -= bytes_of(plan.buffers()[s - life - 1], sizes);
      most = std::max(most, alive);
    }
    EXPECT_GE(total, most);
    EXPECT_LE(static_cast<double>(total), 1.25 * static_cast<double>(most)) << "life " << life;
    EXPECT_EQ(plan.formula(), std::to_string(most)) << "life " << life;
  }
}

TEST(MemoryPlan, OfNothing) {
  MemoryPlan plan;
  plan.solve({{}});
  std::vector<uint64_t> offsets;
  uint64_t total = 1;
  ASSERT_TRUE(plan.place({}, offsets, total).ok());
  EXPECT_EQ(total, 0u);
  EXPECT_EQ(plan.formula(), "0");
}

}  // namespace
}  // namespace ferry
