// SPDX-License-Identifier: Apache-2.0
// Slice, Split and Concat that share memory instead of copying it.
#include <random>

#include "ops/registry.h"
#include "ops/tensor/concat.h"
#include "ops/tensor/split.h"
#include "runtime/run_tester.h"

namespace ferry {
namespace {

class ViewsTest : public ::testing::Test, public RunTester {
 protected:
  ValueId relu(ValueId x) { return unary("Relu", x); }
  ValueId tanh(ValueId x) { return unary("Tanh", x); }
  ValueId slice(ValueId x, std::vector<int64_t> starts, std::vector<int64_t> ends,
                std::vector<int64_t> axes, std::vector<int64_t> steps = {}) {
    std::vector<ValueId> in = {x, ints(std::move(starts)), ints(std::move(ends)),
                               ints(std::move(axes))};
    if (!steps.empty()) in.push_back(ints(std::move(steps)));
    return node(make_op("Slice"), in);
  }
  std::vector<ValueId> split(ValueId x, int64_t axis, std::vector<int64_t> sizes) {
    const size_t n = sizes.size();
    return node(make_op("Split", Split{axis, std::nullopt}), {x, ints(std::move(sizes))}, n);
  }
  std::vector<ValueId> halves(ValueId x, int64_t axis) {
    return node(make_op("Split", Split{axis, 2}), {x}, 2);
  }
  ValueId concat(std::vector<ValueId> parts, int64_t axis) {
    return node(make_op("Concat", Concat{axis}), std::move(parts));
  }
  // Something that is not elementwise, so that its result is not fused with its neighbours.
  ValueId soft(ValueId x) { return unary("Softmax", x); }
  ValueId reduce(ValueId x) { return node(make_op("ReduceMax"), {x, ints({-1})}); }
};

TEST_F(ViewsTest, RefusesAnotherNumberOfElements) {
  const ValueId x = input({Dim::symbol("n"), Dim::symbol("m")});
  output(reduce(node(make_op("Reshape"), {soft(x), ints({5, 32})})));
  std::vector<Value> out;
  EXPECT_TRUE(engine().run(inputs({{"n", 4}, {"m", 40}}), out, {}).ok());
  for (const int64_t n : {8, 11}) {
    const Status s = engine().run(inputs({{"n", n}, {"m", 16}}), out, {});
    EXPECT_EQ(s.code(), Code::kShapeMismatch) << s.to_string();
  }
  EXPECT_EQ(steps(), "softmax_f32 view reduce_f32");
}

TEST_F(ViewsTest, RefusesPartsThatAreNotTheWhole) {
  const ValueId x = input({Dim::symbol("n"), 4});
  output(reduce(split(soft(x), 0, {1, 3})[1]));
  std::vector<Value> out;
  EXPECT_TRUE(engine().run(inputs({{"n", 4}}), out, {}).ok());
  for (const int64_t n : {0, 2, 3, 5}) {
    const Status s = engine().run(inputs({{"n", n}}), out, {});
    EXPECT_EQ(s.code(), Code::kShapeMismatch) << s.to_string();
  }
}

TEST_F(ViewsTest, RefusesPartsThatLeaveGapsInTheWhole) {
  const ValueId x = input({2, Dim::symbol("n")}), y = input({3, Dim::symbol("m")});
  output(reduce(concat({soft(x), soft(y)}, 0)));
  const ValueId z = input({Dim::symbol("r"), 4}), w = input({Dim::symbol("s"), 4});
  output(reduce(concat({relu(z), relu(w)}, 1)));
  std::vector<Value> out;
  const auto run = [&](int64_t n, int64_t m, int64_t r, int64_t s) {
    return engine().run(inputs({{"n", n}, {"m", m}, {"r", r}, {"s", s}}), out, {});
  };
  for (int again = 0; again < 2; ++again) {
    EXPECT_TRUE(run(7, 7, 5, 5).ok());
    for (const int64_t other : {0, 1, 4, 8}) {
      EXPECT_EQ(run(7, other, 5, 5).code(), Code::kShapeMismatch) << other;
      EXPECT_EQ(run(7, 7, 5, other).code(), Code::kShapeMismatch) << other;
    }
  }
}

TEST_F(ViewsTest, RefusesEmptyTensorsWhoseOtherDimsOverflow) {
  constexpr int64_t kFar = int64_t{1} << 40;
  output(soft(input({Dim::symbol("n"), Dim::symbol("m"), Dim::symbol("k")})));
  const ValueId y = input({Dim::symbol("r"), 0, 1});
  output(soft(node(make_op("Expand"), {y, ints({1, 1, kFar})})));
  std::vector<Value> in = inputs({{"n", 1}, {"m", 1}, {"k", 1}, {"r", 1}}), out;
  EXPECT_TRUE(engine().run(in, out, {}).ok());
  const auto empty = [](const Dims& dims) {
    return Tensor::borrow(DType::kFloat32, dims, static_cast<void*>(nullptr));
  };
  std::vector<Value> given = in, made = in;
  given[0] = empty({0, kFar, kFar});
  EXPECT_EQ(engine().run(given, out, {}).code(), Code::kLimitExceeded);
  made[1] = empty({kFar, 0, 1});
  EXPECT_EQ(engine().run(made, out, {}).code(), Code::kLimitExceeded);
  EXPECT_TRUE(engine().run(in, out, {}).ok());
}

TEST_F(ViewsTest, SliceOfTheFirstAxisIsAView) {
  const ValueId x = input({Dim::symbol("n"), 4});
  output(reduce(slice(soft(x), {1}, {-1}, {0})));
  for (const int64_t n : {0, 1, 2, 5}) check({{"n", n}}, 1e-6);
  EXPECT_EQ(steps(), "softmax_f32 view reduce_f32");
}

TEST_F(ViewsTest, SliceBehindAxesOfOneIsAView) {
  const ValueId x = input({1, 6, Dim::symbol("n")});
  output(reduce(slice(soft(x), {2}, {4}, {1})));
  for (const int64_t n : {1, 3, 17}) check({{"n", n}}, 1e-6);
  EXPECT_EQ(steps(), "softmax_f32 view reduce_f32");
}

TEST_F(ViewsTest, SliceOfSeveralAxesIsAViewWhenItIsOneRun) {
  const ValueId x = input({3, 5, Dim::symbol("n")});
  output(reduce(slice(soft(x), {1, 1}, {2, 4}, {0, 1})));
  check({{"n", 7}}, 1e-6);
  EXPECT_EQ(steps(), "softmax_f32 view reduce_f32");
}

TEST_F(ViewsTest, SlicesThatAreNoRunAreCopied) {
  const ValueId x = input({2, 6, 4});
  const ValueId s = soft(x);
  output(reduce(slice(s, {0}, {3}, {1})));           // rows apart
  output(reduce(slice(s, {0}, {2}, {0}, {2})));      // a step, of one element in effect
  output(reduce(slice(s, {-1}, {-9}, {0}, {-1})));   // backwards
  output(reduce(slice(s, {0, 1}, {2, 3}, {0, 1})));  // an outer axis of two
  output(reduce(slice(s, {1}, {3}, {2})));           // columns
  check({}, 1e-6);
  EXPECT_EQ(steps().find("softmax_f32 view"), std::string::npos);
}

TEST_F(ViewsTest, SliceOfAnInputAndOfAnOverridableValueFollowsTheCaller) {
  const ValueId x = input({Dim::symbol("n"), 4});
  output(reduce(slice(x, {1}, {3}, {0})));
  for (const int64_t n : {2, 9, 3}) check({{"n", n}});
  EXPECT_EQ(steps(), "view reduce_f32");
}

TEST_F(ViewsTest, SplitIsAViewAndPiecesMayBeUsedAgain) {
  const ValueId x = input({Dim::symbol("n"), 4});
  const auto parts = halves(soft(x), 0);
  const ValueId a = reduce(parts[0]), b = reduce(parts[1]);
  output(unary("Neg", b));
  output(unary("Neg", a));
  output(reduce(soft(parts[0])));  // in place of the piece: the last to need it
  for (const int64_t n : {0, 1, 2, 7, 8}) check({{"n", n}}, 1e-6);
  EXPECT_EQ(steps().substr(0, 16), "softmax_f32 view");
}

TEST_F(ViewsTest, APieceThatIsAnOutputIsCopied) {
  const ValueId x = input({6, 4});
  const auto parts = split(soft(x), 0, {1, 2, 3});
  output(parts[1]);
  output(reduce(parts[0]));
  output(reduce(parts[2]));
  check({}, 1e-6);
  EXPECT_EQ(steps(), "softmax_f32 split reduce_f32 reduce_f32");
}

TEST_F(ViewsTest, InPlaceConsumersOfPieces) {
  const ValueId x = input({Dim::symbol("n"), 6});
  const ValueId whole = soft(x);
  const auto parts = halves(whole, 0);
  // The first half is overwritten only after the whole has been read for the last time.
  const ValueId a = soft(parts[0]);
  const ValueId b = reduce(whole);
  const ValueId c = soft(parts[1]);
  output(reduce(a));
  output(b);
  output(reduce(c));
  for (const int64_t n : {1, 4, 9}) check({{"n", n}}, 1e-6);
}

TEST_F(ViewsTest, ConcatPartsAreComputedInPlace) {
  const ValueId x = input({Dim::symbol("n"), 4}), y = input({Dim::symbol("m"), 4});
  output(reduce(concat({soft(x), soft(y)}, 0)));
  for (const int64_t n : {0, 1, 6}) check({{"n", n}, {"m", 3}}, 1e-6);
  EXPECT_EQ(steps(), "softmax_f32 softmax_f32 view reduce_f32");
}

TEST_F(ViewsTest, ConcatIntoAnOutput) {
  const ValueId x = input({1, Dim::symbol("n"), 4});
  output(concat({soft(x), x, tanh(x)}, 1));
  for (const int64_t n : {0, 1, 5}) check({{"n", n}}, 1e-5);
  EXPECT_EQ(steps(), "softmax_f32 elementwise_f32 concat");
}

TEST_F(ViewsTest, ConcatOfTheSameValueTwiceAndOfPieces) {
  const ValueId x = input({Dim::symbol("n"), 4});
  const ValueId s = soft(x);
  const auto parts = halves(s, 0);
  output(reduce(concat({s, s, parts[1], parts[0]}, 0)));
  output(reduce(s));
  for (const int64_t n : {0, 1, 2, 5}) check({{"n", n}}, 1e-6);
}

TEST_F(ViewsTest, NestedConcat) {
  const ValueId x = input({Dim::symbol("n"), 4});
  const ValueId inner = concat({soft(x), tanh(x)}, 0);
  const ValueId outer = concat({soft(tanh(x)), inner, soft(soft(x))}, 0);
  output(reduce(outer));
  output(reduce(inner));
  for (const int64_t n : {0, 1, 5}) check({{"n", n}}, 1e-5);
}

TEST_F(ViewsTest, ConcatAlongAnInnerAxisCopies) {
  const ValueId x = input({Dim::symbol("n"), 4});
  output(reduce(concat({soft(x), tanh(x)}, 1)));
  check({{"n", 3}}, 1e-5);
  EXPECT_NE(steps().find("concat"), std::string::npos);
}

// A skip connection: holding the large result while the branch runs would cost more than a copy.
TEST_F(ViewsTest, ConcatIsNotJoinedWhenTheArenaWouldGrow) {
  const ValueId x = input({8, 64});
  const ValueId early = soft(x);
  ValueId late = x;
  for (int i = 0; i < 3; ++i) late = soft(concat({late, late}, 0));
  output(reduce(concat({early, late}, 0)));
  check({}, 1e-6);
  const Program& p = engine().program();
  std::vector<int64_t> sizes;
  ASSERT_TRUE(p.dims.evaluate({}, sizes).ok());
  std::vector<uint64_t> offsets;
  uint64_t total = 0;
  ASSERT_TRUE(p.memory.place(sizes, offsets, total).ok());
  EXPECT_LE(total, (8 + 64 + 72) * 64 * sizeof(float) + 1024);
}

// Random programs over rows of four: what shares memory must not be overwritten too early.
TEST_F(ViewsTest, RandomGraphs) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    RunTester t;
    std::mt19937 random(seed);
    const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
    std::vector<ValueId> values = {t.input({Dim::symbol("n"), 4}), t.input({Dim::symbol("m"), 4})};
    for (int i = 0; i < 14; ++i) {
      const ValueId x = values[below(values.size())], y = values[below(values.size())];
      switch (below(7)) {
        case 0:
          values.push_back(t.unary("Softmax", x));
          break;
        case 1:
          values.push_back(t.unary("Tanh", x));
          break;
        case 2:
          for (ValueId v : t.node(make_op("Split", Split{0, 2}), {x}, 2)) values.push_back(v);
          break;
        case 3:
          values.push_back(t.node(make_op("Slice"), {x, t.ints({1}), t.ints({3}), t.ints({0})}));
          break;
        case 4:
          values.push_back(t.binary("Add", x, t.scalar(0.5f)));
          break;
        case 5:
          values.push_back(t.node(make_op("Concat", Concat{0}), {x, y}));
          break;
        default:
          values.push_back(t.node(make_op("Reshape"), {x, t.ints({-1, 4})}));
      }
    }
    for (int i = 0; i < 3; ++i) t.output(t.unary("Neg", values[values.size() - 1 - below(10)]));
    SCOPED_TRACE("seed " + std::to_string(seed));
    t.check({{"n", 5}, {"m", 2}}, 1e-4);
    t.check({{"n", 0}, {"m", 3}}, 1e-4);
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

}  // namespace
}  // namespace ferry
