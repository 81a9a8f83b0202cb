// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(Reshape, CopiesAndInfers) {
  const auto reshape = [](const Dims& from, std::vector<int64_t> shape, const Dims& to) {
    OpTester("Reshape").input(iota(from)).input(ints(shape)).expect(iota(to)).run();
  };
  reshape({2, 3, 4}, {4, 2, 3}, {4, 2, 3});
  reshape({2, 3, 4}, {0, -1}, {2, 12});
  reshape({2, 3, 4}, {0, 0, 4, 1}, {2, 3, 4, 1});
  reshape({1}, {}, {});
  reshape({0, 3}, {0, -1}, {0, 3});
  OpTester("Reshape")
      .attr("allowzero", int64_t{1})
      .input(iota({0, 3, 4}))
      .input(ints({3, 4, 0}))
      .expect(iota({3, 4, 0}))
      .run();
  const auto fails = [](const Dims& from, std::vector<int64_t> shape, Code code,
                        const char* words) {
    OpTester("Reshape").input(iota(from)).input(ints(shape)).expect_error(code, words).run();
  };
  fails({2, 3}, {-1, -1}, Code::kInvalidModel, "has -1 twice");
  fails({2, 3}, {-1, 4}, Code::kShapeMismatch, "do not divide by 4");
  fails({2, 3}, {5}, Code::kShapeMismatch, "6 elements");
  fails({2, 3}, {2, 3, 0}, Code::kShapeMismatch, "copies axis 2");
  fails({2, 3}, {-2, 3}, Code::kInvalidModel, "below -1");
  fails({1}, {int64_t{1} << 40, int64_t{1} << 40}, Code::kLimitExceeded, "overflow");
  fails({1}, std::vector<int64_t>(17, 1), Code::kLimitExceeded, "rank 17");
}

TEST(Reshape, FlattenMakesAMatrix) {
  const auto flatten = [](int64_t axis, const Dims& want) {
    OpTester("Flatten").attr("axis", axis).input(iota({2, 3, 4})).expect(iota(want)).run();
  };
  flatten(0, {1, 24});
  flatten(1, {2, 12});
  flatten(3, {24, 1});
  flatten(-1, {6, 4});
  OpTester("Flatten")
      .attr("axis", int64_t{4})
      .input(iota({2, 3}))
      .expect_error(Code::kInvalidModel, "axis 4 outside [-2, 2]")
      .run();
}

}  // namespace
}  // namespace ferry
