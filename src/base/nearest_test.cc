// SPDX-License-Identifier: Apache-2.0
#include "base/nearest.h"

#include <gtest/gtest.h>

#include <vector>

namespace ferry {
namespace {

TEST(NearestTest, NamesTheNearestOrNone) {
  const std::vector<std::string> names = {"image", "mask", "input_ids", "x"};
  EXPECT_EQ(did_you_mean("imgae", names), "; did you mean 'image'?");
  EXPECT_EQ(did_you_mean("Image", names), "; did you mean 'image'?");
  EXPECT_EQ(did_you_mean("X", names), "; did you mean 'x'?");
  EXPECT_EQ(did_you_mean("msk", names), "; did you mean 'mask'?");
  EXPECT_EQ(did_you_mean("input_id", names), "; did you mean 'input_ids'?");
  EXPECT_EQ(did_you_mean("inputids", names), "; did you mean 'input_ids'?");
  EXPECT_EQ(did_you_mean("attention", names), "");
  EXPECT_EQ(did_you_mean("y", names), "");
  EXPECT_EQ(did_you_mean("", names), "");
  EXPECT_EQ(did_you_mean("image", {}), "");
  EXPECT_EQ(did_you_mean(std::string(100000, 'a'), names), "");
}

}  // namespace
}  // namespace ferry
