// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(LogSoftmax, RowsAndLargeValues) {
  OpTester("LogSoftmax")
      .input(tensor<float>({1, 2}, {0, std::log(3.0f)}))
      .expect(tensor<float>({1, 2}, {std::log(0.25f), std::log(0.75f)}))
      .run();
  OpTester("LogSoftmax")
      .attr("axis", int64_t{0})
      .input(tensor<float>({2, 1}, {1000, 0}))
      .expect(tensor<float>({2, 1}, {0, -1000}))
      .run();
}

TEST(LogSoftmax, RefusesScalars) {
  OpTester("LogSoftmax")
      .input(tensor<float>({}, {1}))
      .expect_error(Code::kInvalidModel, "axis -1 outside [0, 0)")
      .run();
}

}  // namespace
}  // namespace ferry
