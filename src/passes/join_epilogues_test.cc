// SPDX-License-Identifier: Apache-2.0
// Elementwise operators that must reach their product, near-misses that must stay.
#include "passes/join_epilogues.h"

#include <gtest/gtest.h>

#include "ops/math/gemm.h"
#include "ops/tensor/reshape.h"
#include "ops/tensor/transpose.h"
#include "passes/pass_tester.h"

namespace ferry {
namespace {

constexpr double kNear = 1e-6;
// NOLINTNEXTLINE(readability-identifier-naming): as symbols are written
const Dim B = Dim::symbol("B");

struct Block : PassTester {
  ValueId x = input({B, 5, 8});

  ValueId reshape(ValueId v, std::vector<int64_t> dims) {
    return node(make_op("Reshape"), {v, ints(std::move(dims))});
  }
  // A product of rows, the leading axes merged around it.
  ValueId product() {
    return node(make_op("Gemm"), {reshape(x, {-1, 8}), weights({8, 6}), weights({6})});
  }
  ValueId split(ValueId v) { return reshape(v, {-1, 5, 6}); }
  std::string joined(ValueId y) {
    output(y);
    return run({join_epilogues()}, kNear);
  }
};

TEST(JoinEpilogues, FunctionsPassReshapesAndTransposes) {
  Block a, b;
  EXPECT_EQ(a.joined(a.unary("Gelu", a.split(a.product()))), "Reshape Gemm Gelu Reshape");
  const ValueId moved = b.node(make_op("Transpose", Transpose{{1, 0, 2}}), {b.split(b.product())});
  EXPECT_EQ(b.joined(b.unary("Relu", b.unary("Gelu", moved))),
            "Reshape Gemm Gelu Relu Reshape Transpose");
}

TEST(JoinEpilogues, OtherOperandsTakeTheDimsAbove) {
  {
    Block t;  // a residual
    const ValueId sum = t.binary("Add", t.input({B, 5, 6}), t.split(t.product()));
    EXPECT_EQ(t.joined(sum), "Reshape Gemm Reshape Add Reshape");
  }
  {
    Block t;  // a constant, whose dims are known at once
    t.x = t.input({2, 5, 8});
    const ValueId sum = t.binary("Add", t.split(t.product()), t.weights({2, 5, 6}));
    EXPECT_EQ(t.joined(sum), "Reshape Gemm Add Reshape");
  }
  {
    Block t;  // one per column, then one element
    const ValueId scaled = t.binary("Mul", t.split(t.product()), t.weights({6}));
    EXPECT_EQ(t.joined(t.binary("Sub", t.scalar(1), scaled)), "Reshape Gemm Mul Sub Reshape");
  }
  {
    Block t;  // columns that the reshape cuts in two
    const ValueId cut = t.reshape(t.product(), {-1, 2, 3});
    EXPECT_EQ(t.joined(t.binary("Mul", cut, t.weights({3}))), "Reshape Gemm Reshape Mul");
  }
  {
    Block t;  // two products: one of them takes the sum
    const ValueId a = t.split(t.product()), b = t.split(t.product());
    EXPECT_EQ(t.joined(t.binary("Add", a, b)),
              "Reshape Gemm Reshape Gemm Reshape Reshape Add Reshape");
  }
}

TEST(JoinEpilogues, Refuses) {
  {
    Block t;  // the product is an output too
    const ValueId y = t.product();
    t.output(y);
    EXPECT_EQ(t.joined(t.unary("Gelu", t.split(y))), "Reshape Gemm Reshape Gelu");
  }
  {
    Block t;  // no product
    EXPECT_EQ(t.joined(t.unary("Gelu", t.reshape(t.x, {-1, 8}))), "Reshape Gelu");
  }
  {
    Block t;  // the residual's own product takes the sum
    const ValueId own = t.node(make_op("MatMul"), {t.x, t.weights({8, 6})});
    EXPECT_EQ(t.joined(t.binary("Add", own, t.split(t.product()))),
              "MatMul Reshape Gemm Reshape Add");
  }
}

}  // namespace
}  // namespace ferry
