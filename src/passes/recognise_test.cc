// SPDX-License-Identifier: Apache-2.0
// Operators recognised by meaning: spellings that must be found, near-misses that must not.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <sstream>

#include "ops/nn/group_normalization.h"
#include "ops/reduction/reduce.h"
#include "ops/tensor/reshape.h"
#include "passes/fuse_activations.h"
#include "passes/fuse_group_normalization.h"
#include "passes/fuse_normalization.h"
#include "passes/merge_duplicates.h"
#include "passes/pass_tester.h"

namespace ferry {
namespace {

constexpr double kNear = 1e-5;
const Dim N = Dim::symbol("N");

struct Spelling : PassTester {
  ValueId x = input({N, 4, 6});
  ValueId add(ValueId a, ValueId b) { return binary("Add", a, b); }
  ValueId sub(ValueId a, ValueId b) { return binary("Sub", a, b); }
  ValueId mul(ValueId a, ValueId b) { return binary("Mul", a, b); }
  ValueId div(ValueId a, ValueId b) { return binary("Div", a, b); }
  ValueId pow(ValueId a, float p) { return binary("Pow", a, scalar(p)); }
  ValueId c(float v) { return scalar(v); }
  ValueId reduce(std::string_view name, ValueId v, std::vector<int64_t> axes = {-1}) {
    return node(make_op(name), {v, ints(std::move(axes))});
  }
  ValueId mean(ValueId v, std::vector<int64_t> axes = {-1}) {
    return reduce("ReduceMean", v, std::move(axes));
  }
  std::string found(ValueId y) {
    output(y);
    return run({merge_duplicates(), fuse_normalization(), fuse_activations()}, kNear);
  }
};

// The arguments of a call are evaluated in no fixed order, so what a near-miss leaves is compared
// without order.
std::string sorted(const std::string& words) {
  std::istringstream in(words);
  std::vector<std::string> list(std::istream_iterator<std::string>(in), {});
  std::sort(list.begin(), list.end());
  std::string text;
  for (const std::string& w : list) text += (text.empty() ? "" : " ") + w;
  return text;
}

TEST(FuseActivations, SwishSpellings) {
  Spelling a, b, c, d, e;
  EXPECT_EQ(a.found(a.mul(a.x, a.unary("Sigmoid", a.x))), "Swish");
  EXPECT_EQ(b.found(b.mul(b.unary("Sigmoid", b.mul(b.x, b.c(1.702f))), b.x)), "Swish");
  EXPECT_EQ(c.found(c.div(c.x, c.add(c.c(1), c.unary("Exp", c.unary("Neg", c.x))))), "Swish");
  EXPECT_EQ(d.found(d.mul(
                d.x, d.unary("Reciprocal", d.add(d.unary("Exp", d.unary("Neg", d.x)), d.c(1))))),
            "Swish");
  const ValueId y = e.unary("Tanh", e.mul(e.x, e.x));  // an x that is arithmetic itself
  const ValueId z = e.mul(y, y);
  EXPECT_EQ(e.found(e.mul(z, e.unary("Sigmoid", z))), "Mul Tanh Mul Swish");
}

TEST(FuseActivations, SwishNearMisses) {
  Spelling a, b, c, d;
  EXPECT_EQ(a.found(a.mul(a.x, a.unary("Sigmoid", a.add(a.x, a.c(1))))), "Add Sigmoid Mul");
  EXPECT_EQ(sorted(b.found(b.mul(b.mul(b.x, b.c(2)), b.unary("Sigmoid", b.x)))), "Mul Mul Sigmoid");
  EXPECT_EQ(c.found(c.mul(c.x, c.unary("Sigmoid", c.input({N, 4, 6})))), "Sigmoid Mul");
  const ValueId row = d.input({6});
  EXPECT_EQ(d.found(d.mul(d.x, d.unary("Sigmoid", row))), "Sigmoid Mul");
}

TEST(FuseActivations, HardSwishSpellings) {
  Spelling a, b, c, d;
  const auto clip = [](Spelling& s) {
    return s.node(make_op("Clip"), {s.add(s.x, s.c(3)), s.c(0), s.c(6)});
  };
  Unary hard = *make_op("HardSigmoid").as<Unary>();
  hard.alpha = 1.0f / 6;
  EXPECT_EQ(a.found(a.div(a.mul(a.x, clip(a)), a.c(6))), "HardSwish");
  EXPECT_EQ(b.found(b.mul(b.mul(clip(b), b.c(1.0f / 6)), b.x)), "HardSwish");
  EXPECT_EQ(c.found(c.mul(c.x, c.node(make_op("HardSigmoid", hard), {c.x}))), "HardSwish");
  EXPECT_EQ(d.found(d.mul(d.div(clip(d), d.c(6)), d.x)), "HardSwish");
  Spelling m, n;
  EXPECT_EQ(m.found(m.mul(m.x, m.unary("HardSigmoid", m.x))), "HardSigmoid Mul");
  EXPECT_EQ(n.found(n.div(n.mul(n.x, clip(n)), n.c(5))), "Add Clip Mul Div");
}

TEST(FuseActivations, GeluErfSpellings) {
  Spelling a, b, c, d;
  const float root = 1.41421356f;
  const auto erf = [&](Spelling& s) { return s.unary("Erf", s.div(s.x, s.c(root))); };
  EXPECT_EQ(a.found(a.mul(a.mul(a.x, a.add(erf(a), a.c(1))), a.c(0.5f))), "Gelu");
  EXPECT_EQ(b.found(b.mul(b.mul(b.c(0.5f), b.x), b.add(b.c(1), erf(b)))), "Gelu");
  EXPECT_EQ(c.found(c.mul(c.x, c.mul(c.c(0.5f),
                                     c.add(c.c(1), c.unary("Erf", c.mul(c.x, c.c(0.70710678f))))))),
            "Gelu");
  EXPECT_EQ(d.found(d.mul(d.x, d.add(d.c(0.5f), d.mul(d.c(0.5f), erf(d))))), "Gelu");
  Spelling m, n, o;
  EXPECT_EQ(sorted(m.found(m.mul(m.mul(m.c(0.5f), m.x), m.sub(m.c(1), erf(m))))),
            "Div Erf Mul Mul Sub");
  EXPECT_EQ(sorted(n.found(n.mul(n.mul(n.c(0.5f), n.x), n.add(n.c(1), n.unary("Erf", n.x))))),
            "Add Erf Mul Mul");
  EXPECT_EQ(sorted(o.found(o.mul(o.mul(o.weights({6}), o.x), o.add(o.c(1), erf(o))))),
            "Add Div Erf Mul Mul");
}

TEST(FuseActivations, GeluTanhSpellings) {
  const float k = 0.79788456f, c3 = 0.044715f;
  Spelling a, b, c, d;
  const auto whole = [&](Spelling& s, ValueId u) {
    return s.found(s.mul(s.mul(s.c(0.5f), s.x), s.add(s.c(1), s.unary("Tanh", u))));
  };
  EXPECT_EQ(whole(a, a.mul(a.c(k), a.add(a.x, a.mul(a.c(c3), a.pow(a.x, 3))))), "Gelu");
  EXPECT_EQ(whole(b, b.mul(b.add(b.x, b.mul(b.mul(b.mul(b.x, b.x), b.x), b.c(c3))), b.c(k))),
            "Gelu");
  EXPECT_EQ(whole(c, c.mul(c.mul(c.x, c.c(k)), c.add(c.c(1), c.mul(c.mul(c.c(c3), c.x), c.x)))),
            "Gelu");
  EXPECT_EQ(whole(d, d.add(d.mul(d.c(k), d.x), d.mul(d.c(k * c3), d.pow(d.x, 3)))), "Gelu");
  Spelling m;
  EXPECT_EQ(sorted(whole(m, m.mul(m.c(k), m.add(m.x, m.mul(m.c(0.05f), m.pow(m.x, 3)))))),
            "Add Add Mul Mul Mul Mul Pow Tanh");
}

TEST(FuseNormalization, LayerNormalizationSpellings) {
  const auto affine = [](Spelling& s, ValueId y) {
    return s.found(s.add(s.mul(y, s.weights({6})), s.weights({1, 6})));
  };
  Spelling a, b, c, d, e;
  const auto centred = [](Spelling& s) { return s.sub(s.x, s.mean(s.x)); };
  const auto variance = [&](Spelling& s, ValueId d2) { return s.add(s.mean(d2), s.c(1e-5f)); };
  ValueId m = centred(a);
  EXPECT_EQ(affine(a, a.div(m, a.unary("Sqrt", variance(a, a.pow(m, 2))))), "LayerNormalization");
  m = centred(b);  // the exporter repeats the subtraction
  EXPECT_EQ(affine(b, b.div(m, b.pow(variance(b, b.pow(centred(b), 2)), 0.5f))),
            "LayerNormalization");
  m = centred(c);
  EXPECT_EQ(affine(c, c.mul(c.unary("Reciprocal", c.unary("Sqrt", variance(c, c.mul(m, m)))), m)),
            "LayerNormalization");
  m = centred(d);
  EXPECT_EQ(affine(d, d.mul(m, d.pow(variance(d, d.mul(m, m)), -0.5f))), "LayerNormalization");
  m = e.sub(e.x, e.mean(e.x, {1, 2}));
  const ValueId var = e.add(e.mean(e.mul(m, m), {-2, -1}), e.c(1e-3f));
  EXPECT_EQ(e.found(e.mul(e.weights({4, 6}), e.div(m, e.unary("Sqrt", var)))),
            "LayerNormalization");
}

TEST(FuseNormalization, LayerNormalizationNearMisses) {
  Spelling a, b, c;
  ValueId m = a.sub(a.x, a.mean(a.x, {1}));  // not trailing
  EXPECT_EQ(a.found(a.div(m, a.unary("Sqrt", a.add(a.mean(a.mul(m, m), {1}), a.c(1e-5f))))),
            "ReduceMean Sub Mul ReduceMean Add Sqrt Div");
  m = b.sub(b.x, b.mean(b.x));  // variance about zero
  EXPECT_EQ(b.found(b.div(m, b.unary("Sqrt", b.add(b.mean(b.mul(b.x, b.x)), b.c(1e-5f))))),
            "ReduceMean Sub Mul ReduceMean Add Sqrt Div");
  m = c.sub(c.x, c.mean(c.x));  // a scale per row is no scale
  EXPECT_EQ(c.found(c.mul(c.div(m, c.unary("Sqrt", c.add(c.mean(c.mul(m, m)), c.c(1e-5f)))),
                          c.weights({4, 1}))),
            "LayerNormalization Mul");
}

TEST(FuseNormalization, RmsSpellings) {
  Spelling a, b, c, d;
  const auto s = [](Spelling& t, ValueId sq) { return t.add(t.mean(sq), t.c(1e-6f)); };
  EXPECT_EQ(a.found(a.mul(a.weights({6}),
                          a.mul(a.x, a.unary("Reciprocal", a.unary("Sqrt", s(a, a.pow(a.x, 2))))))),
            "RMSNormalization");
  EXPECT_EQ(b.found(b.mul(b.div(b.x, b.unary("Sqrt", s(b, b.mul(b.x, b.x)))), b.weights({6}))),
            "RMSNormalization");
  EXPECT_EQ(c.found(c.mul(c.x, c.pow(s(c, c.pow(c.x, 2)), -0.5f))), "RMSNormalization");
  EXPECT_EQ(d.found(d.mul(d.x, d.div(d.c(1), d.unary("Sqrt", s(d, d.mul(d.x, d.x)))))),
            "RMSNormalization");
  Spelling m;
  EXPECT_EQ(
      m.found(m.div(m.x, m.unary("Sqrt", m.add(m.reduce("ReduceSum", m.mul(m.x, m.x)), m.c(1))))),
      "Mul ReduceSum Add Sqrt Div");
}

TEST(FuseNormalization, Softmax) {
  Spelling a, b, c, d;
  const auto e = [](Spelling& t, std::vector<int64_t> axis) {
    return t.unary("Exp", t.sub(t.x, t.reduce("ReduceMax", t.x, std::move(axis))));
  };
  ValueId v = e(a, {-1});
  EXPECT_EQ(a.found(a.div(v, a.reduce("ReduceSum", v))), "Softmax");
  v = e(b, {1});
  EXPECT_EQ(b.found(b.mul(b.unary("Reciprocal", b.reduce("ReduceSum", v, {-2})), v)), "Softmax");
  v = e(c, {1});  // another axis
  EXPECT_EQ(c.found(c.div(v, c.reduce("ReduceSum", v))), "ReduceMax Sub Exp ReduceSum Div");
  v = d.unary("Exp", d.x);
  EXPECT_EQ(d.found(d.div(v, d.reduce("ReduceSum", v))), "Exp ReduceSum Div");
}

struct GroupNorm : PassTester {
  ValueId x = input({N, 6, 4, 5});
  ValueId normalized(std::vector<int64_t> inner, std::vector<float> ones, int64_t samples = 0) {
    const Dims groups = {static_cast<int64_t>(ones.size())};
    const std::vector<float> zeros(ones.size(), 0);
    const ValueId flat = node(make_op("Reshape"), {x, ints(std::move(inner))});
    const ValueId y = node(make_op("InstanceNormalization"),
                           {flat, constant(groups, std::move(ones)), constant(groups, zeros)});
    return node(make_op("Reshape"), {y, ints({samples, 6, 4, 5})});
  }
  std::string left() { return run({fuse_group_normalization()}, kNear); }
};

TEST(FuseGroupNormalization, ReshapedInstanceNormalization) {
  for (int64_t groups : {1, 2, 6}) {
    GroupNorm t;
    const ValueId y =
        t.normalized({0, groups, -1}, std::vector<float>(static_cast<size_t>(groups), 2));
    const ValueId scaled = t.binary("Mul", y, t.weights({6, 1, 1}));
    t.output(t.binary("Add", t.constant({1, 6, 1, 1}, {1, 2, 3, 4, 5, 6}), scaled));
    EXPECT_EQ(t.left(), "GroupNormalization");
  }
}

TEST(FuseGroupNormalization, ParametersOfInstanceNormalization) {
  GroupNorm t;
  ValueId y = t.node(make_op("InstanceNormalization"), {t.x, t.weights({6}), t.weights({6})});
  y = t.binary("Add", t.binary("Mul", t.scalar(3), y), t.weights({6, 1, 1}));
  t.output(t.binary("Mul", y, t.weights({5})));  // along another axis
  EXPECT_EQ(t.left(), "InstanceNormalization Mul");
}

TEST(FuseGroupNormalization, NearMisses) {
  GroupNorm t;
  t.output(t.normalized({1, 3, -1}, {1, 1, 1}, -1));  // over all samples
  EXPECT_EQ(t.left(), "Reshape InstanceNormalization Reshape");
}

}  // namespace
}  // namespace ferry
