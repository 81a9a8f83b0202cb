// SPDX-License-Identifier: Apache-2.0
#include "tensor/dim.h"

#include <gtest/gtest.h>

#include <map>

namespace ferry {
namespace {

const Dim n = Dim::symbol("n"), h = Dim::symbol("h"), w = Dim::symbol("w");

TEST(Dim, NormalFormMakesEqualExpressionsEqual) {
  EXPECT_EQ((n + h) * w, w * h + n * w);
  EXPECT_EQ(n + n - n * 2, Dim(0));
  EXPECT_EQ((n + 1) * (n - 1), n * n - 1);
  EXPECT_FALSE(n + 1 == n);
  EXPECT_EQ((h * w * 4).to_string(), "4*h*w");
}

TEST(Dim, FloorDivisionTakesOutWhatDivides) {
  EXPECT_EQ(floor_div(n * 6, 3), n * 2);
  EXPECT_EQ(floor_div(n * 4 + 1, 4), n);
  EXPECT_EQ(floor_div(floor_div(n - 1, 2) + 0, 2), floor_div(n - 1, 4));
  EXPECT_EQ(floor_div(n * h * w, h * w), n);
  EXPECT_EQ(floor_div((n + 2) * 3, n + 2), Dim(3));
  EXPECT_EQ(floor_div(Dim(-7), 2), Dim(-4));
  EXPECT_EQ(mod(n * 8 + 3, 4), Dim(3));
}

TEST(Dim, BoundsDecideMinMaxAndSelect) {
  EXPECT_EQ(max(n, Dim(0)), n);
  EXPECT_EQ(min(n, n + 3), n);
  EXPECT_EQ(select_equal(n, Dim(-1), Dim(5), n), n);
  EXPECT_TRUE(Dim::known_different(n + 1, n));
  EXPECT_FALSE(Dim::known_different(n, h));
}

TEST(Dim, BroadcastIsGuardedWhenEvaluated) {
  EXPECT_EQ(broadcast(n, Dim(1)), n);
  EXPECT_EQ(broadcast(n, Dim(7)), Dim(7));
  const Dim b = broadcast(n, h);
  std::map<std::string, int64_t, std::less<>> values{{"n", 4}, {"h", 1}};
  const SymbolLookup lookup = [&](std::string_view s) -> const int64_t* {
    const auto it = values.find(s);
    return it == values.end() ? nullptr : &it->second;
  };
  EXPECT_EQ(*b.eval(lookup), 4);
  values["h"] = 3;
  EXPECT_EQ(b.eval(lookup).status().code(), Code::kShapeMismatch);
  values.erase("h");
  EXPECT_EQ(b.eval(lookup).status().code(), Code::kInvalidArgument);
}

// As trees these have 2^60 nodes; every operation on them must end, and soon.
TEST(Dim, SharedPartsDoNotGrowWithoutBound) {
  Dim d = floor_div(n * h + 1, w), e = d;
  for (int i = 0; i < 60; ++i) {
    d = max(min(d, h), floor_div(d + i, d + 2));
    e = broadcast(e, max(e, n + i));
  }
  EXPECT_TRUE(d.is_invalid());
  EXPECT_LT(e.to_string().size(), 20000U);
  EXPECT_FALSE((d + 1).to_string().empty());
  EXPECT_TRUE((d * 2 + n).is_invalid());
}

TEST(Dim, OverflowPoisonsInsteadOfWrapping) {
  EXPECT_TRUE((Dim(INT64_MAX) + 1).is_invalid());
  EXPECT_TRUE((n * INT64_MAX * 2).is_invalid());
  const SymbolLookup big = [](std::string_view) {
    static const int64_t v = INT64_MAX;
    return &v;
  };
  EXPECT_EQ((n * h).eval(big).status().code(), Code::kLimitExceeded);
}

TEST(Dim, ScalesLikeResize) {
  EXPECT_EQ(floor_scale(h, 3.0f), h * 3);
  EXPECT_EQ(floor_scale(h, 0.5f), floor_div(h, 2));
  EXPECT_EQ(floor_scale(Dim(10), 0.75f), Dim(7));
}

}  // namespace
}  // namespace ferry
