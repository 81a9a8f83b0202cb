// SPDX-License-Identifier: Apache-2.0
#include "kernels/conv/plane_depthwise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "kernels/conv/conv_reference.h"

namespace ferry {
namespace {

using reference::Aligned;
using reference::kGuard;

class PlaneDepthwise : public testing::TestWithParam<Isa> {
 protected:
  // Runs by strips of `rows_each` output rows and compares with the plain loops; returns y.
  std::vector<float> check(const ConvShape& s, int64_t rows_each, bool residual = false) {
    const int64_t planes = s.batch * s.out_channels, out_plane = reference::pixels(1, s.out);
    const int64_t in_plane = reference::pixels(1, s.in);
    const auto x = reference::random_values(s.batch * s.in_channels * in_plane, 1);
    const auto weights = reference::random_values(s.out_channels * s.taps(), 2);
    const auto bias = reference::random_values(s.out_channels, 3);
    const auto extra = reference::random_values(planes * out_plane, 4);
    // As conv_at wants it: pixels of channels.
    std::vector<float> pixels(x.size());
    for (int64_t n = 0; n < s.batch; ++n) {
      for (int64_t c = 0; c < s.in_channels; ++c) {
        for (int64_t i = 0; i < in_plane; ++i) {
          pixels[(n * in_plane + i) * s.in_channels + c] =
              x[(n * s.in_channels + c) * in_plane + i];
        }
      }
    }
    Aligned<char> scratch(plane_depthwise_scratch_bytes(s));
    std::vector<float> y(planes * out_plane + 1, kGuard);
    PlaneConvArgs args;
    args.x = x.data(), args.y = y.data();
    args.weights = weights.data(), args.bias = bias.data();
    if (residual) args.residual = extra.data(), args.lo = 0, args.hi = 1;
    const int64_t rows = planes * s.out[0] * s.out[1];
    for (int64_t r = 0; r < rows; r += rows_each) {
      plane_depthwise_rows(plane_depthwise_kernels(GetParam()), s, args, r,
                           std::min(r + rows_each, rows), scratch.get());
    }
    reference::for_each_output(s, [&](int64_t n, const int64_t(&at)[3], int64_t pixel) {
      for (int64_t c = 0; c < s.out_channels && !HasFailure(); ++c) {
        const reference::Sum sum =
            reference::conv_at(s, pixels.data(), s.in_channels, weights.data(), n, at, c);
        const int64_t i = (n * s.out_channels + c) * out_plane + pixel - n * out_plane;
        double want = sum.value + bias[c];
        if (residual) want = std::fmin(std::fmax(want + extra[i], 0.0), 1.0);
        EXPECT_NEAR(y[i], want, 6e-7 * sum.size)
            << reference::describe(s) << " pixel " << pixel << " channel " << c;
      }
    });
    EXPECT_EQ(y.back(), kGuard);
    return y;
  }
};

ConvShape make(int64_t channels, int64_t multiplier, int64_t h, int64_t w, int64_t k,
               int64_t stride, int64_t dilation, int64_t pad) {
  ConvShape s;
  s.groups = s.in_channels = channels, s.out_channels = channels * multiplier;
  s.in[1] = h, s.in[2] = w;
  for (int d = 1; d < 3; ++d)
    s.kernel[d] = k, s.stride[d] = stride, s.dilation[d] = dilation, s.pad[d] = pad;
  reference::set_output_size(s, {0, pad, pad});
  return s;
}

TEST_P(PlaneDepthwise, KernelsStridesDilationsAndPaddings) {
  for (const int64_t k : {1, 2, 3, 5, 7}) {
    for (const int64_t stride : {1, 2, 3}) {
      for (const int64_t dilation : {1, 2, 5}) {
        for (const int64_t pad : {int64_t{0}, k / 2, k + 1, 3 * k}) {
          for (const int64_t width : {1, 7, 30}) {
            const ConvShape s = make(3, 1, 9, width, k, stride, dilation, pad);
            if (s.out[1] < 1 || s.out[2] < 1) continue;
            check(s, 100);
            if (HasFailure()) FAIL() << reference::describe(s);
          }
        }
      }
    }
  }
}

// Every way that tiles and their overlaps can meet.
TEST_P(PlaneDepthwise, EverySizeOfAPlane) {
  for (int64_t width = 1; width <= 70; ++width) {
    for (const int64_t height : {1, 2, 3, 4, 5, 7, 8, 9, 17}) {
      const ConvShape s = make(2, 1, height, width, 3, 1 + width % 2, 1, 1);
      check(s, 100, width % 3 == 0);
      if (HasFailure()) FAIL() << height << " x " << width;
    }
  }
}

TEST_P(PlaneDepthwise, AnySplitGivesTheSameBits) {
  for (const int64_t stride : {1, 2}) {
    ConvShape s = make(4, 2, 33, 41, 5, stride, 1, 2);
    s.batch = 2;
    const std::vector<float> whole = check(s, 100000, true);
    for (const int64_t rows : {1, 7, 50}) EXPECT_EQ(check(s, rows, true), whole);
  }
}

TEST_P(PlaneDepthwise, LargePlanesAreCut) {
  check(make(1, 1, 70, 1100, 3, 1, 1, 1), 50);
  check(make(1, 1, 100, 300, 3, 2, 1, 1), 1000);
  check(make(1, 1, 90, 50, 3, 1, 40, 40), 1000);  // rows far apart
  check(make(1, 1, 64, 64, 31, 1, 1, 15), 1000);
}

TEST_P(PlaneDepthwise, OneAndThreeDimensions) {
  ConvShape s = make(3, 1, 1, 5000, 1, 1, 1, 0);
  for (const int64_t stride : {1, 2, 4}) {
    for (const int64_t k : {4, 31}) {
      s.kernel[2] = k, s.pad[2] = k / 2, s.stride[2] = stride;
      reference::set_output_size(s, {0, 0, k / 2});
      check(s, 2);
    }
  }
  s = make(2, 3, 8, 9, 3, 1, 1, 1);
  s.in[0] = 7, s.kernel[0] = 3, s.pad[0] = 1, s.stride[0] = 2, s.dilation[0] = 2;
  reference::set_output_size(s, {2, 1, 1});
  check(s, 5);
}

TEST_P(PlaneDepthwise, UnequalPaddingAndEmptyImages) {
  ConvShape s = make(3, 1, 8, 9, 3, 1, 1, 0);
  s.kernel[1] = 1, s.kernel[2] = 5, s.pad[2] = 4, s.pad[1] = 2;
  reference::set_output_size(s, {0, 3, 0});
  check(s, 2);
  s = make(3, 1, 0, 0, 1, 1, 1, 2);  // nothing but padding
  check(s, 100);
  s.batch = 0;
  check(s, 100);
}

TEST_P(PlaneDepthwise, KeepsNotANumber) {
  const ConvShape s = make(1, 1, 1, 20, 1, 1, 1, 0);
  std::vector<float> x(20, std::nanf("")), y(20);
  const float weight = 1;
  PlaneConvArgs args;
  args.x = x.data(), args.y = y.data(), args.weights = &weight, args.lo = 0, args.hi = 6;
  Aligned<char> scratch(plane_depthwise_scratch_bytes(s));
  plane_depthwise_rows(plane_depthwise_kernels(GetParam()), s, args, 0, 1, scratch.get());
  for (const float v : y) EXPECT_TRUE(std::isnan(v));
}

INSTANTIATE_TEST_SUITE_P(EveryIsa, PlaneDepthwise,
                         testing::ValuesIn(supported_isas().begin(), supported_isas().end()),
                         [](const auto& isa) { return std::string(isa_name(isa.param)); });

}  // namespace
}  // namespace ferry
