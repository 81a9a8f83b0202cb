// SPDX-License-Identifier: Apache-2.0
// A warm run allocates nothing: operator new is counted over models of the common steps.
#include <atomic>
#include <cstdlib>
#include <new>

#include "ops/image/resize.h"
#include "ops/nn/attention.h"
#include "ops/nn/conv.h"
#include "ops/nn/layer_normalization.h"
#include "ops/nn/pool.h"
#include "ops/registry.h"
#include "ops/tensor/concat.h"
#include "ops/tensor/gather.h"
#include "ops/tensor/split.h"
#include "ops/tensor/transpose.h"
#include "ops_cpu/kernels.h"
#include "runtime/run_tester.h"

namespace {

std::atomic<bool> counting{false};
std::atomic<int> allocations{0};

void* counted(std::size_t bytes, std::size_t alignment) {
  if (counting.load(std::memory_order_relaxed)) allocations.fetch_add(1);
  void* p = alignment > alignof(std::max_align_t)
                ? std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment)
                : std::malloc(bytes == 0 ? 1 : bytes);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}

}  // namespace

void* operator new(std::size_t n) { return counted(n, 1); }
void* operator new[](std::size_t n) { return counted(n, 1); }
void* operator new(std::size_t n, std::align_val_t a) {
  return counted(n, static_cast<std::size_t>(a));
}
void* operator new[](std::size_t n, std::align_val_t a) {
  return counted(n, static_cast<std::size_t>(a));
}
// Not inlined: gcc would see a free() of what it takes for the standard operator new.
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete[](void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t, std::align_val_t) noexcept {
  std::free(p);
}
[[gnu::noinline]] void operator delete[](void* p, std::size_t, std::align_val_t) noexcept {
  std::free(p);
}

namespace ferry {
namespace {

class AllocationTest : public ::testing::Test, public RunTester {
 protected:
  // Warm runs with outputs in the caller's memory must allocate nothing. Only the first one that
  // gets a second thread may: on a busy machine that can be any.
  void expect_none(const std::map<std::string, int64_t>& sizes = {}) {
    for (const int threads : {1, 2}) {
      auto made = Engine::create(graph, {.threads = threads}, cpu_kernels());
      ASSERT_TRUE(made.ok()) << made.status().to_string();
      const std::vector<Value> in = inputs(sizes);
      std::vector<Value> out;
      for (int i = 0; i < 5; ++i) {
        const Status s = (*made)->run(in, out, {});
        ASSERT_TRUE(s.ok()) << s.to_string();
      }
      std::vector<std::vector<char>> memory;
      for (Value& v : out) {
        Tensor& t = v.tensor();
        memory.emplace_back(t.size_bytes() + 1);
        t = Tensor::borrow(t.dtype(), t.dims(), static_cast<void*>(memory.back().data()));
      }
      std::vector<const void*> where;
      for (const Value& v : out) where.push_back(v.tensor().raw());
      ASSERT_TRUE((*made)->run(in, out, {}).ok());
      int allocating_runs = 0;
      for (int i = 0; i < 10; ++i) {
        allocations = 0;
        counting = true;
        const Status s = (*made)->run(in, out, {});
        counting = false;
        ASSERT_TRUE(s.ok());
        allocating_runs += allocations.load() > 0;
      }
      EXPECT_LE(allocating_runs, threads - 1) << "with " << threads << " threads";
      for (size_t i = 0; i < out.size(); ++i) EXPECT_EQ(out[i].tensor().raw(), where[i]);
    }
  }

  ValueId conv(ValueId x, const Dims& w, int64_t group, const Dims& pads) {
    Conv op;
    op.group = group;
    op.pads.assign(pads.begin(), pads.end());
    return node(make_op("Conv", op), {x, weights(w), weights({w[0]})});
  }
};

TEST_F(AllocationTest, Convolutions) {
  const ValueId x = input({Dim::symbol("n"), 3, Dim::symbol("h"), Dim::symbol("w")});
  const ValueId a = unary("Relu", conv(x, {16, 3, 3, 3}, 1, {1, 1, 1, 1}));
  const ValueId b = unary("HardSwish", conv(a, {16, 1, 3, 3}, 16, {1, 1, 1, 1}));
  const ValueId c = binary("Add", conv(b, {16, 16, 1, 1}, 1, {0, 0, 0, 0}), a);
  const ValueId d = unary("Sigmoid", conv(c, {16, 16, 3, 3}, 1, {1, 1, 1, 1}));
  Pool pool;
  pool.kernel_shape = {2, 2};
  pool.strides = {2, 2};
  const ValueId e = node(make_op("MaxPool", pool), {d});
  Resize resize;
  resize.mode = "linear";
  const ValueId f =
      node(make_op("Resize", resize), {e, kNone, constant({4}, {1.0f, 1.0f, 2.0f, 2.0f})});
  output(f);
  output(unary("GlobalAveragePool", f));
  expect_none({{"n", 1}, {"h", 32}, {"w", 24}});
}

TEST_F(AllocationTest, MatrixProductsAndNormalisation) {
  const ValueId x = input({Dim::symbol("n"), Dim::symbol("s"), 32});
  const ValueId n =
      node(make_op("LayerNormalization", LayerNormalization{}), {x, weights({32}), weights({32})});
  const ValueId h =
      unary("Gelu", binary("Add", binary("MatMul", n, weights({32, 64})), weights({64})));
  const ValueId y = binary("Add", binary("MatMul", h, weights({64, 32})), x);
  const ValueId scores = binary("MatMul", y, node(make_op("Transpose", Transpose{{0, 2, 1}}), {y}));
  output(unary("Softmax", binary("Mul", scores, scalar(0.25f))));
  output(binary("Mul", y, weights({32})));
  expect_none({{"n", 2}, {"s", 24}});
}

TEST_F(AllocationTest, AttentionWithAGrowingCache) {
  const ValueId q = input({1, 4, Dim::symbol("step"), 16});
  const ValueId k = input({1, 4, Dim::symbol("step"), 16});
  const ValueId v = input({1, 4, Dim::symbol("step"), 16});
  const ValueId past_k = input({1, 4, Dim::symbol("past"), 16});
  const ValueId past_v = input({1, 4, Dim::symbol("past"), 16});
  Attention op;
  op.is_causal = true;
  for (ValueId y : node(make_op("Attention", op), {q, k, v, kNone, past_k, past_v}, 3)) output(y);
  expect_none({{"step", 1}, {"past", 12}});
  expect_none({{"step", 8}, {"past", 0}});
}

TEST_F(AllocationTest, Movers) {
  const ValueId x = input({Dim::symbol("n"), 6, 8});
  const auto parts = node(make_op("Split", Split{1, 2}), {x}, 2);
  const ValueId s =
      node(make_op("Slice"), {parts[0], ints({1, 0}), ints({3, 8}), ints({1, 2}), ints({1, 2})});
  const ValueId p = node(make_op("Pad"), {s, ints({0, 1, 0, 0, 0, 4}), scalar(1)});
  const ValueId c = node(make_op("Concat", Concat{1}), {p, parts[1]});
  const ValueId t = node(make_op("Transpose", Transpose{{2, 0, 1}}), {c});
  const ValueId g = node(make_op("Gather", Gather{0}), {t, ints({3, 1, -1})});
  const ValueId e =
      node(make_op("Expand"), {node(make_op("ReduceMean"), {g, ints({1})}), ints({1, 5, 1})});
  output(node(make_op("ReduceMax"), {e, ints({-1})}));
  output(node(make_op("Reshape"), {g, ints({-1})}));
  output(node(make_op("Tile"), {t, ints({1, 2, 1})}));
  expect_none({{"n", 3}});
}

// Sizes that depend on data come from the pool, which gives the same buffers to every run.
TEST_F(AllocationTest, SizesThatDependOnData) {
  const ValueId x = input({Dim::symbol("n")});
  const ValueId rows = unary("NonZero", x);
  const ValueId y = node(make_op("Gather", Gather{0}), {x, rows});
  output(unary("Relu", binary("Add", y, y)));
  auto made = Engine::create(graph, {.threads = 1}, cpu_kernels());
  ASSERT_TRUE(made.ok());
  const std::vector<Value> in = inputs({{"n", 100}});
  std::vector<Value> out;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE((*made)->run(in, out, {}).ok());
  const size_t used = (*made)->report().used_bytes;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE((*made)->run(in, out, {}).ok());
  EXPECT_EQ((*made)->report().used_bytes, used);
}

}  // namespace
}  // namespace ferry
