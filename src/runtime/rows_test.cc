// SPDX-License-Identifier: Apache-2.0
// Concat, Split and Slice of the last axis (channels, once images are channels-last): parts of rows
// share the memory of whole rows.
#include <random>

#include "ops/nn/conv.h"
#include "ops/nn/conv_transpose.h"
#include "ops/nn/pool.h"
#include "ops/registry.h"
#include "ops/tensor/concat.h"
#include "ops/tensor/split.h"
#include "runtime/run_tester.h"

namespace ferry {
namespace {

// Builds rows [.., columns] with products, which take and write rows that lie apart.
class Rows : public RunTester {
 public:
  ValueId product(ValueId x, int64_t columns) {
    const int64_t k = graph.value(x).type.shape->back().constant();
    return node(make_op("MatMul"), {x, weights({k, columns})});
  }
  std::vector<ValueId> split(ValueId x, std::vector<int64_t> sizes) {
    const size_t n = sizes.size();
    return node(make_op("Split", Split{-1, std::nullopt}), {x, ints(std::move(sizes))}, n);
  }
  ValueId slice(ValueId x, int64_t start, int64_t end) {
    return node(make_op("Slice"), {x, ints({start}), ints({end}), ints({-1})});
  }
  ValueId concat(std::vector<ValueId> parts, int64_t axis = -1) {
    return node(make_op("Concat", Concat{axis}), std::move(parts));
  }
  ValueId soft(ValueId x) { return unary("Softmax", x); }
  ValueId silu(ValueId x) { return unary("Swish", x); }
};

class RowsTest : public ::testing::Test, public Rows {};

TEST_F(RowsTest, PartsAreComputedWhereTheyBelong) {
  const ValueId x = input({Dim::symbol("n"), 5});
  output(soft(concat({product(x, 3), silu(product(x, 17)), product(x, 1)})));
  for (const int64_t n : {0, 1, 2, 40}) check({{"n", n}}, 1e-5);
  EXPECT_EQ(steps(), "gemm_f32 gemm_f32 gemm_f32 view softmax_f32");
}

TEST_F(RowsTest, PartsOfAnOutputToo) {
  const ValueId x = input({2, Dim::symbol("n"), 5});
  output(concat({product(x, 3), x, product(x, 4)}));
  for (const int64_t n : {0, 1, 7}) check({{"n", n}}, 1e-5);
  EXPECT_EQ(steps(), "gemm_f32 gemm_f32 concat");
}

TEST_F(RowsTest, SplitAndSliceAreSeenWhereTheyLie) {
  const ValueId x = input({Dim::symbol("n"), 5});
  const ValueId h = product(x, 12);
  const auto parts = split(h, {4, 8});
  output(soft(binary("Add", product(parts[0], 6), product(parts[1], 6))));
  output(soft(product(slice(x, 1, 4), 2)));
  for (const int64_t n : {0, 1, 9}) check({{"n", n}}, 1e-5);
  EXPECT_EQ(steps().find("split"), std::string::npos) << steps();
  EXPECT_EQ(steps().find("slice"), std::string::npos) << steps();
}

TEST_F(RowsTest, OtherReadersKeepTheirRowsTogether) {
  const ValueId x = input({Dim::symbol("n"), 5});
  const auto parts = split(product(x, 12), {4, 8});
  output(soft(parts[0]));
  output(soft(product(parts[1], 3)));
  const ValueId part = product(x, 4);
  output(soft(concat({part, product(x, 4)})));
  output(soft(part));
  for (const int64_t n : {1, 9}) check({{"n", n}}, 1e-5);
}

// What a C2f block does: both halves, and what is made of the second, side by side.
TEST_F(RowsTest, PiecesAndWhatIsMadeOfThemInOneConcat) {
  const ValueId x = input({Dim::symbol("n"), 5});
  const auto halves = split(silu(product(x, 16)), {8, 8});
  const ValueId a = binary("Add", silu(product(silu(product(halves[1], 8)), 8)), halves[1]);
  const ValueId b = binary("Add", silu(product(silu(product(a, 8)), 8)), a);
  output(soft(product(concat({halves[0], halves[1], a, b}), 7)));
  for (const int64_t n : {0, 1, 33}) check({{"n", n}}, 1e-5);
  EXPECT_EQ(steps().find("concat"), std::string::npos) << steps();
  EXPECT_EQ(steps().find("split"), std::string::npos) << steps();
}

TEST_F(RowsTest, NestedAndRepeated) {
  const ValueId x = input({Dim::symbol("n"), 5});
  const ValueId p = product(x, 3), q = product(x, 4);
  const ValueId inner = concat({p, q});
  const ValueId outer = concat({product(inner, 2), inner, p, p});
  output(soft(product(outer, 3)));
  output(soft(product(inner, 3)));
  for (const int64_t n : {0, 1, 6}) check({{"n", n}}, 1e-5);
}

TEST_F(RowsTest, PiecesInAnotherOrderAreCopied) {
  const ValueId x = input({Dim::symbol("n"), 5});
  const auto halves = split(product(x, 8), {4, 4});
  output(soft(concat({halves[1], halves[0]})));
  output(soft(concat({halves[0], product(x, 2)})));
  for (const int64_t n : {1, 6}) check({{"n", n}}, 1e-5);
}

// A dense block: every layer reads all that came before, which lies in the last Concat's memory.
TEST_F(RowsTest, DenseBlock) {
  ValueId all = product(input({Dim::symbol("n"), 5}), 6);
  for (int i = 0; i < 4; ++i) {
    const int64_t columns = graph.value(all).type.shape->back().constant();
    const ValueId scaled = binary("Mul", all, weights({columns}));
    const ValueId layer = product(unary("Relu", scaled), 4);
    all = concat({all, layer});
  }
  output(soft(product(all, 3)));
  for (const int64_t n : {0, 1, 9, 40}) check({{"n", n}}, 1e-5);
  EXPECT_EQ(steps().find("concat"), std::string::npos) << steps();
}

// Columns of one: rows of a single element, far apart.
TEST_F(RowsTest, RowsOfOne) {
  const ValueId x = input({Dim::symbol("n"), 5});
  const auto parts = split(product(x, 6), {1, 4, 1});
  const ValueId gate = unary("Sigmoid", parts[0]);
  output(soft(concat({binary("Mul", parts[1], gate), binary("Add", gate, parts[2])})));
  for (const int64_t n : {0, 1, 9}) check({{"n", n}}, 1e-5);
}

// Random programs whose values are rows of eight.
TEST_F(RowsTest, RandomProducts) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    Rows t;
    std::mt19937 random(seed);
    const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
    std::vector<ValueId> values = {t.input({Dim::symbol("n"), 8}), t.input({Dim::symbol("n"), 8})};
    for (int i = 0; i < 14; ++i) {
      const ValueId x = values[below(values.size())], y = values[below(values.size())];
      switch (below(10)) {
        case 0:
          values.push_back(t.product(t.concat({x, y}), 8));
          break;
        case 1:
          values.push_back(t.silu(t.product(x, 8)));
          break;
        case 2:
          values.push_back(t.binary("Add", t.product(x, 8), y));
          break;
        case 3:
          for (ValueId v : t.split(t.product(x, 16), {8, 8})) values.push_back(v);
          break;
        case 4: {
          const auto halves = t.split(x, {4, 4});
          values.push_back(t.concat({halves[below(2)], t.product(y, 2), t.product(halves[1], 2)}));
          break;
        }
        case 5:
          values.push_back(t.concat({t.slice(x, 0, 3), t.product(y, 3), t.slice(y, 6, 8)}));
          break;
        case 6:
          values.push_back(t.soft(x));
          break;
        case 7:
          values.push_back(t.binary("Mul", t.unary("Tanh", x), y));
          break;
        case 8:
          values.push_back(t.concat({t.silu(x), t.binary("Add", y, x)}));
          values.back() = t.product(values.back(), 8);
          break;
        default:
          values.push_back(t.node(make_op("Reshape"), {x, t.ints({-1, 8})}));
      }
    }
    for (int i = 0; i < 3; ++i) t.output(t.product(values[values.size() - 1 - below(10)], 3));
    SCOPED_TRACE("seed " + std::to_string(seed));
    t.check({{"n", 5}}, 1e-3);
    t.check({{"n", 0}}, 1e-3);
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

// Random networks of eight channels: the planner turns them channels-last, where channels are rows.
class Images : public Rows {
 public:
  ValueId conv(ValueId x, int64_t out, int64_t kernel, int64_t group = 1) {
    const int64_t in = (*graph.value(x).type.shape)[1].constant();
    Conv op;
    op.kernel_shape = {kernel, kernel};
    op.pads.assign(4, kernel / 2);
    op.group = group;
    const ValueId w = weights({out, in / group, kernel, kernel});
    return node(make_op("Conv", op), {x, w, weights({out})});
  }
  ValueId transposed(ValueId x, int64_t out) {
    const int64_t in = (*graph.value(x).type.shape)[1].constant();
    ConvTranspose op;
    op.pads.assign(4, 1);
    return node(make_op("ConvTranspose", op), {x, weights({in, out, 3, 3}), weights({out})});
  }
  ValueId max_pool(ValueId x) {
    Pool op;
    op.kernel_shape = {3, 3};
    op.pads.assign(4, 1);
    return node(make_op("MaxPool", op), {x});
  }
  // Half the size, and back.
  ValueId down_and_up(ValueId x) {
    Pool op;
    op.kind = PoolKind::kAverage;
    op.kernel_shape = op.strides = {2, 2};
    const ValueId half = node(make_op("AveragePool", op), {x});
    return node(make_op("Resize"), {half, kNone, constant({4}, {1, 1, 2, 2})});
  }
  std::vector<ValueId> halves(ValueId x) { return node(make_op("Split", Split{1, 2}), {x}, 2); }
};

TEST_F(RowsTest, ThreadsThatShareChannelsFinishTheirOwn) {
  Images t;
  ValueId x = t.input({2, 96, 8, 8});
  for (const int64_t channels : {200, 136}) x = t.silu(t.conv(x, channels, 3));
  t.output(x);
  t.engine({.threads = 2, .optimize = false});
  t.check({}, 1e-3);
}

TEST_F(RowsTest, RandomImages) {
  size_t joined = 0;
  for (unsigned seed = 0; seed < 150; ++seed) {
    Images t;
    std::mt19937 random(seed);
    const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
    const bool known = seed % 2 == 0;
    const Dim side = known ? Dim(6) : Dim::symbol("s");
    std::vector<ValueId> values = {
        t.conv(t.input({1, 5, side, known ? Dim(8) : Dim::symbol("t")}), 16, 3)};
    for (int i = 0; i < 10; ++i) {
      const ValueId x = values[below(values.size())], y = values[below(values.size())];
      switch (below(10)) {
        case 0:
          values.push_back(t.silu(t.conv(x, 16, 1)));
          break;
        case 1:
          values.push_back(t.binary("Add", t.silu(t.conv(x, 16, 3)), y));
          break;
        case 2:
          values.push_back(t.unary("Relu", t.conv(x, 16, 3, 16)));
          break;
        case 3:
          values.push_back(t.concat({t.conv(x, 9, 1), t.conv(y, 7, 3)}, 1));
          break;
        case 4: {
          const auto parts = t.halves(t.silu(t.conv(x, 16, 1)));
          const ValueId made = t.binary("Add", t.conv(parts[1], 8, 3), parts[1]);
          values.push_back(t.conv(t.concat({parts[0], parts[1], made}, 1), 16, 1));
          break;
        }
        case 5: {
          const ValueId p = t.max_pool(x);
          values.push_back(t.conv(t.concat({x, p, t.max_pool(p)}, 1), 16, 1));
          break;
        }
        case 6:
          if (known) values.push_back(t.conv(t.concat({t.down_and_up(x), y}, 1), 16, 3));
          break;
        case 7:
          values.push_back(t.binary("Add", x, y));
          break;
        case 8:
          values.push_back(t.concat({t.transposed(t.halves(x)[1], 7), t.conv(y, 9, 1)}, 1));
          break;
        default:
          values.push_back(t.concat({t.halves(x)[0], t.conv(y, 8, 1)}, 1));
      }
    }
    t.output(values.back());
    t.output(t.conv(values[values.size() - 1 - below(3)], 4, 1));
    SCOPED_TRACE("seed " + std::to_string(seed));
    t.check({{"s", 4}, {"t", 7}}, 1e-3);
    t.check({{"s", 2}, {"t", 2}}, 1e-3);
    if (HasFatalFailure() || HasNonfatalFailure()) return;
    for (const Slot& s : t.engine().program().slots) joined += s.pitch != kNone;
  }
  EXPECT_GT(joined, 300u);
}

}  // namespace
}  // namespace ferry
