// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "ops/op_tester.h"
#include "tensor/packed.h"

namespace ferry {
namespace {

Tensor packed(DType type, const Dims& dims, const std::vector<uint8_t>& bits) {
  Tensor t = Tensor::allocate(type, dims).value();
  pack_bits(tensor<uint8_t>(dims, bits), t);
  return t;
}
Tensor bytes_as(DType type, const Dims& dims, std::vector<uint8_t> bytes) {
  Tensor t = Tensor::allocate(type, dims).value();
  std::copy(bytes.begin(), bytes.end(), static_cast<uint8_t*>(t.raw()));
  return t;
}

TEST(QuantizeLinear, RoundsToEvenAndSaturates) {
  OpTester("QuantizeLinear")
      .input(tensor<float>({6}, {1, 3, -1, 1000, -1000, NAN}))
      .input(tensor<float>({}, {2}))
      .input(tensor<int8_t>({}, {1}))
      .expect(tensor<int8_t>({6}, {1, 3, 1, 127, -128, -128}))
      .run();
  OpTester("QuantizeLinear")
      .input(tensor<float>({2}, {INFINITY, 0.5f}))
      .input(tensor<float>({}, {1}))
      .expect(tensor<uint8_t>({2}, {255, 0}))
      .run();
  OpTester("QuantizeLinear")
      .attr("output_dtype", int64_t{4})
      .input(tensor<int32_t>({2}, {70000, 7}))
      .input(tensor<float>({}, {1}))
      .expect(tensor<uint16_t>({2}, {65535, 7}))
      .run();
}

TEST(QuantizeLinear, PerAxisAndBlocks) {
  OpTester("QuantizeLinear")
      .attr("axis", int64_t{0})
      .input(tensor<float>({2, 2}, {2, 4, 2, 4}))
      .input(tensor<float>({2}, {1, 2}))
      .input(tensor<uint8_t>({2}, {0, 10}))
      .expect(tensor<uint8_t>({2, 2}, {2, 4, 11, 12}))
      .run();
  OpTester("QuantizeLinear")
      .attr("axis", int64_t{1})
      .attr("block_size", int64_t{2})
      .input(tensor<float>({1, 3}, {2, 4, 6}))
      .input(tensor<float>({1, 2}, {1, 2}))
      .expect(tensor<uint8_t>({1, 3}, {2, 4, 3}))
      .run();
}

TEST(QuantizeLinear, SmallTypes) {
  OpTester("QuantizeLinear")
      .input(tensor<float>({3}, {-9, 3.4f, 9}))
      .input(tensor<float>({}, {1}))
      .input(packed(DType::kInt4, {}, {0}))
      .expect(packed(DType::kInt4, {3}, {8, 3, 7}))
      .run();
  OpTester("QuantizeLinear")
      .input(tensor<float>({3}, {-1, 2, 9}))
      .input(tensor<float>({}, {1}))
      .attr("output_dtype", int64_t{25})
      .expect(packed(DType::kUInt2, {3}, {0, 2, 3}))
      .run();
  OpTester("QuantizeLinear")
      .attr("output_dtype", int64_t{23})
      .input(tensor<float>({3}, {-1, 2.4f, 99}))
      .input(tensor<float>({}, {1}))
      .expect(packed(DType::kFloat4E2M1, {3}, {0xa, 4, 7}))
      .run();
  OpTester("QuantizeLinear")
      .attr("output_dtype", int64_t{17})
      .attr("saturate", int64_t{0})
      .input(tensor<float>({2}, {1, 1e9f}))
      .input(tensor<float>({}, {1}))
      .expect(bytes_as(DType::kFloat8E4M3FN, {2}, {0x38, 0x7f}))
      .run();
  OpTester("QuantizeLinear")
      .input(tensor<float>({2}, {-0.0f, 0}))
      .input(tensor<float>({}, {1}))
      .input(bytes_as(DType::kFloat8E4M3FN, {}, {0}))
      .expect(bytes_as(DType::kFloat8E4M3FN, {2}, {0x80, 0}))
      .run();
}

TEST(QuantizeLinear, DividesInTheTypeOfTheScale) {
  // 3 / 1.9990234375 is 1.5007: f16 rounds it to 1.501, f32 scaled by 1000 would differ.
  OpTester("QuantizeLinear")
      .attr("output_dtype", int64_t{4})
      .input(tensor<half>({1}, {1000.0f}))
      .input(tensor<half>({}, {0.3f}))
      .expect(tensor<uint16_t>({1}, {3332}))
      .run();
  OpTester("QuantizeLinear")
      .attr("output_dtype", int64_t{4})
      .attr("precision", int64_t{1})
      .input(tensor<half>({1}, {1000.0f}))
      .input(tensor<half>({}, {0.3f}))
      .expect(tensor<uint16_t>({1}, {3333}))
      .run();
}

TEST(QuantizeLinear, RefusesWhatDoesNotFit) {
  const Tensor x = random_tensor({2, 3}, 1);
  OpTester("QuantizeLinear")
      .input(x)
      .input(random_tensor({2}, 1))
      .expect_error(Code::kShapeMismatch, "the scale is f32[2] for x f32[2,3] with axis 1")
      .run();
  OpTester("QuantizeLinear")
      .attr("block_size", int64_t{2})
      .input(x)
      .input(random_tensor({2, 3}, 1))
      .expect_error(Code::kShapeMismatch, "blocks of 2")
      .run();
  OpTester("QuantizeLinear")
      .attr("output_dtype", int64_t{3})
      .input(x)
      .input(tensor<float>({}, {1}))
      .input(tensor<uint8_t>({}, {1}))
      .expect_error(Code::kInvalidModel, "the zero point has type u8")
      .run();
  OpTester("QuantizeLinear")
      .attr("output_dtype", int64_t{1})
      .input(x)
      .input(tensor<float>({}, {1}))
      .expect_error(Code::kInvalidModel, "attribute 'output_dtype' is 1")
      .run();
}

TEST(DequantizeLinear, IntegersAndSmallTypes) {
  OpTester("DequantizeLinear")
      .input(tensor<uint8_t>({3}, {0, 3, 255}))
      .input(tensor<float>({}, {2}))
      .input(tensor<uint8_t>({}, {128}))
      .expect(tensor<float>({3}, {-256, -250, 254}))
      .run();
  OpTester("DequantizeLinear")
      .attr("axis", int64_t{0})
      .input(packed(DType::kInt4, {2, 1}, {8, 7}))
      .input(tensor<half>({2}, {1.0f, 2.0f}))
      .expect(tensor<half>({2, 1}, {-8.0f, 14.0f}))
      .run();
  OpTester("DequantizeLinear")
      .input(bytes_as(DType::kFloat8E5M2, {2}, {0x3c, 0x7c}))
      .input(tensor<float>({}, {3}))
      .expect(tensor<float>({2}, {3, INFINITY}))
      .run();
  OpTester("DequantizeLinear")
      .attr("output_dtype", int64_t{1})
      .attr("block_size", int64_t{1})
      .attr("axis", int64_t{0})
      .input(packed(DType::kFloat4E2M1, {2}, {1, 7}))
      .input(bytes_as(DType::kFloat8E8M0, {2}, {128, 126}))
      .expect(tensor<float>({2}, {1, 3}))
      .run();
  OpTester("DequantizeLinear")
      .input(tensor<int32_t>({1}, {INT32_MIN}))
      .input(tensor<float>({}, {1}))
      .expect(tensor<float>({1}, {-2147483648.0f}))
      .run();
}

TEST(DequantizeLinear, RefusesWhatDoesNotFit) {
  OpTester("DequantizeLinear")
      .input(tensor<uint8_t>({1}, {0}))
      .input(bytes_as(DType::kFloat8E8M0, {}, {127}))
      .expect_error(Code::kInvalidModel, "needs the attribute 'output_dtype'")
      .run();
  OpTester("DequantizeLinear")
      .input(tensor<uint8_t>({1}, {0}))
      .input(tensor<float>({}, {1}))
      .input(tensor<int8_t>({}, {0}))
      .expect_error(Code::kInvalidModel, "element types u8 and i8")
      .run();
}

TEST(DynamicQuantizeLinear, CoversTheRangeAndZero) {
  OpTester("DynamicQuantizeLinear")
      .input(tensor<float>({3}, {0, 127.5f, 255}))
      .expect(tensor<uint8_t>({3}, {0, 128, 255}))
      .expect(tensor<float>({}, {1}))
      .expect(tensor<uint8_t>({}, {0}))
      .run();
  OpTester("DynamicQuantizeLinear")
      .input(tensor<float>({2}, {-51, 0}))
      .expect(tensor<uint8_t>({2}, {0, 255}))
      .expect(tensor<float>({}, {0.2f}))
      .expect(tensor<uint8_t>({}, {255}))
      .run();
  OpTester("DynamicQuantizeLinear")
      .input(tensor<float>({0}, {}))
      .expect(tensor<uint8_t>({0}, {}))
      .expect(tensor<float>({}, {1}))
      .expect(tensor<uint8_t>({}, {0}))
      .run();
  // A 255th of this range is no number above 0.
  OpTester("DynamicQuantizeLinear")
      .input(tensor<float>({2}, {0, 1e-45f}))
      .expect(tensor<uint8_t>({2}, {0, 0}))
      .expect(tensor<float>({}, {1}))
      .expect(tensor<uint8_t>({}, {0}))
      .run();
}

}  // namespace
}  // namespace ferry
