// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(BitCast, KeepsBits) {
  OpTester("BitCast").attr("to", int64_t{6}).input(tensor<float>({2}, {1, -0.0f})).expect(tensor<int32_t>({2}, {0x3f800000, INT32_MIN})).run();
  OpTester("BitCast").attr("to", int64_t{21}).input(packed_tensor(DType::kInt4, {3}, {15, 1, 8})).expect(packed_tensor(DType::kUInt4, {3}, {15, 1, 8})).run();
  OpTester("BitCast").attr("to", int64_t{9}).input(tensor<uint8_t>({2}, {2, 0})).expect(tensor<bool>({2}, {true, false})).run();
  OpTester("BitCast").attr("to", int64_t{7}).input(tensor<float>({1}, {1})).expect_error(Code::kInvalidModel, "f32 has not the bits of i64").run();
  OpTester("BitCast").attr("to", int64_t{7}).input(tensor<std::string>({1}, {"a"})).expect_error(Code::kInvalidModel, "").run();
}

}  // namespace
}  // namespace ferry
