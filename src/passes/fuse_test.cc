// SPDX-License-Identifier: Apache-2.0
// Constants that move into weights.
#include <gtest/gtest.h>

#include "ops/math/gemm.h"
#include "ops/nn/conv.h"
#include "ops/nn/conv_transpose.h"
#include "ops/nn/pool.h"
#include "ops/tensor/pad.h"
#include "passes/fuse_conv_bn.h"
#include "passes/lower_batch_normalization.h"
#include "passes/lower_conv_transpose.h"
#include "passes/pass_tester.h"

namespace ferry {
namespace {

constexpr double kNear = 1e-5;
const Dim N = Dim::symbol("N");

struct Weights : PassTester {
  ValueId bn(ValueId x, int64_t c, std::vector<float> var = {}) {
    if (var.empty()) var.assign(static_cast<size_t>(c), 0.5f);
    return node(make_op("BatchNormalization"),
                {x, weights({c}), weights({c}), weights({c}), constant({c}, var)});
  }
  ValueId conv(ValueId x, ValueId w, int64_t group = 1) {
    Conv op;
    op.group = group;
    return node(make_op("Conv", op), {x, w});
  }
};

TEST(FuseConvBn, ConvWithAndWithoutBias) {
  Weights t;
  const ValueId x = t.input({N, 4, 5, N});
  t.output(t.bn(t.conv(x, t.weights({6, 2, 3, 3}), 2), 6));
  t.output(t.bn(t.node(make_op("Conv"), {x, t.weights({3, 4, 1, 1}), t.weights({3})}), 3));
  EXPECT_EQ(t.run({fuse_conv_bn()}, kNear), "Conv Conv");
}

TEST(FuseConvBn, ConvTransposeGroups) {
  Weights t;
  ConvTranspose op;
  op.group = 2;
  op.strides = {2, 2};
  const ValueId y =
      t.node(make_op("ConvTranspose", op), {t.input({N, 4, 3, 3}), t.weights({4, 3, 2, 2})});
  t.output(t.bn(y, 6));
  EXPECT_EQ(t.run({fuse_conv_bn()}, kNear), "ConvTranspose");
}

TEST(FuseConvBn, ChainsOfArithmetic) {
  Weights t;
  ValueId y = t.conv(t.input({N, 2, 4, 4}), t.weights({3, 2, 3, 3}));
  y = t.binary("Mul", t.constant({3, 1, 1}, {2, -1, 0.5f}), y);
  y = t.binary("Div", t.binary("Sub", y, t.constant({1, 3, 1, 1}, {1, 2, 3})), t.scalar(4));
  y = t.binary("Sub", t.scalar(1), t.binary("Add", y, t.scalar(0.25f)));
  t.output(y);
  EXPECT_EQ(t.run({fuse_conv_bn()}, kNear), "Conv");
}

TEST(FuseConvBn, GemmAndMatMul) {
  Weights t;
  Gemm op;
  op.trans_b = true;
  op.alpha = 0.5f;
  op.beta = 3;
  const ValueId x = t.input({N, 4});
  const ValueId y = t.node(make_op("Gemm", op), {x, t.weights({5, 4}), t.weights({1, 5})});
  t.output(t.bn(y, 5));
  t.output(t.binary("Mul", t.node(make_op("MatMul"), {t.input({N, 2, 4}), t.weights({4, 3})}),
                    t.weights({3})));
  t.output(t.binary("Add", t.node(make_op("MatMul"), {x, t.weights({4, 3})}), t.weights({3})));
  EXPECT_EQ(t.run({fuse_conv_bn(), fuse_matmul_add()}, kNear), "Gemm MatMul Gemm");
}

TEST(LowerBatchNormalization, BecomesAStraightLine) {
  Weights t;
  t.output(t.bn(t.input({N, 3, 4, N}), 3));
  t.output(t.bn(t.input({N, 2}), 2));
  EXPECT_EQ(t.run({lower_batch_normalization()}, kNear), "Mul Add Mul Add");
}

TEST(LowerBatchNormalization, RefusesStatisticsThatAreInputs) {
  Weights t;
  t.output(
      t.node(make_op("BatchNormalization"), {t.input({N, 3, 4}), t.weights({3}), t.weights({3}),
                                             t.input({3}), t.constant({3}, {1, 2, 3})}));
  t.output(t.bn(t.input({N, 3, 4}, DType::kFloat64), 3));
  EXPECT_EQ(t.run({lower_batch_normalization()}), "BatchNormalization BatchNormalization");
}

ConvTranspose upscaling(int64_t stride, std::vector<int64_t> pads, int64_t extra = 0) {
  ConvTranspose op;
  op.strides = {stride, stride};
  op.pads = std::move(pads);
  op.output_padding = {extra, extra};
  return op;
}

TEST(LowerConvTranspose, FewChannels) {
  struct Case {
    int64_t kernel, stride, pad, extra;
  };
  for (const auto& [k, s, pad, extra] : {Case{4, 2, 1, 0}, Case{9, 4, 3, 1}, Case{9, 3, 3, 0},
                                         Case{5, 2, 2, 1}, Case{6, 2, 2, 0}, Case{4, 4, 0, 0}}) {
    Weights t;
    const Op op = make_op("ConvTranspose", upscaling(s, {pad, pad, pad, pad}, extra));
    t.output(t.node(op, {t.input({N, 5, 4, N}), t.weights({5, 1, k, k}), t.weights({1})}));
    EXPECT_EQ(t.run({lower_conv_transpose()}, kNear), "Conv DepthToSpace") << k << " " << s;
  }
}

TEST(LowerConvTranspose, PadsThatDiffer) {
  Weights t;
  const Op op = make_op("ConvTranspose", upscaling(2, {0, 3, 4, 1}));
  t.output(t.node(op, {t.input({N, 5, 4, N}), t.weights({5, 2, 6, 6})}));
  EXPECT_EQ(t.run({lower_conv_transpose()}, kNear), "Conv DepthToSpace");
}

TEST(LowerConvTranspose, Refuses) {
  Weights t;
  const ValueId x = t.input({N, 6, 4, N});
  const auto refused = [&](ConvTranspose op, ValueId w) {
    t.output(t.node(make_op("ConvTranspose", std::move(op)), {x, w}));
  };
  refused(upscaling(2, {1, 1, 1, 1}), t.weights({6, 32, 4, 4}));  // many channels
  refused(upscaling(2, {0, 0, 0, 0}), t.weights({6, 1, 4, 4}));   // more than twice the input
  ConvTranspose grouped = upscaling(2, {1, 1, 1, 1});
  grouped.group = 2;
  refused(grouped, t.weights({6, 1, 4, 4}));
  ConvTranspose uneven = upscaling(2, {1, 1, 1, 1});
  uneven.strides = {2, 1};
  refused(uneven, t.weights({6, 1, 4, 4}));
  EXPECT_EQ(t.run({lower_conv_transpose()}),
            "ConvTranspose ConvTranspose ConvTranspose ConvTranspose");
}

TEST(FuseConvBn, Refuses) {
  Weights t;
  const ValueId x = t.input({N, 2, 4, 4});
  const ValueId shared = t.conv(x, t.weights({3, 2, 1, 1}));
  t.output(t.bn(shared, 3));
  t.output(shared);                                                                  // used twice
  t.output(t.bn(t.conv(x, t.weights({1, 2, 1, 1})), 1, {-1}));                       // root of < 0
  t.output(t.binary("Add", t.conv(x, t.weights({3, 2, 1, 1})), t.weights({4, 4})));  // per position
  t.output(t.binary("Mul", t.conv(x, t.weights({1, 2, 1, 1})), t.weights({3, 1, 1})));  // widens
  t.output(t.binary("Div", t.scalar(1), t.conv(x, t.weights({3, 2, 1, 1}))));
  const ValueId w = t.weights({3, 2, 1, 1});
  t.graph.value(w).overridable = true;
  t.output(t.bn(t.conv(x, w), 3));
  EXPECT_EQ(t.run({fuse_conv_bn()}, kNear),
            "Conv BatchNormalization Conv BatchNormalization Conv Add Conv Mul Conv Div Conv "
            "BatchNormalization");
}

TEST(FusePadConv, ZerosOnly) {
  Weights t;
  const ValueId x = t.input({N, 2, 4, 5});
  const ValueId pads = t.ints({0, 0, 1, 0, 0, 0, 2, 1});
  t.output(t.conv(t.node(make_op("Pad"), {x, pads}), t.weights({3, 2, 3, 3})));
  t.output(t.conv(t.node(make_op("Pad"), {x, t.ints({1, 2}), t.scalar(0), t.ints({-1})}),
                  t.weights({3, 2, 3, 3})));
  Pool pool = *make_op("AveragePool").as<Pool>();
  pool.kernel_shape = {3, 2};
  t.output(t.node(make_op("AveragePool", pool), {t.node(make_op("Pad"), {x, pads})}));
  EXPECT_EQ(t.run({fuse_pad_conv()}, kNear), "Conv Conv AveragePool");
}

TEST(FusePadConv, Refuses) {
  Weights t;
  const ValueId x = t.input({N, 2, 4, 5});
  const ValueId pads = t.ints({0, 0, 1, 0, 0, 0, 2, 1});
  t.output(t.conv(t.node(make_op("Pad"), {x, pads, t.scalar(1)}), t.weights({3, 2, 3, 3})));
  t.output(t.conv(t.node(make_op("Pad", Pad{"edge"}), {x, pads}), t.weights({3, 2, 3, 3})));
  t.output(t.conv(t.node(make_op("Pad"), {x, t.ints({0, 0, -1, 0, 0, 0, 0, 0})}),
                  t.weights({3, 2, 3, 3})));
  t.output(t.conv(t.node(make_op("Pad"), {x, t.ints({0, 1, 0, 0, 0, 0, 0, 0})}),
                  t.weights({3, 3, 3, 3})));
  EXPECT_EQ(t.run({fuse_pad_conv()}, kNear), "Pad Conv Pad Conv Pad Conv Pad Conv");
}

}  // namespace
}  // namespace ferry
