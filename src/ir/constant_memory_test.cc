// SPDX-License-Identifier: Apache-2.0
#include "ir/constant_memory.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/allocator.h"

namespace ferry {
namespace {

// Two floats that lie `offset` bytes into `storage`, which is aligned.
Tensor view(std::byte* storage, size_t offset, float first) {
  const float values[] = {first, first + 1};
  std::memcpy(storage + offset, values, sizeof(values));
  return Tensor::borrow(DType::kFloat32, {2}, storage + offset);
}

TEST(ConstantMemory, CopiesWhatIsNotAlignedOnce) {
  alignas(64) std::byte storage[64];
  Graph graph;
  const ValueId even = graph.add_constant(view(storage, 4, 1));
  const Tensor crooked = view(storage, 17, 5);
  const ValueId odd = graph.add_constant(crooked);
  const ValueId same = graph.add_constant(crooked.reshaped({1, 2}));
  const auto budget = MemoryBudget::create(1 << 20);
  ASSERT_TRUE(align_constants(graph, budget.get()).ok());
  EXPECT_EQ(graph.value(even).constant->raw(), storage + 4);
  const Tensor& t = *graph.value(odd).constant;
  EXPECT_EQ(reinterpret_cast<uintptr_t>(t.raw()) % 4, 0u);
  EXPECT_EQ(t.data<float>()[0], 5);
  EXPECT_EQ(t.data<float>()[1], 6);
  EXPECT_EQ(graph.value(same).constant->raw(), t.raw());
  EXPECT_EQ(graph.value(same).constant->dims(), Dims({1, 2}));
  EXPECT_EQ(budget->used(), 64u);
}

TEST(ConstantMemory, MemoryThatIsMissingIsAnError) {
  alignas(64) std::byte storage[64];
  Graph graph;
  graph.add_constant(view(storage, 3, 1));
  const auto budget = MemoryBudget::create(8);
  EXPECT_EQ(align_constants(graph, budget.get()).code(), Code::kOutOfMemory);
}

}  // namespace
}  // namespace ferry
