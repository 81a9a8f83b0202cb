// SPDX-License-Identifier: Apache-2.0
#include "passes/lower_gemm.h"

#include <gtest/gtest.h>

#include "ops/math/gemm.h"
#include "passes/pass_tester.h"

namespace ferry {
namespace {

// NOLINTNEXTLINE(readability-identifier-naming): as symbols are written
const Dim N = Dim::symbol("N");

struct Case {
  Gemm op;
  bool weights;   // b is constant
  Shape c;        // computed; empty: none
  Dims constant;  // of c; empty: none
};

std::string lowered(const Case& given) {
  PassTester t;
  const Gemm& op = given.op;
  const ValueId a = t.input(op.trans_a ? Shape{4, N} : Shape{N, 4});
  const Dims b = op.trans_b ? Dims{5, 4} : Dims{4, 5};
  std::vector<ValueId> inputs = {a, given.weights ? t.weights(b) : t.input(shape_of(b))};
  if (!given.c.empty()) inputs.push_back(t.input(given.c));
  if (!given.constant.empty()) inputs.push_back(t.weights(given.constant));
  t.output(t.node(make_op("Gemm", op), inputs));
  return t.run({lower_gemm()}, 1e-5);
}

TEST(LowerGemm, LayersStay) {
  EXPECT_EQ(lowered({{}, true, {}, {}}), "Gemm");
  EXPECT_EQ(lowered({{2, 3, false, true}, true, {}, {5}}), "Gemm");
  EXPECT_EQ(lowered({{2, 3, false, true}, true, {}, {1, 5}}), "Gemm");
  EXPECT_EQ(lowered({{2, 3}, true, {}, {1}}), "Gemm");
}

TEST(LowerGemm, Transposed) {
  EXPECT_EQ(lowered({{2, 3, true, true}, true, {}, {5}}), "Transpose Gemm");
  EXPECT_EQ(lowered({{2, 3, true, true}, false, {}, {5}}),
            "Transpose Transpose MatMul Mul Mul Add");
}

TEST(LowerGemm, ComputedOperands) {
  EXPECT_EQ(lowered({{}, false, {}, {}}), "MatMul");
  EXPECT_EQ(lowered({{1, 1, false, true}, false, {5}, {}}), "Transpose MatMul Add");
  EXPECT_EQ(lowered({{1, 1, false, true}, true, {N, 5}, {}}), "MatMul Add");
  EXPECT_EQ(lowered({{0.5f, 1}, true, {N, 1}, {}}), "MatMul Mul Add");
  EXPECT_EQ(lowered({{1, -2}, true, {}, {3, 5}}), "Gemm");
  EXPECT_EQ(lowered({{1, 0}, false, {5}, {}}), "MatMul Mul Add");
}

}  // namespace
}  // namespace ferry
