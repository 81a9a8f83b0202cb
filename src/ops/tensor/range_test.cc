// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(Range, Counts) {
  const auto scalar = []<class T>(T v) { return tensor<T>({}, {v}); };
  OpTester("Range")
      .input(scalar(int64_t{3}))
      .input(scalar(int64_t{9}))
      .input(scalar(int64_t{3}))
      .expect(ints({3, 6}))
      .run();
  OpTester("Range")
      .input(scalar(int32_t{10}))
      .input(scalar(int32_t{4}))
      .input(scalar(int32_t{-2}))
      .expect(tensor<int32_t>({3}, {10, 8, 6}))
      .run();
  OpTester("Range")
      .input(scalar(1.0f))
      .input(scalar(2.0f))
      .input(scalar(0.3f))
      .expect(tensor<float>({4}, {1, 1.3f, 1.6f, 1.9f}))
      .run();
  OpTester("Range")
      .input(scalar(5.0))
      .input(scalar(1.0))
      .input(scalar(1.0))
      .expect(tensor<double>({0}, {}))
      .run();
  OpTester("Range")
      .input(scalar(int64_t{INT64_MIN}))
      .input(scalar(INT64_MAX))
      .input(scalar(INT64_MAX))
      .expect(ints({INT64_MIN, -1, INT64_MAX - 1}))
      .run();
  OpTester("Range")
      .input(scalar(int64_t{1}))
      .input(scalar(int64_t{2}))
      .input(scalar(int64_t{0}))
      .expect_error(Code::kInvalidArgument, "delta is 0")
      .run();
}

}  // namespace
}  // namespace ferry
