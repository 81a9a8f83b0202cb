// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "ops/tensor/concat.h"
#include "ops/tensor/gather.h"
#include "ops/tensor/transpose.h"
#include "passes/eliminate_identity.h"
#include "passes/fold_constants.h"
#include "passes/fold_shape_arithmetic.h"
#include "passes/fuse_weight_transpose.h"
#include "passes/merge_duplicates.h"
#include "passes/pass_tester.h"
#include "passes/pipelines.h"

namespace ferry {
namespace {

const Dim N = Dim::symbol("N");

TEST(FoldConstants, ComputesConstantNodesAndKeepsOthers) {
  PassTester t;
  const ValueId x = t.input({N, 4});
  const ValueId c = t.binary("Add", t.weights({4}), t.weights({4}));
  t.output(t.binary("Mul", x, t.unary("Exp", c)));
  EXPECT_EQ(t.run({fold_constants()}), "Mul");
}

TEST(FoldConstants, KeepsOverridableInitializersAndLargeOutputs) {
  PassTester t;
  const ValueId w = t.weights({4});
  t.graph.value(w).overridable = true;
  t.output(t.unary("Exp", w));
  t.output(t.unary("Neg", t.weights({64})));
  PassOptions options;
  options.max_fold_bytes_per_value = 255;
  EXPECT_EQ(t.run({fold_constants()}, 0, options), "Exp Neg");
}

TEST(FoldConstants, WeightsThatAnEmbeddingSharesStayOnce) {
  for (const bool shared : {true, false}) {
    PassTester t;
    const ValueId table = t.weights({4096, 64});
    const ValueId turned = t.node(make_op("Transpose", Transpose{{1, 0}}), {table});
    if (shared) t.output(t.node(make_op("Gather"), {table, t.input({N}, DType::kInt64)}));
    t.output(t.node(make_op("MatMul"), {t.input({N, 64}), turned}));
    EXPECT_EQ(t.run({fold_constants(), fuse_weight_transpose()}, 1e-4),
              shared ? "Gather MatMul" : "MatMul");
    for (ValueId v = 0; v < t.graph.num_values(); ++v) {
      EXPECT_TRUE(!t.graph.value(v).constant || v == table || !shared);
    }
  }
}

TEST(FoldConstants, OnlyTheLastOfAChainCounts) {
  PassTester t;
  ValueId v = t.weights({64});
  for (int i = 0; i < 6; ++i) v = t.unary("Neg", v);
  t.output(v);
  PassOptions options;
  options.max_fold_bytes = 512;
  EXPECT_EQ(t.run({fold_constants()}, 0, options), "");
  // Not without end.
  PassTester longer;
  v = longer.weights({64});
  for (int i = 0; i < 40; ++i) v = longer.unary("Neg", v);
  longer.output(v);
  ASSERT_TRUE(run_passes(longer.graph, {fold_constants()}, options).ok());
  EXPECT_NE(operators(longer.graph), "");
}

// What a busy machine takes from the thread does not change what is folded.
TEST(FoldConstants, WaitingIsNotWorking) {
  PassTester t;
  t.output(t.unary("Neg", t.weights({1 << 18})));
  PassOptions options;
  int waits = 0;
  options.poll = [&]() -> Status {
    if (waits++ < 3) std::this_thread::sleep_for(std::chrono::milliseconds(150));
    return {};
  };
  EXPECT_EQ(t.run({fold_constants()}, 0, options), "");
  EXPECT_GE(waits, 3);
}

TEST(FoldConstants, AnOutputMayBecomeConstant) {
  PassTester t;
  t.output(t.unary("Neg", t.weights({0, 3})));
  t.output(t.unary("Neg", t.scalar(2)));
  EXPECT_EQ(t.run({fold_constants()}), "");
}

TEST(FoldConstants, NodesThatFailStay) {
  PassTester t;
  t.graph.set_outputs({t.node(make_op("Gather"), {t.weights({2, 2}), t.ints({1})})});
  EXPECT_EQ(t.run({fold_constants()}), "");
  PassTester bad;
  const ValueId y = bad.node(make_op("Gather"), {bad.weights({2, 2}), bad.ints({7})});
  bad.graph.set_outputs({y});
  ASSERT_TRUE(run_passes(bad.graph, {fold_constants()}).ok());
  EXPECT_EQ(operators(bad.graph), "Gather");
}

TEST(FoldConstants, KnownIntegersBecomeConstants) {
  PassTester t;
  const ValueId x = t.input({N, 4, 5});
  const ValueId tail = t.node(make_op("Gather"), {t.unary("Shape", x), t.ints({1, 2})});
  t.output(t.binary("Add", tail, tail));
  EXPECT_EQ(t.run({fold_constants()}), "");
}

TEST(FoldShapeArithmetic, ReshapeToComputedDims) {
  PassTester t;
  const ValueId x = t.input({N, 4, 6});
  const ValueId n = t.node(make_op("Gather"), {t.unary("Shape", x), t.ints({0})});
  const ValueId shape = t.node(make_op("Concat", Concat{0}), {n, t.ints({24})});
  t.output(t.node(make_op("Reshape"), {x, shape}));
  EXPECT_EQ(t.run(standard_pipeline()), "Reshape");
}

TEST(FoldShapeArithmetic, TwoUnknownDimsStayComputed) {
  PassTester t;
  const Dim m = Dim::symbol("M");
  const ValueId x = t.input({N * m, 4});
  const ValueId a = t.input({m}), b = t.input({N});
  const ValueId shape =
      t.node(make_op("Concat", Concat{0}), {t.unary("Shape", a), t.unary("Shape", b), t.ints({4})});
  t.output(t.node(make_op("Reshape"), {x, shape}));
  EXPECT_EQ(t.run(standard_pipeline()), "Shape Shape Concat Reshape");
}

TEST(FoldShapeArithmetic, ReshapesJoin) {
  PassTester t;
  const ValueId x = t.input({N, 4, 6});
  const ValueId y = t.node(make_op("Reshape"), {x, t.ints({-1, 24})});
  const ValueId z = t.node(make_op("Unsqueeze"), {y, t.ints({1})});
  t.output(z);
  t.output(t.node(make_op("Reshape"), {z, t.ints({0, 4, 6})}));
  EXPECT_EQ(t.run({fold_shape_arithmetic()}), "Reshape");
}

TEST(EliminateIdentity, DropsCopies) {
  PassTester t;
  const ValueId x = t.input({N, 4});
  ValueId y = t.unary("Identity", x);
  y = t.node(make_op("Expand"), {y, t.ints({1, 4})});
  y = t.node(make_op("Slice"), {y, t.ints({0}), t.ints({INT64_MAX}), t.ints({1})});
  y = t.node(make_op("Pad"), {y, t.ints({0, 0, 0, 0})});
  y = t.node(make_op("Concat", Concat{1}), {y});
  y = t.unary("Clip", t.unary("Sum", y));
  y = t.binary("Div", t.binary("Mul", t.scalar(1), y), t.constant({1, 4}, {1, 1, 1, 1}));
  y = t.binary("Sub", t.binary("Add", y, t.scalar(0)), t.scalar(0));
  t.output(t.unary("Neg", y));
  EXPECT_EQ(t.run({eliminate_identity()}), "Neg");
}

TEST(EliminateIdentity, KeepsWhatChanges) {
  PassTester t;
  const ValueId x = t.input({N, 4});
  t.output(
      t.node(make_op("Slice"), {x, t.ints({-1}), t.ints({INT64_MIN}), t.ints({1}), t.ints({-1})}));
  t.output(t.node(make_op("Pad"), {x, t.ints({0, 1, 0, -1})}));
  t.output(t.binary("Mul", x, t.constant({2, 1, 1}, {1, 1})));
  t.output(t.binary("Div", t.scalar(1), x));
  t.output(t.binary("Sub", t.scalar(0), x));
  EXPECT_EQ(t.run({eliminate_identity()}), "Slice Pad Mul Div Sub");
}

TEST(EliminateIdentity, ExactKeepsPlusZero) {
  PassTester t;
  t.output(t.binary("Add", t.input({2}), t.scalar(0)));
  PassOptions options;
  options.exact = true;
  EXPECT_EQ(t.run({eliminate_identity()}, 0, options), "Add");
}

TEST(MergeDuplicates, NodesAndConstants) {
  PassTester t;
  const ValueId x = t.input({N, 4}), y = t.input({N, 4});
  const ValueId a = t.binary("Add", x, y), b = t.binary("Add", y, x);
  const ValueId c = t.binary("Sub", x, y), d = t.binary("Sub", y, x);
  const ValueId e = t.binary("Mul", a, t.constant({4}, {1, 2, 3, 4}));
  const ValueId f = t.binary("Mul", b, t.constant({4}, {1, 2, 3, 4}));
  t.output(t.binary("Add", t.binary("Add", e, f), t.binary("Add", c, d)));
  EXPECT_EQ(t.run({merge_duplicates()}), "Add Sub Sub Mul Add Add Add");
}

TEST(Passes, OffSwitchAndReports) {
  PassTester t;
  t.output(t.unary("Identity", t.input({2})));
  PassOptions options;
  options.off = {"eliminate_identity"};
  EXPECT_EQ(t.run(standard_pipeline(), 0, options), "Identity");
  const auto reports = run_passes(t.graph, standard_pipeline());
  ASSERT_TRUE(reports.ok());
  EXPECT_EQ(reports->size(), standard_pipeline().size());
}

}  // namespace
}  // namespace ferry
