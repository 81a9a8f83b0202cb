// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(Slice, AsNumpy) {
  const auto slice = [](int64_t start, int64_t end, int64_t step, std::vector<int64_t> want) {
    OpTester("Slice")
        .input(ints({0, 1, 2, 3, 4}))
        .input(ints({start}))
        .input(ints({end}))
        .input(ints({0}))
        .input(ints({step}))
        .expect(ints(want))
        .run();
    std::vector<float> floats(want.begin(), want.end());
    OpTester("Slice")
        .input(iota({5}))
        .input(ints({start}))
        .input(ints({end}))
        .input(ints({0}))
        .input(ints({step}))
        .expect(tensor<float>({static_cast<int64_t>(want.size())}, floats))
        .run();
  };
  slice(1, 3, 1, {1, 2});
  slice(-2, INT64_MAX, 1, {3, 4});
  slice(0, INT32_MAX, 2, {0, 2, 4});
  slice(3, 1, 1, {});
  slice(-1, INT64_MIN, -1, {4, 3, 2, 1, 0});
  slice(INT64_MAX, 0, -2, {4, 2});
  slice(3, -10, -1, {3, 2, 1, 0});
  slice(1, 100, INT64_MAX, {1});
  slice(4, INT64_MIN, INT64_MIN, {4});
  slice(7, 9, 1, {});
  OpTester("Slice")
      .input(tensor<float>({2, 3}, {1, 2, 3, 4, 5, 6}))
      .input(ints({0, 1}))
      .input(ints({1, 3}))
      .expect(tensor<float>({1, 2}, {2, 3}))
      .run();
  OpTester("Slice")
      .input(iota({0}))
      .input(ints({-1}))
      .input(ints({INT64_MIN}))
      .input(ints({0}))
      .input(ints({-1}))
      .expect(iota({0}))
      .run();
  OpTester("Slice")
      .input(iota({2}))
      .input(ints({0}))
      .input(ints({1}))
      .input(ints({0}))
      .input(ints({0}))
      .expect_error(Code::kInvalidModel, "a step is 0")
      .run();
  OpTester("Slice")
      .input(iota({2}))
      .input(ints({0}))
      .input(ints({1, 2}))
      .expect_error(Code::kInvalidModel, "wanted as many of each")
      .run();
}

}  // namespace
}  // namespace ferry
