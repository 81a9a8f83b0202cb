// SPDX-License-Identifier: Apache-2.0
#include "kernels/conv/conv.h"

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

struct Options {
  int64_t x_extra = 0, y_extra = 3;  // floats between pixels
  int64_t panels_each = 0;           // of output channels; 0: all at once
  bool bias = true, residual = false, in_place = false;
  float lo = -std::numeric_limits<float>::infinity(), hi = std::numeric_limits<float>::infinity();
};

class Conv : public testing::TestWithParam<Isa> {
 protected:
  // Runs by strips of `rows_each` output rows and compares with the plain loops; returns y.
  std::vector<float> check(const ConvShape& s, const Options& o, int64_t rows_each,
                           GemmBlocking blocking = GemmBlocking()) {
    const GemmKernels& kernels = gemm_kernels(GetParam());
    const int64_t x_pitch = s.in_channels + o.x_extra, y_pitch = s.out_channels + o.y_extra;
    const int64_t out_pixels = reference::pixels(s.batch, s.out);
    std::vector<float> x = reference::random_values(reference::pixels(s.batch, s.in) * x_pitch, 1);
    const std::vector<float> weights =
        reference::random_values(s.out_channels * s.group_in() * s.taps(), 2);
    const std::vector<float> bias = reference::random_values(s.out_channels, 3);
    const std::vector<float> residual = reference::random_values(out_pixels * s.out_channels, 4);
    if (o.x_extra > 0) {
      for (size_t i = s.in_channels; i < x.size(); i += x_pitch)
        x[i] = std::nanf("");  // between the pixels
    }
    Aligned<> packed(conv_packed_size(kernels, s));
    Aligned<char> scratch(conv_scratch_bytes(s, blocking));
    conv_pack_weights(kernels, s, weights.data(), packed.get());
    std::vector<float> y(out_pixels * y_pitch, kGuard);
    for (int64_t i = 0; o.in_place && i < out_pixels * s.out_channels; ++i)
      y[i / s.out_channels * y_pitch + i % s.out_channels] = residual[i];
    ConvArgs args;
    args.x = x.data(), args.x_pitch = x_pitch;
    args.y = y.data(), args.y_pitch = y_pitch;
    args.weights = packed.get();
    if (o.bias) args.bias = bias.data();
    if (o.residual) args.residual = residual.data(), args.residual_pitch = s.out_channels;
    if (o.in_place) args.residual = y.data(), args.residual_pitch = y_pitch;
    args.lo = o.lo, args.hi = o.hi;
    for (int64_t r = 0; r < s.rows(); r += rows_each) {
      const int64_t step = o.panels_each == 0 ? s.out_channels : o.panels_each * kernels.nr;
      for (int64_t c = 0; c < s.out_channels; c += step) {
        if (o.panels_each > 0)
          args.out_begin = c, args.out_end = std::min(c + step, s.out_channels);
        conv_rows(kernels, blocking, s, args, r, std::min(r + rows_each, s.rows()), scratch.get());
      }
    }
    reference::for_each_output(s, [&](int64_t n, const int64_t(&at)[3], int64_t pixel) {
      for (int64_t c = 0; c < y_pitch && !HasFatalFailure(); ++c) {
        const float got = y[pixel * y_pitch + c];
        if (c >= s.out_channels) {
          EXPECT_EQ(got, kGuard) << "written between pixels";
          continue;
        }
        reference::Sum sum = reference::conv_at(s, x.data(), x_pitch, weights.data(), n, at, c);
        if (o.bias) sum.value += bias[c];
        if (o.residual) sum.value += residual[pixel * s.out_channels + c];
        const double want = std::fmin(std::fmax(sum.value, o.lo), o.hi);
        EXPECT_NEAR(got, want, 4e-7 * sum.size)
            << reference::describe(s) << " pixel " << pixel << " channel " << c;
      }
    });
    return y;
  }
};

ConvShape make(int64_t batch, int64_t in_channels, int64_t out_channels, int64_t h, int64_t w,
               int64_t k, int64_t stride, int64_t dilation, int64_t pad, int64_t groups = 1) {
  ConvShape s;
  s.batch = batch, s.in_channels = in_channels, s.out_channels = out_channels, s.groups = groups;
  for (int d = 1; d < 3; ++d)
    s.kernel[d] = k, s.stride[d] = stride, s.dilation[d] = dilation, s.pad[d] = pad;
  s.in[1] = h, s.in[2] = w;
  reference::set_output_size(s, {0, pad, pad});
  return s;
}

TEST_P(Conv, KernelsStridesDilationsAndPaddings) {
  for (const int64_t k : {1, 2, 3, 5}) {
    for (const int64_t stride : {1, 2, 3}) {
      for (const int64_t dilation : {1, 2}) {
        for (const int64_t pad : {int64_t{0}, k / 2, k}) {
          for (const int64_t channels : {3, 33}) {
            const ConvShape s = make(1, channels, 18, 11, 13, k, stride, dilation, pad);
            if (s.out[1] < 1) continue;
            check(s, {.x_extra = stride - 1}, 100);
            if (HasFailure()) FAIL() << reference::describe(s);
          }
        }
      }
    }
  }
}

// Most taps of most pixels lie outside the image and are left out by tiles.
TEST_P(Conv, DilationsAsLargeAsTheImage) {
  for (const int64_t dilation : {4, 7, 12, 30}) {
    for (const int64_t channels : {5, 40}) {
      const ConvShape s = make(2, channels, 37, 13, 19, 3, 1, dilation, dilation);
      const std::vector<float> whole = check(s, {.residual = true, .lo = 0}, 1000);
      EXPECT_EQ(check(s, {.residual = true, .lo = 0}, 1), whole);
      EXPECT_EQ(check(s, {.residual = true, .lo = 0}, 3, {.panel_bytes = 1, .rows_bytes = 1}),
                whole);
      check(make(1, 4 * channels, 36, 9, 8, 3, 2, dilation, dilation, 4), {.x_extra = 2}, 2);
    }
  }
  check(make(1, 40, 37, 2, 3, 7, 1, 1, 3), {}, 1);
}

TEST_P(Conv, OneAndThreeDimensions) {
  ConvShape s = make(2, 5, 7, 1, 29, 1, 1, 1, 0);
  s.kernel[2] = 4, s.stride[2] = 2, s.pad[2] = 1;
  reference::set_output_size(s, {0, 0, 2});
  check(s, {}, 1);
  s = make(2, 5, 33, 6, 7, 3, 1, 1, 1);
  s.in[0] = 5, s.kernel[0] = 3, s.stride[0] = 2, s.pad[0] = 1;
  reference::set_output_size(s, {1, 1, 1});
  check(s, {}, 3);
  check(s, {.x_extra = 1}, 100);
}

TEST_P(Conv, UnequalPaddingAndKernel) {
  ConvShape s = make(1, 9, 10, 8, 9, 1, 1, 1, 0);
  s.kernel[1] = 1, s.kernel[2] = 5, s.pad[2] = 4, s.pad[1] = 2;
  reference::set_output_size(s, {0, 3, 0});
  check(s, {}, 2);
}

TEST_P(Conv, Groups) {
  for (const int64_t groups : {2, 3, 4}) {
    for (const int64_t per_group : {1, 4, 8, 17}) {
      check(make(1, groups * per_group, groups * 5, 6, 7, 3, 1, 1, 1, groups), {}, 4);
      check(make(1, groups * per_group, groups * 5, 6, 7, 1, 1, 1, 0, groups), {.x_extra = 2}, 4);
    }
  }
}

TEST_P(Conv, Epilogues) {
  const ConvShape s = make(2, 20, 21, 5, 6, 3, 1, 1, 1);
  check(s, {.bias = false}, 7);
  check(s, {.residual = true, .lo = 0}, 7);
  EXPECT_EQ(check(s, {.residual = true, .lo = 0, .hi = 1}, 7),
            check(s, {.residual = true, .in_place = true, .lo = 0, .hi = 1}, 7));
}

TEST_P(Conv, AnySplitAndBlockingGivesTheSameBits) {
  for (const int64_t channels : {3, 40}) {
    const ConvShape s = make(2, channels, 37, 9, 14, 3, 1, 1, 1);
    const std::vector<float> whole = check(s, {}, 1000);
    EXPECT_EQ(check(s, {}, 1), whole);
    EXPECT_EQ(check(s, {.panels_each = 1}, 1000), whole);
    EXPECT_EQ(check(s, {}, 5, {.panel_bytes = 1, .rows_bytes = 1}), whole);
  }
}

TEST_P(Conv, EmptyBatchAndEmptyOutput) {
  ConvShape s = make(0, 4, 4, 5, 5, 3, 1, 1, 1);
  check(s, {}, 1);
  s = make(1, 4, 4, 5, 5, 3, 1, 1, 1);
  s.out[1] = 0;
  check(s, {}, 1);
}

INSTANTIATE_TEST_SUITE_P(EveryIsa, Conv,
                         testing::ValuesIn(supported_isas().begin(), supported_isas().end()),
                         [](const auto& isa) { return std::string(isa_name(isa.param)); });

}  // namespace
}  // namespace ferry
