// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(Pad, Modes) {
  const auto pad = [](const char* mode, const std::vector<int64_t>& pads,
                      const std::vector<float>& want) {
    OpTester("Pad")
        .attr("mode", std::string(mode))
        .input(tensor<float>({4}, {1, 2, 3, 4}))
        .input(ints(pads))
        .expect(tensor<float>({static_cast<int64_t>(want.size())}, want))
        .run();
  };
  pad("constant", {1, 2}, {0, 1, 2, 3, 4, 0, 0});
  pad("constant", {-1, -1}, {2, 3});
  pad("edge", {2, 1}, {1, 1, 1, 2, 3, 4, 4});
  pad("reflect", {2, 3}, {3, 2, 1, 2, 3, 4, 3, 2, 1});
  pad("reflect", {5, 0}, {2, 3, 4, 3, 2, 1, 2, 3, 4});
  pad("wrap", {1, 5}, {4, 1, 2, 3, 4, 1, 2, 3, 4, 1});
  pad("edge", {-2, 1}, {3, 4, 4});
  OpTester("Pad")
      .input(tensor<int64_t>({1, 2}, {1, 2}))
      .input(ints({1, 0}))
      .input(tensor<int64_t>({}, {9}))
      .input(tensor<int32_t>({1}, {-2}))
      .expect(tensor<int64_t>({2, 2}, {9, 9, 1, 2}))
      .run();
  OpTester("Pad")
      .input(tensor<std::string>({1}, {"a"}))
      .input(ints({0, 1}))
      .expect(tensor<std::string>({2}, {"a", ""}))
      .run();
  OpTester("Pad")
      .input(packed_tensor(DType::kInt4, {1}, {5}))
      .input(ints({1, 1}))
      .input(packed_tensor(DType::kInt4, {1}, {7}))
      .expect(packed_tensor(DType::kInt4, {3}, {7, 5, 7}))
      .run();
  OpTester("Pad").input(iota({0})).input(ints({1, 1})).expect(tensor<float>({2}, {0, 0})).run();
  OpTester("Pad")
      .attr("mode", std::string("edge"))
      .input(iota({0}))
      .input(ints({1, 1}))
      .expect_error(Code::kInvalidArgument, "without elements")
      .run();
  OpTester("Pad")
      .attr("mode", std::string("mirror"))
      .input(iota({1}))
      .input(ints({1, 1}))
      .expect_error(Code::kInvalidModel, "mode is 'mirror'")
      .run();
  OpTester("Pad")
      .input(iota({1}))
      .input(ints({1}))
      .expect_error(Code::kInvalidArgument, "pads has 1 elements for 1 axes")
      .run();
  OpTester("Pad")
      .input(iota({3}))
      .input(ints({-2, -2}))
      .expect_error(Code::kInvalidArgument, "do not fit")
      .run();
  OpTester("Pad")
      .input(iota({3}))
      .input(ints({INT64_MIN, INT64_MAX}))
      .expect_error(Code::kInvalidArgument, "do not fit")
      .run();
  OpTester("Pad")
      .input(iota({1, 1}))
      .input(ints({0, 0, int64_t{1} << 56, int64_t{1} << 48}))
      .expect_error(Code::kLimitExceeded, "overflows 64 bits")
      .run();
}

}  // namespace
}  // namespace ferry
