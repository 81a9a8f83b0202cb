// SPDX-License-Identifier: Apache-2.0
// Kernels ask whether the run must stop in the middle of one row, slice, product or list too.
#include "ops/op_tester.h"

namespace ferry {
namespace {

constexpr int64_t kMany = 1 << 20;

// How often the operator asks while it runs once.
int64_t questions(OpTester tester) {
  int64_t asked = 0;
  op_runners().emplace_back("counting", [&](const Graph& graph, std::span<const Value> inputs,
                                            std::vector<Value>& outputs) {
    InterpretOptions options;
    options.poll = [&] {
      ++asked;
      return Status();
    };
    return interpret(graph, inputs, outputs, options);
  });
  tester.run();
  op_runners().pop_back();
  return asked;
}

Tensor bytes(const Dims& dims) {
  return tensor<uint8_t>(dims, std::vector<uint8_t>(static_cast<size_t>(dims.count()), 1));
}

TEST(Poll, OneLongRow) {
  const Tensor row = iota({kMany}), plane = iota({1, 1, kMany}), channel = iota({1});
  const Tensor scalar = tensor<float>({}, {1}), step = tensor<int64_t>({}, {1});
  const std::pair<const char*, OpTester> cases[] = {
      {"LayerNormalization", OpTester("LayerNormalization").input(row).input(row)},
      {"RMSNormalization", OpTester("RMSNormalization").input(row).input(row)},
      {"InstanceNormalization",
       OpTester("InstanceNormalization").input(plane).input(channel).input(channel)},
      {"GlobalAveragePool", OpTester("GlobalAveragePool").input(plane)},
      {"GlobalMaxPool", OpTester("GlobalMaxPool").input(plane)},
      {"SwiGLU", OpTester("SwiGLU").input(row).input(row)},
      {"IsNaN", OpTester("IsNaN").input(row)},
      {"Trilu", OpTester("Trilu").input(row.reshaped({1, kMany}))},
      {"Concat", OpTester("Concat").attr("axis", int64_t{0}).input(row).input(row)},
      {"Gather", OpTester("Gather").input(row.reshaped({1, kMany})).input(ints({0}))},
      {"ScatterND",
       OpTester("ScatterND").input(row).input(ints({0}).reshaped({1, 1})).input(channel)},
      {"Expand", OpTester("Expand").input(row).input(ints({2, 1}))},
      {"MatMulInteger",
       OpTester("MatMulInteger").input(bytes({1, kMany})).input(bytes({kMany, 1}))},
      {"QuantizeLinear", OpTester("QuantizeLinear").attr("axis", int64_t{0}).input(row).input(row)},
      {"Adagrad", OpTester("ai.onnx.preview.training.Adagrad")
                      .input(scalar)
                      .input(step)
                      .input(row)
                      .input(row)
                      .input(row)
                      .ignore_output()},
  };
  for (const auto& [name, tester] : cases) {
    EXPECT_GE(questions(OpTester(tester).ignore_output()), 8) << name;
  }
}

TEST(Poll, ManyMaps) {
  EXPECT_GE(questions(OpTester("ai.onnx.ml.ZipMap")
                          .attr("classlabels_int64s", std::vector<int64_t>{1, 2, 3, 4})
                          .input(iota({4000, 4}))
                          .ignore_output()),
            8);
}

TEST(Poll, APackedTypeIsUnpackedInParts) {
  const Tensor packed =
      packed_tensor(DType::kUInt4, {2, kMany}, std::vector<uint8_t>(2 * kMany, 5));
  EXPECT_GE(questions(OpTester("Transpose").input(packed).ignore_output()), 64);
}

TEST(Poll, WhatIsTakenApartAndPackedAgainIsTheSame) {
  // More than one part, and a last one that ends inside of a byte.
  const int64_t n = 100'003;
  std::vector<uint8_t> bits(static_cast<size_t>(n));
  for (size_t i = 0; i < bits.size(); ++i) bits[i] = static_cast<uint8_t>(i * 7 % 16);
  const Tensor packed = packed_tensor(DType::kInt4, {n}, bits);
  OpTester("Slice")
      .input(packed)
      .input(ints({0}))
      .input(ints({n}))
      .expect(packed_tensor(DType::kInt4, {n}, bits))
      .run();
  std::vector<uint8_t> reversed(bits.rbegin(), bits.rend());
  OpTester("Slice")
      .input(packed)
      .input(ints({-1}))
      .input(ints({-n - 1}))
      .input(ints({0}))
      .input(ints({-1}))
      .expect(packed_tensor(DType::kInt4, {n}, reversed))
      .run();
}

}  // namespace
}  // namespace ferry
