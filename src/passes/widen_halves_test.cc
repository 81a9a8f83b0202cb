// SPDX-License-Identifier: Apache-2.0
#include "passes/widen_halves.h"

#include <gtest/gtest.h>

#include "passes/pass_tester.h"

namespace ferry {
namespace {

const Dim N = Dim::symbol("N");
// Of f16 results near 1.
constexpr double kNear = 2e-3;

TEST(WidenHalves, ComputesInF32) {
  PassTester t;
  const ValueId x = t.input({N, 4}, DType::kFloat16), y = t.input({N, 4}, DType::kFloat16);
  t.output(t.binary("Max", x, y));
  EXPECT_EQ(t.run({widen_halves()}, kNear), "Cast Cast Max Cast");
}

TEST(WidenHalves, RoundsBetweenOperators) {
  PassTester t;
  const ValueId x = t.input({N, 4}, DType::kBFloat16);
  t.output(t.unary("Softmax", t.binary("Max", x, x)));
  EXPECT_EQ(t.run({widen_halves()}, 2e-2), "Cast Cast Max Cast Cast Softmax Cast");
}

TEST(WidenHalves, ComparesWithoutCastingFlags) {
  PassTester t;
  const ValueId x = t.input({N, 4}, DType::kFloat16), y = t.input({N, 4}, DType::kFloat16);
  t.output(t.binary("Less", x, y));
  EXPECT_EQ(t.run({widen_halves()}), "Cast Cast Less");
}

TEST(WidenHalves, LeavesMoversElementsAndF32) {
  PassTester t;
  const ValueId x = t.input({N, 4}, DType::kFloat16), y = t.input({N, 4});
  t.output(t.unary("Transpose", x));
  t.output(t.unary("Relu", y));
  t.output(t.unary("Exp", x));
  EXPECT_EQ(t.run({widen_halves()}, kNear), "Transpose Relu Exp");
}

}  // namespace
}  // namespace ferry
