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

}  // namespace
}  // namespace ferry
