// SPDX-License-Identifier: Apache-2.0
#include "runtime/evaluate_constant.h"

#include "ops/math/einsum.h"
#include "ops/math/gemm.h"
#include "ops/tensor/split.h"
#include "ops/tensor/transpose.h"
#include "runtime/run_tester.h"

namespace ferry {
namespace {

SessionOptions one_thread() { return {.threads = 1}; }

// Large enough for a program: products, what is lowered to them, several outputs, absent ones.
TEST(EvaluateConstant, LargeConstantsAreComputedByFastKernels) {
  RunTester t;
  const ValueId x = t.input({Dim::symbol("N"), 160});
  const ValueId a = t.weights({128, 192}), b = t.weights({192, 160}), c = t.weights({160});
  ValueId y = t.binary("Add", x, t.node(make_op("MatMul"), {a, b}));
  y = t.binary("Add", y, t.node(make_op("Einsum", Einsum{"ij,jk->ik"}), {a, b}));
  Gemm gemm;
  gemm.trans_a = true;
  const ValueId turned = t.node(make_op("Transpose", Transpose{{1, 0}}), {a});
  y = t.binary("Add", y, t.node(make_op("Gemm", gemm), {turned, b, c}));
  t.output(y);
  const std::vector<ValueId> halves =
      t.node(make_op("Split", Split{0, 2}), {t.weights({8192, 160})}, 2);
  t.output(t.binary("Mul", x, halves[1]));
  t.engine(one_thread());
  t.check({{"N", 1}}, 1e-4);
  EXPECT_EQ(t.engine().report().steps.size(), 2u);
}

TEST(EvaluateConstant, FailuresAreLeftToTheRun) {
  RunTester t;
  std::vector<int64_t> far(2000, 9);
  t.output(t.binary("Add", t.input({2000, 300}),
                    t.node(make_op("Gather"), {t.weights({5, 300}), t.ints(far)})));
  std::vector<Value> out;
  const Status s = t.engine(one_thread()).run(t.inputs(), out, {});
  EXPECT_EQ(s.code(), Code::kInvalidArgument) << s.to_string();
}

}  // namespace
}  // namespace ferry
