// SPDX-License-Identifier: Apache-2.0
// Spellings of attention that must be found, near-misses that must not.
#include "passes/fuse_attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ops/nn/softmax.h"
#include "ops/tensor/transpose.h"
#include "passes/pass_tester.h"

namespace ferry {
namespace {

constexpr double kNear = 1e-5;
// NOLINTNEXTLINE(readability-identifier-naming): as symbols are written
const Dim B = Dim::symbol("B"), S = Dim::symbol("S"), T = Dim::symbol("T");

struct Spelling : PassTester {
  ValueId q = input({B, 3, S, 8}), k = input({B, 3, T, 8}), v = input({B, 3, T, 5});

  ValueId matmul(ValueId a, ValueId b) { return node(make_op("MatMul"), {a, b}); }
  ValueId transpose(ValueId x, std::vector<int64_t> perm) {
    return node(make_op("Transpose", Transpose{std::move(perm)}), {x});
  }
  ValueId keys() { return transpose(k, {0, 1, 3, 2}); }
  ValueId softmax(ValueId x, int64_t axis = -1) {
    return node(make_op("Softmax", Softmax{axis}), {x});
  }
  ValueId mul(ValueId a, float b) { return binary("Mul", a, scalar(b)); }
  ValueId where(ValueId c, ValueId a, ValueId b) { return node(make_op("Where"), {c, a, b}); }
  std::string found(ValueId y) {
    output(y);
    return run({fuse_attention()}, kNear, {}, 6);
  }
};

TEST(FuseAttention, ScaleAnywhere) {
  Spelling a, b, c, d;
  EXPECT_EQ(a.found(a.matmul(a.softmax(a.mul(a.matmul(a.q, a.keys()), 0.35f)), a.v)), "Attention");
  EXPECT_EQ(b.found(b.matmul(b.softmax(b.matmul(b.mul(b.q, 0.6f), b.mul(b.keys(), 0.6f))), b.v)),
            "Attention");
  const ValueId divided = c.binary("Div", c.matmul(c.q, c.keys()), c.scalar(2.8f));
  EXPECT_EQ(c.found(c.matmul(c.softmax(divided), c.v)), "Attention");
  EXPECT_EQ(d.found(d.matmul(d.softmax(d.matmul(d.q, d.keys()), 3), d.v)), "Attention");
}

TEST(FuseAttention, Masks) {
  {
    Spelling t;
    const ValueId scores = t.mul(t.matmul(t.q, t.keys()), 0.3f);
    const ValueId masked = t.binary("Add", scores, t.input({B, 1, S, T}));
    EXPECT_EQ(t.found(t.matmul(t.softmax(masked), t.v)), "Attention");
  }
  {
    Spelling t;  // two masks, the other way round
    const ValueId bias = t.input({1, 3, S, T});
    const ValueId scores = t.binary("Add", bias, t.matmul(t.q, t.keys()));
    const ValueId masked = t.binary("Add", scores, t.input({T}));
    EXPECT_EQ(t.found(t.matmul(t.softmax(masked), t.v)), "Add Attention");
  }
  {
    Spelling t;
    const ValueId yes = t.input({B, 1, 1, T}, DType::kBool);
    const ValueId masked = t.where(yes, t.matmul(t.q, t.keys()), t.scalar(-INFINITY));
    EXPECT_EQ(t.found(t.matmul(t.softmax(masked), t.v)), "Attention");
  }
  {
    Spelling t;
    const ValueId no = t.input({S, T}, DType::kBool);
    const ValueId masked = t.where(no, t.scalar(-3.4e38f), t.matmul(t.q, t.keys()));
    EXPECT_EQ(t.found(t.matmul(t.softmax(masked), t.v)), "Where Attention");
  }
}

// A row that sees only padding attends all keys alike: a later mask says what a score is, it adds
// nothing to what an earlier one has made the least of all numbers.
TEST(FuseAttention, AMaskReplacesAnEarlierOne) {
  Spelling t;
  const ValueId least = t.scalar(-3.4e38f);
  const ValueId real = t.input({B, 1, 1, T}, DType::kBool), past = t.input({S, T}, DType::kBool);
  const ValueId padding = t.where(real, t.scalar(0), least);
  const ValueId scores = t.binary("Add", t.matmul(t.q, t.keys()), padding);
  EXPECT_EQ(t.found(t.matmul(t.softmax(t.where(past, scores, least)), t.v)),
            "Where Where Attention");
}

TEST(FuseAttention, RowsOfNobody) {
  for (const bool guarded : {false, true}) {
    Spelling t;
    const ValueId mask =
        t.where(t.input({S, 1}, DType::kBool), t.input({S, T}), t.scalar(-INFINITY));
    const ValueId p = t.softmax(t.binary("Add", t.matmul(t.q, t.keys()), mask));
    const ValueId weights = guarded ? t.where(t.node(make_op("IsNaN"), {p}), t.scalar(0), p) : p;
    EXPECT_EQ(t.found(t.matmul(weights, t.v)), "Where Attention");
  }
}

TEST(FuseAttention, KeysTransposed) {
  {
    Spelling t;  // both moves of the keys in one transpose
    const ValueId k = t.transpose(t.input({B, T, 3, 8}), {0, 2, 3, 1});
    EXPECT_EQ(t.found(t.matmul(t.softmax(t.matmul(t.q, k)), t.v)), "Transpose Attention");
  }
  {
    Spelling t;  // leading axes merged
    const ValueId k = t.input({2, 3, T, 8}), q = t.input({2, 3, S, 8}), v = t.input({2, 3, T, 4});
    const ValueId merged = t.node(make_op("Reshape"), {k, t.ints({6, -1, 8})});
    const ValueId moved = t.transpose(merged, {0, 2, 1});
    const ValueId back = t.node(make_op("Reshape"), {moved, t.ints({2, 3, 8, -1})});
    EXPECT_EQ(t.found(t.matmul(t.softmax(t.matmul(q, back)), v)), "Attention");
  }
  {
    Spelling t;  // rank 3
    const ValueId q = t.input({6, S, 8}), k = t.input({6, T, 8}), v = t.input({6, T, 4});
    const ValueId scores = t.matmul(q, t.transpose(k, {0, 2, 1}));
    EXPECT_EQ(t.found(t.matmul(t.softmax(t.binary("Add", scores, t.input({6, S, T}))), v)),
              "Unsqueeze Unsqueeze Unsqueeze Unsqueeze Attention Squeeze");
  }
}

TEST(FuseAttention, HeadsInside) {
  Spelling t;
  const auto heads = [&](const Dim& length) {
    return t.transpose(t.input({B, length, 3, 8}), {0, 2, 1, 3});
  };
  const ValueId q = heads(S), k = t.transpose(heads(T), {0, 1, 3, 2});
  const ValueId y = t.matmul(t.softmax(t.matmul(q, k)), heads(T));
  EXPECT_EQ(t.found(t.transpose(y, {0, 2, 1, 3})),
            "Reshape Reshape Reshape Attention Reshape Transpose Transpose");
}

TEST(FuseAttention, FactorsOfOperandsUnderMoves) {
  Spelling t;
  const auto heads = [&](const Dim& length) { return t.input({B, length, 3, 8}); };
  const ValueId q = t.transpose(t.mul(heads(S), 0.6f), {0, 2, 1, 3});
  const ValueId k = t.transpose(t.mul(heads(T), 0.7f), {0, 2, 3, 1});
  const ValueId v = t.transpose(heads(T), {0, 2, 1, 3});
  EXPECT_EQ(t.found(t.matmul(t.softmax(t.mul(t.matmul(q, k), 0.9f)), v)),
            "Reshape Reshape Reshape Attention Reshape Transpose");
  Spelling cached;  // only the new keys have the factor
  const ValueId scaled = cached.mul(cached.k, 0.5f);
  const ValueId past_k = cached.input({B, 3, 2, 8}), past_v = cached.input({B, 3, 2, 5});
  const auto outs =
      cached.node(make_op("Attention"), {cached.q, scaled, cached.v, kNone, past_k, past_v}, 1);
  EXPECT_EQ(cached.found(outs[0]), "Mul Attention");
}

TEST(FuseAttention, Halves) {
  for (const DType dtype : {DType::kFloat16, DType::kBFloat16}) {
    for (const double hidden : {-std::numeric_limits<double>::infinity(), -6e4}) {
      PassTester t;
      const ValueId q = t.input({B, 3, 2, 8}, dtype), k = t.input({B, 3, 8, 3}, dtype);
      const ValueId v = t.input({B, 3, 3, 5}, dtype);
      const ValueId half = t.graph.add_constant(make_floats(dtype, {}, {0.5}));
      const ValueId mask =
          t.graph.add_constant(make_floats(dtype, {2, 3}, {0, hidden, hidden, 0, 0, hidden}));
      const ValueId product = t.binary("Mul", t.node(make_op("MatMul"), {q, k}), half);
      const ValueId p = t.node(make_op("Softmax", Softmax{-1}), {t.binary("Add", product, mask)});
      t.output(t.node(make_op("MatMul"), {p, v}));
      // What is more than hidden or not depends on how sums are rounded.
      EXPECT_EQ(t.run({fuse_half_attention()}, dtype == DType::kFloat16 ? 2e-3 : 2e-2),
                hidden < -1e30 ? "Transpose Attention" : "MatMul Mul Add Softmax MatMul");
    }
  }
}

TEST(FuseAttention, GroupedQueries) {
  for (const int64_t repeats : {2, 1}) {
    Spelling t;
    const auto repeated = [&](int64_t width) {
      const ValueId x = t.input({B, 3, T, width});
      const ValueId single = t.node(make_op("Unsqueeze"), {x, t.ints({2})});
      const ValueId many = t.node(make_op("Expand"), {single, t.ints({1, 1, repeats, 1, 1})});
      return t.node(make_op("Reshape"), {many, t.ints({0, 3 * repeats, -1, width})});
    };
    const ValueId q = t.input({B, 3 * repeats, S, 8});
    const ValueId keys = t.transpose(repeated(8), {0, 1, 3, 2});
    EXPECT_EQ(t.found(t.matmul(t.softmax(t.matmul(q, keys)), repeated(5))), "Attention");
  }
}

TEST(FuseAttention, HeadsRepeatedInTurn) {
  Spelling t;  // 0 1 2 0 1 2, not 0 0 1 1 2 2
  const auto repeated = [&](int64_t width) {
    const ValueId single = t.node(make_op("Unsqueeze"), {t.input({B, 3, T, width}), t.ints({1})});
    const ValueId many = t.node(make_op("Expand"), {single, t.ints({1, 2, 1, 1, 1})});
    return t.node(make_op("Reshape"), {many, t.ints({0, 6, -1, width})});
  };
  const ValueId keys = t.transpose(repeated(8), {0, 1, 3, 2});
  const ValueId y = t.matmul(t.softmax(t.matmul(t.input({B, 6, S, 8}), keys)), repeated(5));
  EXPECT_EQ(t.found(y), "Unsqueeze Expand Reshape Unsqueeze Expand Reshape Attention");
}

TEST(FuseAttention, NearMisses) {
  const std::string plain = "Transpose MatMul Softmax MatMul";
  {
    Spelling t;  // not over the keys
    EXPECT_EQ(t.found(t.matmul(t.softmax(t.matmul(t.q, t.keys()), 2), t.v)), plain);
  }
  {
    Spelling t;  // the probabilities are wanted
    const ValueId p = t.softmax(t.matmul(t.q, t.keys()));
    t.output(p);
    EXPECT_EQ(t.found(t.matmul(p, t.v)), plain);
  }
  {
    Spelling t;  // one key head for all
    const ValueId k = t.input({B, 1, 8, T});
    EXPECT_EQ(t.found(t.matmul(t.softmax(t.matmul(t.q, k)), t.v)), "MatMul Softmax MatMul");
  }
  {
    Spelling t;  // a mask that is one number per query
    const ValueId scores = t.binary("Add", t.matmul(t.q, t.keys()), t.input({S, 1}));
    EXPECT_EQ(t.found(t.matmul(t.softmax(scores), t.v)), "Transpose MatMul Add Softmax MatMul");
  }
  {
    Spelling t;  // scaled by a vector
    const ValueId scores = t.binary("Mul", t.matmul(t.q, t.keys()), t.input({T}));
    EXPECT_EQ(t.found(t.matmul(t.softmax(scores), t.v)), "Transpose MatMul Mul Softmax MatMul");
  }
  {
    Spelling t;  // hidden scores that are not far below the others
    const ValueId yes = t.input({S, T}, DType::kBool);
    const ValueId scores = t.where(yes, t.matmul(t.q, t.keys()), t.scalar(-1e4f));
    EXPECT_EQ(t.found(t.matmul(t.softmax(scores), t.v)), "Transpose MatMul Where Softmax MatMul");
  }
}

}  // namespace
}  // namespace ferry
