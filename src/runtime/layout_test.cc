// SPDX-License-Identifier: Apache-2.0
// What becomes of image operators and of what stands between them.
#include <algorithm>
#include <sstream>

#include "ops/nn/conv.h"
#include "ops/nn/group_normalization.h"
#include "ops/tensor/transpose.h"
#include "runtime/run_tester.h"

namespace ferry {
namespace {

const Dim N = Dim::symbol("N");

struct Images : RunTester {
  ValueId x = input({N, 8, 9, 7});
  ValueId conv(ValueId v, int64_t channels_in, int64_t channels_out) {
    Conv op;
    op.pads = {1, 1, 1, 1};
    return node(make_op("Conv", op), {v, weights({channels_out, channels_in, 3, 3})});
  }
  ValueId shuffled(ValueId v, int64_t groups, int64_t channels) {
    const ValueId split = node(make_op("Reshape"), {v, ints({0, groups, channels / groups, 9, 7})});
    const ValueId swapped = node(make_op("Transpose", Transpose{{0, 2, 1, 3, 4}}), {split});
    return node(make_op("Reshape"), {swapped, ints({0, channels, 9, 7})});
  }
  int64_t count(const std::string& kernel) {
    std::istringstream all(steps());
    return std::count(std::istream_iterator<std::string>(all), {}, kernel);
  }
};

TEST(Layout, ChannelShufflesStayChannelsLast) {
  for (int64_t groups : {2, 3, 6}) {
    Images t;
    const ValueId y = t.conv(t.shuffled(t.conv(t.x, 8, 12), groups, 12), 12, 8);
    t.output(t.conv(t.shuffled(y, 4, 8), 8, 8));
    t.check({{"N", 2}}, 1e-4);
    // One at each edge, one per shuffle.
    EXPECT_EQ(t.count("transpose"), 4) << t.steps();
  }
}

TEST(Layout, NormalisationBetweenConvolutions) {
  Images t;
  GroupNormalization op;
  op.num_groups = 3;
  const ValueId y = t.node(make_op("GroupNormalization", op),
                           {t.conv(t.x, 8, 12), t.weights({12}), t.weights({12})});
  t.output(t.conv(y, 12, 8));
  t.check({{"N", 2}}, 1e-4);
  EXPECT_EQ(t.count("transpose"), 2) << t.steps();
}

Conv depthwise(int64_t channels) {
  Conv op;
  op.group = channels, op.pads = {1, 1, 1, 1};
  return op;
}

// Whether a convolution stands alone or between transposes of the model, nothing is turned.
TEST(Layout, ConvolutionsByThemselvesStayInPlanes) {
  for (const bool pointwise : {false, true}) {
    RunTester t;
    const ValueId x = t.input({N, 8, 9, 21});
    const ValueId y =
        pointwise
            ? t.node(make_op("Conv"), {x, t.weights({8, 8, 1, 1}), t.weights({8})})
            : t.node(make_op("Conv", depthwise(8)), {x, t.weights({8, 1, 3, 3}), t.weights({8})});
    t.output(t.node(make_op("Relu"), {t.node(make_op("Add"), {y, x})}));
    t.check({{"N", 2}}, 1e-5);
    EXPECT_EQ(t.steps(), pointwise ? "gemm_planes_f32" : "depthwise_planes_f32");
  }
}

TEST(Layout, TailsAlongTheRowsOfPlanes) {
  for (const bool pointwise : {false, true}) {
    for (const bool operands : {false, true}) {
      RunTester t;
      const ValueId x = t.input({N, 8, 9, 21});
      ValueId y = pointwise ? t.node(make_op("Conv"), {x, t.weights({8, 8, 1, 1})})
                            : t.node(make_op("Conv", depthwise(8)), {x, t.weights({8, 1, 3, 3})});
      y = t.node(make_op("Tanh"), {y});
      if (operands) {
        y = t.node(make_op("Mul"), {y, t.weights({21})});
        y = t.node(make_op("Add"), {y, x});
        y = t.node(make_op("Mul"), {y, t.weights({8, 1, 1})});
      }
      t.output(t.node(make_op("Sigmoid"), {y}));
      t.check({{"N", 2}}, 1e-5);
      EXPECT_EQ(t.steps().find("transpose"), std::string::npos) << t.steps();
      EXPECT_NE(t.steps().find(pointwise ? "gemm_planes_f32" : "depthwise_planes_f32"),
                std::string::npos)
          << t.steps();
    }
  }
}

// A first layer whose output leaves in planes.
TEST(Layout, FewChannelsToPlanes) {
  for (const bool residual : {false, true}) {
    RunTester t;
    const ValueId x = t.input({N, 3, 40, 37}), z = t.input({N, 20, 40, 37});
    Conv op;
    op.pads = {1, 1, 1, 1};
    ValueId y = t.node(make_op("Conv", op), {x, t.weights({20, 3, 3, 3}), t.weights({20})});
    if (residual) y = t.node(make_op("Relu"), {t.node(make_op("Add"), {y, z})});
    t.output(t.node(make_op("Tanh"), {y}));
    t.output(t.node(make_op("Relu"), {z}));
    t.check({{"N", 3}}, 1e-5);
    EXPECT_TRUE(t.steps().find("thin_input_f32") != std::string::npos) << t.steps();
    EXPECT_EQ(t.steps().find("transpose"), std::string::npos) << t.steps();
  }
}

TEST(Layout, DepthwiseBetweenOthersIsChannelsLast) {
  Images t;
  const ValueId y =
      t.node(make_op("Conv", depthwise(12)), {t.conv(t.x, 8, 12), t.weights({12, 1, 3, 3})});
  t.output(t.conv(y, 12, 8));
  t.check({{"N", 2}}, 1e-4);
  EXPECT_EQ(t.count("transpose"), 2) << t.steps();
  EXPECT_EQ(t.count("depthwise_f32"), 1) << t.steps();
}

TEST(Layout, TransposesOfTheModelMeetThoseAroundAConvolution) {
  RunTester t;
  const ValueId x = t.input({N, 9, 7, 24});
  const ValueId y = t.node(make_op("Conv", depthwise(24)),
                           {t.node(make_op("Transpose", Transpose{{0, 3, 1, 2}}), {x}),
                            t.weights({24, 1, 3, 3}), t.weights({24})});
  t.output(t.node(make_op("Transpose", Transpose{{0, 2, 3, 1}}), {y}));
  t.check({{"N", 2}}, 1e-5);
  EXPECT_EQ(t.steps(), "depthwise_f32");
}

}  // namespace
}  // namespace ferry
