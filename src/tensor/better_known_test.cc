// SPDX-License-Identifier: Apache-2.0
#include "tensor/better_known.h"

#include <gtest/gtest.h>

namespace ferry {
namespace {

TEST(BetterKnown, ConstantsBeforeSymbolsBeforeData) {
  const Dim n = Dim::symbol("n"), h = Dim::symbol("h"), data = Dim::symbol("%y.0");
  EXPECT_EQ(better_known(n, 3), Dim(3));
  EXPECT_EQ(better_known(3, n), Dim(3));
  EXPECT_EQ(better_known(n, h), n);
  EXPECT_EQ(better_known(data * 2, h), h);
  EXPECT_EQ(better_known(h, data), h);
  EXPECT_EQ(better_known(Dim::invalid(), data), data);
  EXPECT_TRUE(better_known(Dim::invalid(), Dim::invalid()).is_invalid());
}

TEST(BetterKnown, EachDimensionOfAShape) {
  const Dim n = Dim::symbol("n"), data = Dim::symbol("%y.0");
  EXPECT_EQ(better_known({n, data, 4}, {2, n, data}), (Shape{2, n, 4}));
}

}  // namespace
}  // namespace ferry
