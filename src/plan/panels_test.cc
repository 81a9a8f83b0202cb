// SPDX-License-Identifier: Apache-2.0
#include "plan/panels.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/allocator.h"
#include "ir/graph.h"
#include "ops/registry.h"

namespace ferry {
namespace {

constexpr int64_t kFloats = 1 << 18;
constexpr size_t kBytes = kFloats * sizeof(float);

// A node with `n` constants, each full of its own number.
struct Weights {
  explicit Weights(int n) {
    Node node;
    node.op = make_op("Sum");
    for (int i = 0; i < n; ++i) {
      Tensor t = Tensor::allocate(DType::kFloat32, {kFloats}).value();
      for (int64_t k = 0; k < kFloats; ++k) t.data<float>()[k] = static_cast<float>(i);
      node.inputs.push_back(graph.add_constant(std::move(t)));
    }
    node.outputs = {graph.add_value("y")};
    id = graph.add_node(std::move(node));
  }

  PanelPtr add(PanelStore& store, size_t input) const {
    const KernelRequest request{.graph = graph, .node = graph.node(id), .id = id};
    return store
        .add(request, input, "copy", kBytes,
             [](const Tensor& from, void* to) { std::memcpy(to, from.raw(), kBytes); })
        .value();
  }

  Graph graph;
  NodeId id = kNone;
};

TEST(Panels, CountOneByOneAsTheyArePacked) {
  const Weights weights(3);
  const auto budget = MemoryBudget::create(3 * kBytes);
  std::vector<PanelPtr> panels;
  {
    PanelStore store;
    for (size_t i = 0; i < 3; ++i) panels.push_back(weights.add(store, i));
    ASSERT_TRUE(store.pack(2, budget.get()).ok());
  }
  EXPECT_EQ(budget->used(), 3 * kBytes);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(panels[i]->data()) % kAlignment, 0u);
    EXPECT_EQ(panels[i]->floats()[0], static_cast<float>(i));
    EXPECT_EQ(panels[i]->floats()[kFloats - 1], static_cast<float>(i));
  }
  panels.pop_back();
  EXPECT_EQ(budget->used(), 2 * kBytes);
  EXPECT_EQ(panels[0]->floats()[kFloats - 1], 0.0f);
}

TEST(Panels, OfOneConstantAreShared) {
  Weights weights(2);
  weights.graph.value(weights.graph.node(weights.id).inputs[1]).constant =
      weights.graph.value(weights.graph.node(weights.id).inputs[0]).constant;
  PanelStore store;
  const PanelPtr a = weights.add(store, 0), b = weights.add(store, 1);
  EXPECT_EQ(a, b);
  EXPECT_EQ(store.panels().size(), 2u);
  EXPECT_EQ(store.shared_bytes(), kBytes);
  const KernelRequest request{
      .graph = weights.graph, .node = weights.graph.node(weights.id), .id = weights.id};
  const auto copy = [](const Tensor& from, void* to) { std::memcpy(to, from.raw(), kBytes); };
  EXPECT_NE(store.add(request, 0, "other", kBytes, copy).value(), a);
  EXPECT_NE(store.add(request, 0, "copy", kBytes, copy, PanelStore::Contents::kOwn).value(), a);
  const auto budget = MemoryBudget::create(3 * kBytes);
  ASSERT_TRUE(store.pack(2, budget.get()).ok());
  EXPECT_EQ(budget->used(), 3 * kBytes);
}

TEST(Panels, BeyondTheBudgetNothingStaysCounted) {
  const Weights weights(3);
  const auto budget = MemoryBudget::create(3 * kBytes - 1);
  {
    PanelStore store;
    for (size_t i = 0; i < 3; ++i) weights.add(store, i);
    const Status status = store.pack(1, budget.get());
    EXPECT_EQ(status.code(), Code::kOutOfMemory);
    EXPECT_EQ(budget->used(), 2 * kBytes);
  }
  EXPECT_EQ(budget->used(), 0u);
}

}  // namespace
}  // namespace ferry
