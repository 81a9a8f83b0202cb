// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(Cumulative, Directions) {
  const auto run = [](const char* op, bool exclusive, bool reverse, std::vector<float> want) {
    OpTester(op)
        .attr("exclusive", int64_t{exclusive})
        .attr("reverse", int64_t{reverse})
        .input(tensor<float>({3}, {1, 2, 3}))
        .input(tensor<int64_t>({}, {0}))
        .expect(tensor<float>({3}, want))
        .run();
  };
  run("CumSum", false, false, {1, 3, 6});
  run("CumSum", true, false, {0, 1, 3});
  run("CumSum", false, true, {6, 5, 3});
  run("CumSum", true, true, {5, 3, 0});
  run("CumProd", false, false, {1, 2, 6});
  run("CumProd", true, true, {6, 3, 1});
  OpTester("CumSum")
      .input(tensor<int32_t>({2, 2}, {1, 2, INT32_MAX, 4}))
      .input(tensor<int32_t>({1}, {-2}))
      .expect(tensor<int32_t>({2, 2}, {1, 2, INT32_MIN, 6}))
      .run();
  OpTester("CumSum").input(iota({0})).input(tensor<int64_t>({}, {0})).expect(iota({0})).run();
  OpTester("CumSum")
      .input(iota({2}))
      .input(tensor<int64_t>({}, {1}))
      .expect_error(Code::kInvalidModel, "axis 1 outside")
      .run();
}

}  // namespace
}  // namespace ferry
