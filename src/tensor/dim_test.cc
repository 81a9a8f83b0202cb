// SPDX-License-Identifier: Apache-2.0
#include "tensor/dim.h"

#include <gtest/gtest.h>

#include <map>

namespace ferry {
namespace {

// NOLINTNEXTLINE(readability-identifier-naming): as symbols are written
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

TEST(Dim, RoundsToMultiples) {
  const auto padded = [](const Dim& x, int64_t c) { return x + mod(Dim(c) - mod(x, c), c); };
  EXPECT_EQ(padded(n, 4), ceil_div(n, 4) * 4);
  EXPECT_EQ(n + mod(n * -1, 7), ceil_div(n, 7) * 7);
  EXPECT_EQ(padded(n + 3, 2), ceil_div(n + 3, 2) * 2);
  EXPECT_EQ(padded(padded(n, 4), 4), ceil_div(n, 4) * 4);
  EXPECT_EQ(floor_div(padded(n, 4) + 3, 4), floor_div(n + 3, 4));
  const Dim patches = floor_div(padded(n, 4) + 3, 4);
  EXPECT_EQ(floor_div(padded(patches, 2), 2), floor_div(n + 7, 8));
  EXPECT_EQ(mod(mod(n, 8) * 3 + h, 4), mod(n * 3 + h, 4));
  EXPECT_FALSE(mod(mod(n, 6) * 3, 4) == mod(n * 3, 4));
  EXPECT_EQ(padded(n * h, 4), ceil_div(n * h, 4) * 4);
  EXPECT_EQ(n - mod(n, 4), floor_div(n, 4) * 4);
  EXPECT_EQ(mod(Dim(INT64_MIN), 3), Dim(1));
  EXPECT_EQ(mod(Dim(INT64_MIN), -3), Dim(-2));
  EXPECT_EQ(mod(n, 4) - n, floor_div(n, 4) * -4);
  EXPECT_FALSE(n + mod(n, 4) == ceil_div(n, 4) * 4);
  // Whatever it is written as, it is the same number.
  const auto at = [](const Dim& d, int64_t value) {
    return *d.eval([&](std::string_view) { return &value; });
  };
  for (int64_t value = 0; value < 60; ++value) {
    for (int64_t c : {2, 3, 4, 7}) {
      EXPECT_EQ(at(padded(n, c), value), (value + c - 1) / c * c);
      EXPECT_EQ(at(padded(n * 3 + 1, c), value), (value * 3 + c) / c * c);
      EXPECT_EQ(at(n + mod(n, c), value), value + value % c);
      EXPECT_EQ(at(h + mod(n, c) - n, value), value % c);
      EXPECT_EQ(at(mod(mod(n, 2 * c) * 5 - 3, c), value), ((value * 5 - 3) % c + c) % c);
    }
  }
}

TEST(Dim, BoundsDecideMinMaxAndSelect) {
  EXPECT_EQ(max(n, Dim(0)), n);
  EXPECT_EQ(min(n, n + 3), n);
  EXPECT_EQ(select_equal(n, Dim(-1), Dim(5), n), n);
  EXPECT_TRUE(Dim::known_different(n + 1, n));
  EXPECT_FALSE(Dim::known_different(n, h));
}

bool is_broadcast_of(const Dim& a, const Dim& b) {
  const Dim d = broadcast(a, b);
  return d.expr() != nullptr && d.expr()->op == DimOp::kBroadcast && d.expr()->args.size() == 2;
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

TEST(Dim, BroadcastsOfTheSameSizesAreOne) {
  const Dim nh = broadcast(n, h), all = broadcast(nh, w);
  EXPECT_EQ(broadcast(n, nh), nh);
  EXPECT_EQ(broadcast(nh, nh), nh);
  EXPECT_EQ(broadcast(n, broadcast(h, w)), all);
  EXPECT_EQ(broadcast(broadcast(w, n), broadcast(h, n)), all);
  EXPECT_EQ(broadcast(all, Dim(1)), all);
  EXPECT_EQ(broadcast(all, Dim(5)), Dim(5));
  EXPECT_FALSE(nh == all);
  EXPECT_EQ(nh.to_string(), "broadcast(h, n)");
  EXPECT_EQ(all.to_string(), "broadcast(h, n, w)");
  EXPECT_EQ(broadcast(n + 2 * h, nh).expr()->args.size(), 3U);
}

// What is never 1 is the result, or there is none. Layer after layer of two batches that meet would
// double the expression otherwise.
TEST(Dim, AMultipleDecidesABroadcast) {
  const Dim nh = broadcast(n, h);
  EXPECT_EQ(broadcast(n * 2, nh), n * 2);
  EXPECT_EQ(broadcast(nh, n * 2), n * 2);
  EXPECT_EQ(broadcast(n * 4 + h * 6, w), n * 4 + h * 6);
  EXPECT_EQ(broadcast(w, n * h * 3 + 6), n * h * 3 + 6);
  EXPECT_EQ(broadcast(n * 4 + 6, n * 2), broadcast(n * 2, n * 4 + 6));
  EXPECT_TRUE(is_broadcast_of(n * 4 + 1, w));
  EXPECT_TRUE(is_broadcast_of(n * 4 - h * 3, w));
  Dim batch = n;
  for (int i = 0; i < 60; ++i) batch = broadcast(floor_div(broadcast(batch * 4, nh * 4), 4), h);
  EXPECT_EQ(batch, nh);
}

TEST(Dim, ASliceOfASizeBroadcastsToIt) {
  EXPECT_EQ(broadcast(n, min(n, Dim(512))), n);
  EXPECT_EQ(broadcast(min(n, Dim(512)), n), n);
  EXPECT_EQ(broadcast(broadcast(n, h), min(n, Dim(512))), broadcast(n, h));
  EXPECT_EQ(broadcast(n * 2, min(n * 2, h + 1)), n * 2);
  // Of no rows where h is 0.
  EXPECT_EQ(broadcast(n, min(n, h)).to_string(), "broadcast(n, min(h, n))");
  EXPECT_EQ(broadcast(h, min(n, Dim(512))).expr()->args.size(), 2U);
}

TEST(Dim, BroadcastOfManyIsEvaluatedAndSubstituted) {
  const Dim all = broadcast(broadcast(n, h), w);
  int64_t sizes[3] = {1, 1, 1};
  const SymbolLookup lookup = [&](std::string_view s) -> const int64_t* {
    return &sizes[s == "n" ? 0 : s == "h" ? 1 : 2];
  };
  EXPECT_EQ(*all.eval(lookup), 1);
  sizes[2] = 0;
  EXPECT_EQ(*all.eval(lookup), 0);
  sizes[0] = 6;
  const Status status = all.eval(lookup).status();
  EXPECT_EQ(status.code(), Code::kShapeMismatch);
  EXPECT_NE(status.to_string().find("n is 6 and w is 0"), std::string::npos) << status.to_string();
  sizes[2] = 6;
  EXPECT_EQ(*all.eval(lookup), 6);
  const Dim one = 1;
  EXPECT_EQ(all.substitute([&](std::string_view s) { return s == "h" ? &one : nullptr; }),
            broadcast(n, w));
  EXPECT_EQ(all.substitute([&](std::string_view s) { return s == "h" ? &n : nullptr; }),
            broadcast(n, w));
  EXPECT_EQ(all.lower_bound(), 0);
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
  // Whose inverse is infinite, or beyond 64 bits.
  for (const float tiny : {0x1p-149f, 0x1p-126f, 0x1p-63f}) {
    const Dim scaled = floor_scale(h, tiny);
    EXPECT_FALSE(scaled.is_invalid());
    EXPECT_FALSE(scaled.is_constant());
  }
  EXPECT_EQ(floor_scale(h, 0x1p-62f), floor_div(h, int64_t{1} << 62));
}

}  // namespace
}  // namespace ferry
