// SPDX-License-Identifier: Apache-2.0
#include "passes/cancel_transposes.h"

#include <gtest/gtest.h>

#include "ops/nn/group_normalization.h"
#include "ops/nn/pool.h"
#include "ops/nn/softmax.h"
#include "ops/reduction/reduce.h"
#include "ops/tensor/concat.h"
#include "ops/tensor/split.h"
#include "passes/pass_tester.h"
#include "passes/permutation.h"
#include "passes/pipelines.h"

namespace ferry {
namespace {

// NOLINTNEXTLINE(readability-identifier-naming): as symbols are written
const Dim N = Dim::symbol("N"), H = Dim::symbol("H");
const std::vector<int64_t> kToPlanar = {0, 3, 1, 2}, kToLast = {0, 2, 3, 1};

struct Transposes : PassTester {
  ValueId x = input({N, H, 5, 4});  // channels-last
  ValueId transposed(ValueId v, std::vector<int64_t> perm) {
    return node(make_op("Transpose", Transpose{std::move(perm)}), {v});
  }
  ValueId planar(ValueId v) { return transposed(v, kToPlanar); }
  ValueId last(ValueId v) { return transposed(v, kToLast); }
  std::string left(double tolerance = 0) { return run({cancel_transposes()}, tolerance); }
};

TEST(CancelTransposes, ComposeAndCancel) {
  Transposes t;
  t.output(t.unary("Neg", t.last(t.planar(t.x))));
  t.output(t.transposed(t.transposed(t.x, {1, 0, 2, 3}), {0, 2, 1, 3}));
  t.output(t.unary("Abs", t.transposed(t.x, {0, 1, 2, 3})));
  EXPECT_EQ(t.left(), "Neg Transpose Abs");
}

TEST(CancelTransposes, ResidualBlock) {
  Transposes t;
  const ValueId p = t.planar(t.x);
  const ValueId a = t.planar(t.unary("Exp", t.last(t.unary("Relu", p))));
  t.output(t.unary("Neg", t.last(t.unary("Relu", t.binary("Add", a, p)))));
  EXPECT_EQ(t.left(), "Relu Exp Add Relu Neg");
}

TEST(CancelTransposes, SiLUAndHardSwish) {
  Transposes t;
  const ValueId p = t.planar(t.x);
  const ValueId silu = t.binary("Mul", p, t.unary("Sigmoid", p));
  const ValueId hard = t.unary("HardSwish", silu);
  const ValueId sixth = t.binary("Mul", t.constant({1, 4, 1, 1}, {1, 2, 3, 4}), hard);
  t.output(t.unary("Neg", t.last(t.binary("Sub", sixth, t.constant({4, 1, 1}, {4, 3, 2, 1})))));
  EXPECT_EQ(t.left(), "Sigmoid Mul HardSwish Mul Sub Neg");
}

TEST(CancelTransposes, SqueezeAndExcitation) {
  for (const bool mean : {false, true}) {
    Transposes t;
    const ValueId p = t.planar(t.x);
    ValueId s =
        mean ? t.node(make_op("ReduceMean"), {p, t.ints({2, 3})}) : t.unary("GlobalAveragePool", p);
    s = t.planar(t.unary("Exp", t.last(s)));
    const ValueId y = t.binary("Mul", t.unary("Sigmoid", s), p);
    t.output(t.unary("Neg", t.last(y)));
    EXPECT_EQ(t.left(1e-6),
              mean ? "ReduceMean Exp Sigmoid Mul Neg" : "GlobalAveragePool Exp Sigmoid Mul Neg");
  }
}

TEST(CancelTransposes, SplitConcatPoolPadSlice) {
  Transposes t;
  const ValueId p = t.planar(t.x);
  Split split;
  split.axis = 1;
  split.num_outputs = 2;
  const auto halves = t.node(make_op("Split", split), {p}, 2);
  Pool pool = *make_op("MaxPool").as<Pool>();
  pool.kernel_shape = {2, 2};
  pool.pads = {1, 1, 0, 0};
  const ValueId pooled = t.node(make_op("MaxPool", pool), {halves[1]});
  const ValueId y = t.node(make_op("Concat", Concat{-3}), {halves[0], pooled, halves[1]});
  const ValueId padded = t.node(make_op("Pad"), {y, t.ints({0, 0, 1, 2, 0, 0, 0, 1})});
  const ValueId cut = t.node(make_op("Slice"), {padded, t.ints({1}), t.ints({-1}), t.ints({3})});
  t.output(t.unary("Neg", t.last(cut)));
  EXPECT_EQ(t.left(), "Split MaxPool Concat Pad Slice Neg");
}

// ONNX has no channels-last pools: what a file can say stays behind the transpose.
TEST(CancelTransposes, PoolsOfFilesStayPlanar) {
  Transposes t;
  const ValueId p = t.planar(t.unary("Exp", t.x));
  t.output(t.unary("GlobalAveragePool", p));
  EXPECT_EQ(t.run(standard_pipeline(), 1e-6), "Exp Transpose GlobalAveragePool");
  Transposes u;
  Pool pool = *make_op("MaxPool").as<Pool>();
  pool.kernel_shape = {2, 2};
  const ValueId pooled = u.node(make_op("MaxPool", pool), {u.planar(u.x)});
  u.output(u.unary("Neg", u.last(u.unary("Exp", pooled))));
  EXPECT_EQ(u.run(standard_pipeline()), "Transpose MaxPool Exp Neg Transpose");
}

TEST(CancelTransposes, ReductionsSoftmaxAndViews) {
  Transposes t;
  const ValueId p = t.planar(t.x);
  Reduce drop = *make_op("ReduceSum").as<Reduce>();
  drop.keepdims = false;
  const ValueId sum = t.node(make_op("ReduceSum", drop), {p, t.ints({1})});  // N H W: no transpose
  t.output(t.unary("Neg", sum));
  Transposes u;
  const ValueId s = u.node(make_op("Softmax", Softmax{1}), {u.planar(u.x)});
  const ValueId wide = u.node(make_op("Unsqueeze"), {s, u.ints({0, -1})});
  const ValueId back = u.node(make_op("Squeeze"), {wide, u.ints({5, 0})});
  u.output(u.unary("Neg", u.last(back)));
  EXPECT_EQ(t.left(1e-6), "ReduceSum Neg");
  EXPECT_EQ(u.left(1e-6), "Softmax Unsqueeze Squeeze Neg");
}

TEST(CancelTransposes, ScalesOfOneAxisFollow) {
  Transposes t;
  const ValueId s = t.input({N, 1, 1, 1});
  const ValueId y = t.node(make_op("Where"), {t.input({}, DType::kBool), t.planar(t.x), s});
  t.output(t.unary("Neg", t.last(y)));
  EXPECT_EQ(t.run({cancel_transposes(), lower_transposes()}), "Reshape Where Neg");
}

TEST(CancelTransposes, RefusesToTransposeOthers) {
  Transposes t;
  const ValueId other = t.input({N, 4, H, 5});
  t.output(t.binary("Add", t.planar(t.x), other));
  EXPECT_EQ(t.left(), "Transpose Add");
}

TEST(CancelTransposes, RefusesWhenTheTransposeStaysAndNothingCancels) {
  Transposes t;
  const ValueId p = t.planar(t.x);
  t.output(p);
  t.output(t.unary("Neg", p));
  EXPECT_EQ(t.left(), "Transpose Neg");
}

TEST(CancelTransposes, AnOutputKeepsItsTransposeAndTheBodyLosesIt) {
  Transposes t;
  const ValueId p = t.planar(t.x);
  t.output(p);
  t.output(t.unary("Abs", t.last(t.unary("Neg", p))));
  EXPECT_EQ(t.left(), "Transpose Neg Abs");
}

TEST(CancelTransposes, OddPermutationsAndRanks) {
  PassTester t;
  const ValueId x = t.input({2, N, 3});
  ValueId y = t.node(make_op("Transpose"), {x});  // reversed
  y = t.binary("PRelu", y, t.constant({1, 2}, {0.5f, 2}));
  y = t.node(make_op("ReduceMax"), {y, t.ints({-1, 0})});
  t.output(t.node(make_op("Transpose", Transpose{{2, 1, 0}}), {y}));
  EXPECT_EQ(t.run({cancel_transposes()}), "PRelu ReduceMax");
  PassTester scalar;
  scalar.output(scalar.node(make_op("Transpose"), {scalar.input({})}));
  scalar.run({cancel_transposes()});
}

TEST(LowerTransposes, OnlyAxesOfSizeOneMove) {
  PassTester t;
  const Transpose perm{{0, 2, 3, 1}};
  t.output(t.node(make_op("Transpose", perm), {t.input({N, 4, 1, 1})}));
  t.output(t.node(make_op("Transpose", perm), {t.input({N, 4, 1, 3})}));
  EXPECT_EQ(t.run({lower_transposes()}), "Reshape Transpose");
}

TEST(CancelTransposes, GroupNormalizationFollows) {
  Transposes t;
  GroupNormalization op;
  op.num_groups = 2;
  const ValueId y =
      t.node(make_op("GroupNormalization", op), {t.planar(t.x), t.weights({4}), t.weights({4})});
  t.output(t.unary("Neg", t.last(y)));
  EXPECT_EQ(t.left(1e-5), "GroupNormalization Neg");
}

TEST(CancelTransposes, ReshapeThatMergesNeighbours) {
  Transposes t;  // image to sequence and back
  const ValueId rows = t.node(make_op("Reshape"), {t.planar(t.x), t.ints({0, 4, -1})});
  ValueId y = t.unary("Neg", t.transposed(rows, {0, 2, 1}));
  const ValueId z = t.node(make_op("Reshape"), {t.transposed(y, {0, 2, 1}), t.ints({0, 2, 2, -1})});
  t.output(t.transposed(z, {0, 3, 1, 2}));
  EXPECT_EQ(t.left(), "Reshape Neg Reshape");
}

// Sequence to image, of sizes that only the run knows.
TEST(CancelTransposes, ReshapeToComputedSizes) {
  for (const bool all : {true, false}) {
    Transposes t;
    const ValueId rows = t.input({N, H * Dim::symbol("W"), 4});
    const ValueId n = t.input({N}), h = t.input({H}), w = t.input({Dim::symbol("W")});
    const ValueId channels = t.ints({all ? 4 : -1});
    const auto size = [&](ValueId v) { return t.unary("Shape", v); };
    const ValueId sizes =
        t.node(make_op("Concat", Concat{0}), {size(n), channels, size(h), size(w)});
    const ValueId image = t.node(make_op("Reshape"), {t.transposed(rows, {0, 2, 1}), sizes});
    t.output(t.unary("Neg", t.last(image)));
    EXPECT_EQ(t.left(), "Shape Shape Shape Concat Gather Reshape Neg");
  }
}

TEST(CancelTransposes, ReshapeOfOnes) {
  Transposes t;
  const ValueId x = t.input({1, 6, 4, 1});
  const ValueId y = t.node(make_op("Reshape"), {t.planar(x), t.ints({1, 1, 1, 2, 3, 4, 1})});
  t.output(t.transposed(y, {0, 1, 3, 4, 5, 2, 6}));
  EXPECT_EQ(t.run({cancel_transposes(), lower_transposes()}), "Reshape Reshape");
}

TEST(CancelTransposes, ReshapeAcrossTheTranspose) {
  Transposes t;
  t.output(t.node(make_op("Reshape"), {t.planar(t.x), t.ints({0, -1})}));
  t.output(t.node(make_op("Reshape"), {t.planar(t.x), t.ints({-1, 2})}));
  EXPECT_EQ(t.left(), "Transpose Reshape Transpose Reshape");
}

}  // namespace
}  // namespace ferry
