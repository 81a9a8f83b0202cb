// SPDX-License-Identifier: Apache-2.0
#include "kernels/winograd/winograd.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>
#include <vector>

#include "kernels/conv/conv_reference.h"

namespace ferry {
namespace {

using reference::Aligned;
using reference::kGuard;

constexpr GemmBlocking kTiny = {.panel_bytes = 1, .rows_bytes = 1};

// Runs layers on one instruction set and compares with the direct sum.
class WinogradTester : public testing::Test {
 protected:
  static std::vector<float> check(Isa isa, int64_t m, double tolerance, const ConvShape& s,
                                  int64_t tiles_each, bool residual = false, bool in_place = false,
                                  GemmBlocking blocking = GemmBlocking(),
                                  int64_t outputs_each = 1000) {
    const GemmKernels& gemm = gemm_kernels(isa);
    const WinogradKernels& kernels = winograd_kernels(isa);
    const ConvShape shape = winograd_shape(s);
    const int64_t x_pitch = s.in_channels + 2, y_pitch = s.out_channels + 1;
    const int64_t out_pixels = reference::pixels(s.batch, s.out);
    auto x = reference::random_values(reference::pixels(s.batch, s.in) * x_pitch, 1);
    for (size_t i = s.in_channels; i < x.size(); i += x_pitch)
      x[i] = std::nanf("");  // between the pixels
    const int64_t products = s.taps() * s.group_in();
    const auto weights = reference::random_values(s.out_channels * products, 2);
    const auto bias = reference::random_values(s.out_channels, 3);
    const auto extra = reference::random_values(out_pixels * s.out_channels, 4);
    const WinogradPlan plan = winograd_plan(gemm, blocking, shape, m);
    Aligned<> packed(winograd_packed_size(gemm, shape, m));
    Aligned<char> scratch(winograd_scratch_bytes(plan, shape));
    const int64_t packed_at_once = s.groups == 1 ? gemm.nr : s.out_channels;
    for (int64_t o = 0; o < s.out_channels; o += packed_at_once) {
      winograd_pack_weights(isa, shape, m, weights.data(), o,
                            std::min<int64_t>(o + packed_at_once, s.out_channels), packed.get());
    }
    std::vector<float> y(out_pixels * y_pitch, kGuard);
    for (int64_t i = 0; in_place && i < out_pixels * s.out_channels; ++i)
      y[i / s.out_channels * y_pitch + i % s.out_channels] = extra[i];
    ConvArgs args;
    args.x = x.data(), args.x_pitch = x_pitch;
    args.y = y.data(), args.y_pitch = y_pitch;
    args.weights = packed.get(), args.bias = bias.data();
    if (residual)
      args.residual = extra.data(), args.residual_pitch = s.out_channels, args.lo = 0, args.hi = 2;
    if (in_place) args.residual = y.data(), args.residual_pitch = y_pitch;
    for (int64_t t = 0; t < plan.tiles; t += tiles_each) {
      for (int64_t o = 0; o < s.out_channels; o += outputs_each * gemm.nr) {
        args.out_begin = o;
        args.out_end = std::min(o + outputs_each * gemm.nr, s.out_channels);
        winograd_tiles(kernels, gemm, blocking, plan, shape, args, t,
                       std::min(t + tiles_each, plan.tiles), scratch.get());
      }
    }
    reference::for_each_output(s, [&](int64_t n, const int64_t(&at)[3], int64_t pixel) {
      for (int64_t c = 0; c < s.out_channels && !HasFailure(); ++c) {
        const reference::Sum sum =
            reference::conv_at(s, x.data(), x_pitch, weights.data(), n, at, c);
        double want = sum.value + bias[c];
        if (residual)
          want = std::fmin(std::fmax(want + extra[pixel * s.out_channels + c], 0.0), 2.0);
        // A pixel at the edge has few terms of its own, but the whole tile's rounding.
        const double size = std::fmax(sum.size, static_cast<double>(products) / 4);
        EXPECT_NEAR(y[pixel * y_pitch + c], want, tolerance * size)
            << reference::describe(s) << " pixel " << pixel << " channel " << c;
      }
      EXPECT_EQ(y[pixel * y_pitch + s.out_channels], kGuard);
    });
    return y;
  }
};

// Kernels of 3x3.
class Winograd : public WinogradTester, public testing::WithParamInterface<std::tuple<Isa, int>> {
 protected:
  int64_t m() const { return std::get<1>(GetParam()); }
  int64_t stride() const { return m() % 2 == 0 ? 1 : 2; }
  // Error allowed per unit of the magnitudes that meet in a tile.
  double tolerance() const { return m() < 4 ? 1e-6 : m() < 6 ? 4e-6 : 1.2e-5; }

  ConvShape make(int64_t in_channels, int64_t out_channels, int64_t h, int64_t w, int64_t pad,
                 int64_t batch = 1) const {
    ConvShape s;
    s.batch = batch, s.in_channels = in_channels, s.out_channels = out_channels;
    s.in[1] = h, s.in[2] = w;
    for (int d = 1; d < 3; ++d) s.kernel[d] = 3, s.pad[d] = pad, s.stride[d] = stride();
    reference::set_output_size(s, {0, pad, pad});
    return s;
  }

  template <class... Args>
  std::vector<float> check(const Args&... args) const {
    return WinogradTester::check(std::get<0>(GetParam()), m(), tolerance(), args...);
  }
};

TEST_P(Winograd, EverySizeAroundTheTile) {
  for (int64_t h = 1; h <= 15; h += 2) {
    for (const int64_t w : {2, 3, 6, 7, 12, 13}) {
      for (const int64_t pad : {0, 1, 2}) {
        if (h + 2 * pad < 3 || w + 2 * pad < 3) continue;
        check(make(5, 7, h, w, pad), 1000);
        if (HasFailure()) FAIL() << h << " x " << w << " pad " << pad;
      }
    }
  }
}

TEST_P(Winograd, ChannelCountsAroundTheVector) {
  for (const int64_t channels : {1, 15, 16, 17, 33}) {
    for (const int64_t outputs : {1, 16, 31, 33, 150})
      check(make(channels, outputs, 7, 9, 1), 1000);
  }
}

TEST_P(Winograd, Groups) {
  for (const int64_t groups : {2, 3}) {
    for (const auto& [in, out] : {std::pair{24, 24}, {16, 40}, {3, 5}, {33, 1}}) {
      ConvShape s = make(in * groups, out * groups, 9, 11, 1, 2);
      s.groups = groups;
      EXPECT_EQ(check(s, 1000), check(s, 5, false, false, kTiny));
    }
  }
}

TEST_P(Winograd, Volumes) {
  for (const int64_t slices : {1, 2, 3}) {
    for (const int64_t stride : {1, 2}) {
      for (const int64_t dilation : {1, 2}) {
        for (const int64_t groups : {1, 2}) {
          ConvShape s = make(19 * groups, 20 * groups, 7, 8, 1, 2);
          s.groups = groups;
          s.in[0] = 5, s.kernel[0] = slices, s.pad[0] = slices - 1;
          s.stride[0] = stride, s.dilation[0] = dilation;
          reference::set_output_size(s, {1, 1, 1});
          EXPECT_EQ(check(s, 1000), check(s, 3));
        }
      }
    }
  }
}

class DilatedWinograd : public Winograd {};

TEST_P(DilatedWinograd, EverySet) {
  for (const int64_t dilation : {2, 3, 7, 20}) {
    for (const int64_t w : {9, 16, 23}) {
      for (const int64_t pad : {int64_t{0}, int64_t{1}, dilation, dilation + 2}) {
        ConvShape s = make(19, 21, 14, w, pad, 2);
        s.dilation[1] = dilation, s.dilation[2] = w == 16 ? 1 : dilation;
        s.pad[2] = w == 16 ? 1 : pad;
        reference::set_output_size(s, {0, s.pad[1], s.pad[2]});
        if (s.out[1] < 1 || s.out[2] < 1) continue;
        EXPECT_EQ(check(s, 1000), check(s, 5, false, false, kTiny));
        if (HasFailure()) FAIL() << reference::describe(s);
      }
    }
  }
}

TEST_P(Winograd, UnequalPadding) {
  ConvShape s = make(6, 9, 9, 8, 1);
  s.pad[1] = 2, s.pad[2] = 0;
  reference::set_output_size(s, {0, 0, 3});
  check(s, 1000);
}

TEST_P(Winograd, Epilogues) {
  const ConvShape s = make(20, 21, 9, 9, 1);
  EXPECT_EQ(check(s, 1000, true), check(s, 1000, true, true));
}

TEST_P(Winograd, AnySplitGivesTheSameBits) {
  const ConvShape s = make(40, 50, 17, 22, 1, 3);
  const std::vector<float> whole = check(s, 1000);
  EXPECT_EQ(check(s, 1), whole);
  EXPECT_EQ(check(s, 7), whole);
  EXPECT_EQ(check(s, 1000, false, false, kTiny), whole);
  EXPECT_EQ(check(s, 1000, false, false, GemmBlocking(), 1), whole);
}

// Kernels along one axis.
class WinogradLines : public WinogradTester, public testing::WithParamInterface<Isa> {
 protected:
  // With every size of tiles; whole and in parts.
  void check_all(const ConvShape& s) const {
    ASSERT_EQ(winograd_refusal(s), nullptr) << reference::describe(s);
    for (const int64_t m : winograd_sizes(winograd_shape(s)).m) {
      if (m == 0) continue;
      const int64_t points = winograd_points(winograd_shape(s), m);
      const double tolerance = points == 4 ? 1e-6 : points == 6 ? 2e-6 : 6e-6;
      const auto whole = check(GetParam(), m, tolerance, s, 1000, true);
      EXPECT_EQ(check(GetParam(), m, tolerance, s, 5, true, false, kTiny), whole);
      if (HasFailure()) FAIL() << reference::describe(s) << " m " << m;
    }
  }
};

TEST_P(WinogradLines, EveryKernelAndAxis) {
  for (int axis = 0; axis < 3; ++axis) {
    for (const int64_t kernel : {2, 3, 4, 5, 6, 7}) {
      for (const int64_t stride : {1, 2}) {
        if (stride == 2 && kernel % 2 == 0) continue;
        for (const int64_t pad : {int64_t{0}, kernel / 2, kernel}) {
          ConvShape s;
          s.batch = 2, s.in_channels = 21, s.out_channels = 19;
          s.in[0] = 3, s.in[1] = 4, s.in[2] = 5, s.in[axis] = 17;
          s.kernel[axis] = kernel, s.stride[axis] = stride, s.pad[axis] = pad;
          reference::set_output_size(s, {axis == 0 ? pad : 0, axis == 1 ? pad : 0, 0});
          check_all(s);
        }
      }
    }
  }
}

TEST_P(WinogradLines, DilationAndGroups) {
  for (const int64_t dilation : {2, 3, 20}) {
    ConvShape s;
    s.in_channels = 34, s.out_channels = 70, s.groups = 2;
    s.in[1] = 3, s.in[2] = 61;
    s.kernel[2] = 3, s.dilation[2] = dilation, s.pad[2] = dilation;
    reference::set_output_size(s, {0, 0, dilation});
    check_all(s);
    std::swap(s.in[1], s.in[2]), std::swap(s.out[1], s.out[2]), std::swap(s.pad[1], s.pad[2]);
    std::swap(s.kernel[1], s.kernel[2]), std::swap(s.dilation[1], s.dilation[2]);
    check_all(s);
  }
}

TEST(WinogradShape, RefusesLinesThatItCannotDo) {
  ConvShape s;
  s.kernel[2] = 5;
  EXPECT_EQ(winograd_refusal(s), nullptr);
  s.stride[1] = 2;
  EXPECT_STREQ(winograd_refusal(s), "a stride across the kernel");
  s.stride[1] = 1, s.stride[2] = 2;
  EXPECT_EQ(winograd_refusal(s), nullptr);
  s.kernel[2] = 4;
  EXPECT_STREQ(winograd_refusal(s), "a stride and an even kernel");
  s.dilation[2] = 2;
  EXPECT_STREQ(winograd_refusal(s), "a stride and a dilation");
  s.stride[2] = 1, s.kernel[2] = 9;
  EXPECT_STREQ(winograd_refusal(s), "a kernel of more than 7");
}

TEST(WinogradShape, RefusesWhatItCannotDo) {
  ConvShape s;
  s.kernel[1] = s.kernel[2] = 3;
  EXPECT_EQ(winograd_refusal(s), nullptr);
  s.stride[1] = 2;
  EXPECT_STREQ(winograd_refusal(s), "strides that differ");
  s.stride[2] = 2;
  EXPECT_EQ(winograd_refusal(s), nullptr);
  s.dilation[2] = 2;
  EXPECT_STREQ(winograd_refusal(s), "a stride and a dilation");
  s.stride[1] = s.stride[2] = 3;
  EXPECT_STREQ(winograd_refusal(s), "a stride above 2");
  s.stride[1] = s.stride[2] = 1, s.kernel[2] = 5;
  EXPECT_STREQ(winograd_refusal(s), "a kernel other than 3x3");
  s.kernel[2] = 3, s.dilation[1] = 2;
  EXPECT_EQ(winograd_refusal(s), nullptr);
}

TEST(WinogradShape, CountsItsProducts) {
  ConvShape s;
  s.in_channels = 8, s.kernel[1] = s.kernel[2] = 3;
  EXPECT_EQ(winograd_products(s, 4), 36 * 8);
  s.stride[1] = s.stride[2] = 2;
  EXPECT_EQ(winograd_products(s, 3), 7 * 7 * 8);
  EXPECT_EQ(winograd_products(s, 5), 11 * 11 * 8);
}

std::string name_of(const testing::TestParamInfo<std::tuple<Isa, int>>& p) {
  return std::string(isa_name(std::get<0>(p.param))) + "_f" + std::to_string(std::get<1>(p.param));
}

const auto kIsas = testing::ValuesIn(supported_isas().begin(), supported_isas().end());
INSTANTIATE_TEST_SUITE_P(EveryIsa, Winograd,
                         testing::Combine(kIsas, testing::Values(2, 3, 4, 5, 6)), name_of);
INSTANTIATE_TEST_SUITE_P(EveryIsa, WinogradLines, kIsas,
                         [](const auto& p) { return std::string(isa_name(p.param)); });
INSTANTIATE_TEST_SUITE_P(EveryIsa, DilatedWinograd,
                         testing::Combine(kIsas, testing::Values(2, 4, 6)), name_of);

}  // namespace
}  // namespace ferry
