// SPDX-License-Identifier: Apache-2.0
#include "runtime/growing_buffer.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

namespace ferry {
namespace {

TEST(GrowingBuffer, KeepsItsMemoryUntilMoreIsWanted) {
  const auto budget = MemoryBudget::create(1 << 20);
  GrowingBuffer buffer;
  for (const size_t bytes : {size_t{100}, size_t{70000}, size_t{300000}}) {
    ASSERT_TRUE(buffer.reserve(bytes, budget.get()).ok());
    void* const data = buffer.data();
    EXPECT_EQ(reinterpret_cast<uintptr_t>(data) % 64, 0u);
    std::memset(data, 1, bytes);
    ASSERT_TRUE(buffer.reserve(bytes / 2, budget.get()).ok());
    EXPECT_EQ(buffer.data(), data);
    EXPECT_EQ(buffer.size(), bytes);
    EXPECT_GE(budget->used(), bytes);
    EXPECT_LT(budget->used(), bytes + 4096) << "what it held before counts no more";
  }
}

TEST(GrowingBuffer, IsEmptyAfterAnError) {
  const auto budget = MemoryBudget::create(1 << 20);
  GrowingBuffer buffer;
  ASSERT_TRUE(buffer.reserve(100, budget.get()).ok());
  EXPECT_EQ(buffer.reserve(2 << 20, budget.get()).code(), Code::kOutOfMemory);
  EXPECT_EQ(buffer.data(), nullptr);
  EXPECT_EQ(buffer.size(), 0u);
  EXPECT_EQ(budget->used(), 0u);
  EXPECT_TRUE(buffer.reserve(100, budget.get()).ok());
}

}  // namespace
}  // namespace ferry
