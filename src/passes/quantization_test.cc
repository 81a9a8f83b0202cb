// SPDX-License-Identifier: Apache-2.0
// Weights that are stored quantized, and values that are quantized and taken back.
#include <gtest/gtest.h>

#include <limits>

#include "ops/quantization/dequantize_linear.h"
#include "ops/quantization/quantize_linear.h"
#include "passes/fold_dequantized.h"
#include "passes/fuse_quantization.h"
#include "passes/pass_tester.h"

namespace ferry {
namespace {

const Dim kN = Dim::symbol("N");

struct Quantized : PassTester {
  template <class T>
  ValueId integers(const Dims& dims, std::vector<T> values) {
    Tensor t = Tensor::allocate(dtype_of<T>(), dims).value();
    std::copy(values.begin(), values.end(), t.data<T>());
    return graph.add_constant(std::move(t));
  }
  ValueId dequantized(std::vector<ValueId> inputs, int64_t axis = 1, int64_t block_size = 0) {
    return node(make_op("DequantizeLinear", DequantizeLinear{axis, block_size}), std::move(inputs));
  }
  ValueId pair(ValueId x, std::vector<ValueId> first, std::vector<ValueId> second) {
    first.insert(first.begin(), x);
    second.insert(second.begin(), node(make_op("QuantizeLinear"), std::move(first)));
    return dequantized(std::move(second));
  }
};

TEST(FoldDequantized, WeightsOfEveryGranularity) {
  Quantized t;
  const ValueId x = t.input({kN, 4});
  const ValueId w = t.integers<int8_t>({4, 2}, {-128, 127, 3, 4, 5, -6, 7, 0});
  const ValueId zero = t.integers<int8_t>({2}, {1, -2});
  t.output(t.binary("Sub", x, t.dequantized({t.integers<int8_t>({}, {9}), t.scalar(0.5f)})));
  t.output(t.node(make_op("MatMul"), {x, t.dequantized({w, t.constant({2}, {0.5f, 2}), zero})}));
  const ValueId scales = t.constant({2, 2}, {1, 2, 3, 4});
  t.output(t.node(make_op("MatMul"), {x, t.dequantized({w, scales}, 0, 2)}));
  EXPECT_EQ(t.run({fold_dequantized()}), "Sub MatMul MatMul");
}

TEST(FoldDequantized, KeepsWhatIsNoWeightOrTooLarge) {
  Quantized t;
  t.output(t.dequantized({t.input({kN}, DType::kUInt8), t.scalar(0.5f)}));
  t.output(t.dequantized({t.integers<int8_t>({9}, std::vector<int8_t>(9, 3)), t.scalar(0.5f)}));
  PassOptions options;
  options.max_fold_bytes_per_value = 8;
  EXPECT_EQ(t.run({fold_dequantized()}, 0, options), "DequantizeLinear DequantizeLinear");
  options.max_fold_bytes_per_value = 9;
  EXPECT_EQ(t.run({fold_dequantized()}, 0, options), "DequantizeLinear");
}

TEST(FoldDequantized, TheLimitHoldsForAllTogether) {
  Quantized t;
  for (int i = 0; i < 3; ++i)
    t.output(t.dequantized({t.integers<int8_t>({4}, {1, 2, 3, 4}), t.scalar(0.5f)}));
  PassOptions options;
  options.max_fold_bytes = 9;
  ASSERT_TRUE(run_passes(t.graph, {fold_dequantized()}, options).ok());
  EXPECT_EQ(operators(t.graph), "DequantizeLinear");
}

// A zero point that does not belong is an error of the run, not of loading.
TEST(FoldDequantized, ErrorsComeWhenItRuns) {
  Quantized t;
  const ValueId zero = t.integers<int8_t>({3}, {1, 2, 3});
  t.output(t.dequantized({t.integers<int8_t>({4}, {1, 2, 3, 4}), t.scalar(0.5f), zero}));
  ASSERT_TRUE(run_passes(t.graph, {fold_dequantized()}).ok());
  EXPECT_EQ(operators(t.graph), "DequantizeLinear");
}

TEST(FuseQuantization, OneScaleForTheTensor) {
  Quantized t;
  const ValueId x = t.input({kN, 4});
  const ValueId scale = t.scalar(0.07f), zero = t.integers<uint8_t>({}, {120});
  t.output(t.pair(x, {scale, zero}, {scale, zero}));
  t.output(t.pair(x, {scale}, {scale}));
  const ValueId i8 = t.integers<int8_t>({1}, {-5});
  t.output(t.pair(x, {t.constant({1}, {0.01f}), i8}, {t.constant({1}, {0.01f}), i8}));
  EXPECT_EQ(t.run({fuse_quantization()}),
            "ferry.FakeQuantize ferry.FakeQuantize ferry.FakeQuantize");
}

TEST(FuseQuantization, TheIntegersMayBeUsedElsewhere) {
  Quantized t;
  const ValueId scale = t.scalar(0.1f);
  const ValueId q = t.node(make_op("QuantizeLinear"), {t.input({kN, 4}), scale});
  t.output(t.dequantized({q, scale}));
  t.output(q);
  EXPECT_EQ(t.run({fuse_quantization()}), "QuantizeLinear ferry.FakeQuantize");
}

TEST(FuseQuantization, RefusesOtherPairs) {
  const std::string kept = "QuantizeLinear DequantizeLinear";
  const auto left = [](auto build) {
    Quantized t;
    build(t, t.input({kN, 4}));
    return t.run({fuse_quantization()});
  };
  EXPECT_EQ(left([](Quantized& t, ValueId x) {  // another scale
              t.output(t.pair(x, {t.scalar(0.5f)}, {t.scalar(0.25f)}));
            }),
            kept);
  EXPECT_EQ(left([](Quantized& t, ValueId x) {  // a zero point on one side
              const ValueId s = t.scalar(0.5f);
              t.output(t.pair(x, {s, t.integers<uint8_t>({}, {3})}, {s}));
            }),
            kept);
  EXPECT_EQ(left([](Quantized& t, ValueId x) {  // one per column
              const ValueId s = t.constant({4}, {1, 2, 3, 4});
              t.output(t.pair(x, {s}, {s}));
            }),
            kept);
  EXPECT_EQ(left([](Quantized& t, ValueId x) {  // 16 bits
              const ValueId s = t.scalar(0.5f), z = t.integers<int16_t>({}, {3});
              t.output(t.pair(x, {s, z}, {s, z}));
            }),
            kept);
  EXPECT_EQ(left([](Quantized& t, ValueId x) {  // a scale that is not part of the model
              const ValueId s = t.input({});
              t.output(t.pair(x, {s}, {s}));
            }),
            kept);
}

}  // namespace
}  // namespace ferry
