// SPDX-License-Identifier: Apache-2.0
// Out of memory at every allocation in turn, while three small models are loaded, planned and run:
// an error that says so, nothing leaked, and the next run is right.
#include <gtest/gtest.h>

#include <cstring>

#include "base/status.h"
#include "onnx/import.h"
#include "onnx/test_model.h"
#include "ops_cpu/kernels.h"
#include "runtime/engine.h"

namespace ferry {
namespace {

using namespace onnx::proto;  // NOLINT: the vocabulary of these tests

struct Sample {
  std::string name, model;
  std::vector<Value> inputs;
};

Tensor counted_up(DType dtype, const Dims& dims) {
  Tensor t = Tensor::allocate(dtype, dims).value();
  for (int64_t i = 0; i < t.count(); ++i) {
    if (dtype == DType::kFloat32)
      t.data<float>()[i] = static_cast<float>(i % 13) - 6;
    else
      t.data<int64_t>()[i] = i % 3;
  }
  return t;
}

std::string weights(const std::string& name, const std::vector<int64_t>& dims) {
  int64_t count = 1;
  for (int64_t d : dims) count *= d;
  std::vector<float> data;
  for (int64_t i = 0; i < count; ++i) data.push_back(static_cast<float>(i % 7) / 8);
  return tensor(name, dims, data);
}

// Packed weights, an arena, a folded constant, two kinds of step.
Sample picture() {
  return {"picture",
          model(graph(
              {.nodes = {node("Add", {"w0", "w0"}, {"w"}),
                         node("Conv", {"x", "w", "b"}, {"c"}, {ints_attr("pads", {1, 1, 1, 1})}),
                         node("Relu", {"c"}, {"r"}), node("GlobalAveragePool", {"r"}, {"p"}),
                         node("Flatten", {"p"}, {"f"}), node("MatMul", {"f", "m"}, {"y"})},
               .inputs = {value("x", {"N", "3", "H", "W"})},
               .outputs = {value("y", {"N", "5"}), value("r", {"N", "16", "H", "W"})},
               .initializers = {weights("w0", {16, 3, 3, 3}), weights("b", {16}),
                                weights("m", {16, 5})}})),
          {Value(counted_up(DType::kFloat32, {2, 3, 9, 7}))}};
}

// Sizes that depend on data: buffers of the pool.
Sample selection() {
  return {"selection",
          model(graph({.nodes = {node("NonZero", {"x"}, {"n"}), node("Transpose", {"n"}, {"t"}),
                                 node("GatherND", {"x", "t"}, {"g"}), node("Unique", {"g"}, {"u"}),
                                 node("Softmax", {"u"}, {"y"})},
                       .inputs = {value("x", {"N", "M"})},
                       .outputs = {value("y", {"K"}), value("n", {"2", "L"}, 7)}})),
          {Value(counted_up(DType::kFloat32, {6, 11}))}};
}

// A body with a sequence of its own, growing from turn to turn.
Sample loop() {
  const std::string body =
      graph({.nodes = {node("Identity", {"k"}, {"k2"}),
                       node("Concat", {"v", "x"}, {"v2"}, {int_attr("axis", 0)}),
                       node("Neg", {"x"}, {"s"})},
             .inputs = {value("i", {}, 7), value("k", {}, 9), value("v", {"A"})},
             .outputs = {value("k2", {}, 9), value("v2", {"B"}), value("s", {"N"})}});
  return {"loop",
          model(graph(
              {.nodes = {node("Loop", {"trips", "", "x"}, {"y", "z"}, {graph_attr("body", body)}),
                         node("ReduceSum", {"y", "axes"}, {"t"})},
               .inputs = {value("x", {"N"})},
               .outputs = {value("y", {"M"}), value("z", {"T", "N"}), value("t", {"1"})},
               .initializers = {int64_tensor_proto("trips", {}, {4}),
                                int64_tensor_proto("axes", {1}, {0})}})),
          {Value(counted_up(DType::kFloat32, {5}))}};
}

bool same(const std::vector<Value>& a, const std::vector<Value>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    const Tensor &s = a[i].tensor(), &t = b[i].tensor();
    if (s.describe() != t.describe()) return false;
    if (s.size_bytes() > 0 && std::memcmp(s.raw(), t.raw(), s.size_bytes()) != 0) return false;
  }
  return true;
}

struct Attempt {
  std::unique_ptr<Graph> graph;
  std::unique_ptr<Engine> engine;
  std::vector<Value> outputs;
};

// Loads, plans and runs as far as memory goes.
Status attempt(const Sample& sample, const std::shared_ptr<MemoryBudget>& budget, Attempt& a) {
  FERRY_ASSIGN_OR_RETURN(
      onnx::ImportedModel imported,
      onnx::import_bytes(bytes(sample.model), nullptr, {.budget = budget.get()}));
  a.graph = std::move(imported.graph);
  FERRY_ASSIGN_OR_RETURN(a.engine, Engine::create(*a.graph, {.threads = 2}, cpu_kernels(), budget));
  return a.engine->run(sample.inputs, a.outputs, {});
}

// True when the failure that was injected has happened: no later allocation fails.
bool fired(MemoryBudget& budget) {
  for (int i = 0; i < 2000; ++i) {
    if (!budget.reserve(0).ok()) return false;
  }
  return true;
}

class OutOfMemory : public testing::TestWithParam<Sample (*)()> {};

TEST_P(OutOfMemory, EveryAllocationMayFail) {
  const Sample sample = GetParam()();
  SCOPED_TRACE(sample.name);
  const auto plenty = MemoryBudget::create(64 << 20);
  Attempt right;
  const Status whole = attempt(sample, plenty, right);
  ASSERT_TRUE(whole.ok()) << whole.to_string();

  int recovered = 0;
  for (int n = 1;; ++n) {
    ASSERT_LT(n, 1000);
    const auto budget = MemoryBudget::create(64 << 20);
    bool reached = false;
    {
      Attempt a;
      budget->fail_after(n);
      const Status status = attempt(sample, budget, a);
      reached = fired(*budget);
      budget->fail_after(0);
      if (!reached) {
        EXPECT_TRUE(status.ok()) << status.to_string();
      }
      // A failure may be survived: a constant stays unfolded, idle buffers are freed.
      if (!status.ok()) {
        EXPECT_EQ(status.code(), Code::kOutOfMemory) << "allocation " << n << status.to_string();
        EXPECT_FALSE(status.message().empty());
      }
      if (a.engine) {
        ++recovered;
        const Status again = a.engine->run(sample.inputs, a.outputs, {});
        EXPECT_TRUE(again.ok()) << "after allocation " << n << " failed: " << again.to_string();
        EXPECT_TRUE(same(a.outputs, right.outputs)) << "after allocation " << n << " failed";
      }
    }
    EXPECT_EQ(budget->used(), 0U) << "after allocation " << n << " failed";
    if (!reached) break;
  }
  EXPECT_GE(recovered, 3);
}

// Memory that ends anywhere between nothing and enough.
TEST_P(OutOfMemory, EveryBudgetMayBeTooSmall) {
  const Sample sample = GetParam()();
  SCOPED_TRACE(sample.name);
  const auto plenty = MemoryBudget::create(64 << 20);
  Attempt right;
  ASSERT_TRUE(attempt(sample, plenty, right).ok());
  const uint64_t peak = plenty->peak();
  for (uint64_t limit = 1; limit <= peak + 64; limit += std::max<uint64_t>(peak / 150, 1)) {
    const auto budget = MemoryBudget::create(limit);
    {
      Attempt a;
      const Status status = attempt(sample, budget, a);
      EXPECT_LE(budget->peak(), limit);
      if (status.ok()) {
        EXPECT_TRUE(same(a.outputs, right.outputs));
      } else {
        EXPECT_EQ(status.code(), Code::kOutOfMemory) << status.to_string();
      }
    }
    EXPECT_EQ(budget->used(), 0U) << "of " << limit;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, OutOfMemory, testing::Values(picture, selection, loop));

// A model that needs more than its budget says so before it takes anything.
TEST(MemoryLimit, IsSaidBeforeMemoryIsTaken) {
  const Sample sample = picture();
  const auto imported = onnx::import_bytes(bytes(sample.model), nullptr);
  ASSERT_TRUE(imported.ok());
  auto engine = Engine::create(*imported->graph, {.threads = 1, .memory_limit_bytes = 1 << 20},
                               cpu_kernels());
  ASSERT_TRUE(engine.ok()) << engine.status().to_string();
  std::vector<Value> outputs;
  const std::vector<Value> large = {Value(counted_up(DType::kFloat32, {1, 3, 300, 300}))};
  const Status status = (*engine)->run(large, outputs, {});
  EXPECT_EQ(status.code(), Code::kOutOfMemory);
  EXPECT_NE(status.message().find("of the budget of 1048576"), std::string::npos)
      << status.message();
  EXPECT_NE(status.message().find("raise the memory limit"), std::string::npos);
  EXPECT_TRUE((*engine)->run(sample.inputs, outputs, {}).ok());
}

}  // namespace
}  // namespace ferry
