// SPDX-License-Identifier: Apache-2.0
// Both thin convolutions: from planes with few channels, and into planes with few channels.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "kernels/conv/conv_reference.h"
#include "kernels/conv/thin_input.h"
#include "kernels/conv/thin_output.h"

namespace ferry {
namespace {

using reference::Aligned;
using reference::kGuard;

ConvShape make(int64_t in_channels, int64_t out_channels, int64_t h, int64_t w, int64_t k,
               int64_t stride, int64_t dilation, int64_t pad, int64_t batch = 1) {
  ConvShape s;
  s.batch = batch, s.in_channels = in_channels, s.out_channels = out_channels;
  s.in[1] = h, s.in[2] = w;
  for (int d = 1; d < 3; ++d)
    s.kernel[d] = k, s.stride[d] = stride, s.dilation[d] = dilation, s.pad[d] = pad;
  reference::set_output_size(s, {0, pad, pad});
  return s;
}

// The same image in planes, with `extra` floats after each row.
std::vector<float> to_planes(const ConvShape& s, const std::vector<float>& x, int64_t extra) {
  const int64_t row = s.in[2] + extra;
  std::vector<float> planes(static_cast<size_t>(s.batch * s.in_channels * s.in[1] * row),
                            std::nanf(""));
  size_t from = 0;
  for (int64_t n = 0; n < s.batch; ++n) {
    for (int64_t h = 0; h < s.in[1]; ++h) {
      for (int64_t w = 0; w < s.in[2]; ++w) {
        for (int64_t c = 0; c < s.in_channels; ++c)
          planes[((n * s.in_channels + c) * s.in[1] + h) * row + w] = x[from++];
      }
    }
  }
  return planes;
}

class ThinInput : public testing::TestWithParam<Isa> {
 protected:
  std::vector<float> check(const ConvShape& s, int64_t rows_each, bool residual = false) {
    const GemmKernels& kernels = gemm_kernels(GetParam());
    const int64_t y_pitch = s.out_channels + 3, out_pixels = reference::pixels(s.batch, s.out),
                  row = s.in[2] + 2;
    const auto x = reference::random_values(reference::pixels(s.batch, s.in) * s.in_channels, 1);
    const auto weights = reference::random_values(s.out_channels * s.in_channels * s.taps(), 2);
    const auto bias = reference::random_values(s.out_channels, 3);
    const auto extra = reference::random_values(out_pixels * s.out_channels, 4);
    const auto planes = to_planes(s, x, 2);
    const GemmBlocking blocking = {.panel_bytes = 1 << 14, .rows_bytes = 1 << 14};
    Aligned<> packed(thin_input_packed_size(kernels, s));
    Aligned<char> scratch(thin_input_scratch_bytes(s, blocking));
    thin_input_pack_weights(kernels, s, weights.data(), packed.get());
    std::vector<float> y(out_pixels * y_pitch, kGuard);
    const PlanarInput input = {planes.data(), s.in_channels * s.in[1] * row, s.in[1] * row, row};
    ConvArgs args;
    args.y = y.data(), args.y_pitch = y_pitch, args.weights = packed.get(), args.bias = bias.data();
    if (residual) args.residual = extra.data(), args.residual_pitch = s.out_channels, args.lo = 0;
    for (int64_t r = 0; r < s.rows(); r += rows_each) {
      thin_input_rows(kernels, blocking, s, input, args, r, std::min(r + rows_each, s.rows()),
                      scratch.get());
    }
    reference::for_each_output(s, [&](int64_t n, const int64_t(&at)[3], int64_t pixel) {
      for (int64_t c = 0; c < s.out_channels && !HasFailure(); ++c) {
        const reference::Sum sum =
            reference::conv_at(s, x.data(), s.in_channels, weights.data(), n, at, c);
        double want = sum.value + bias[c];
        if (residual) want = std::fmax(want + extra[pixel * s.out_channels + c], 0.0);
        EXPECT_NEAR(y[pixel * y_pitch + c], want, 4e-7 * sum.size)
            << reference::describe(s) << " pixel " << pixel;
      }
      EXPECT_EQ(y[pixel * y_pitch + s.out_channels], kGuard);
    });
    return y;
  }
};

TEST_P(ThinInput, KernelsStridesDilationsAndPaddings) {
  for (const int64_t channels : {1, 3, 4}) {
    for (const int64_t k : {1, 3, 7}) {
      for (const int64_t stride : {1, 2, 4}) {
        for (const int64_t dilation : {1, 2}) {
          for (const int64_t pad : {int64_t{0}, k / 2, k}) {
            const ConvShape s = make(channels, 35, 14, 19, k, stride, dilation, pad);
            if (s.out[1] < 1) continue;
            check(s, 100);
            if (HasFailure()) FAIL() << reference::describe(s);
          }
        }
      }
    }
  }
}

TEST_P(ThinInput, BatchesResidualsAndSplits) {
  const ConvShape s = make(3, 33, 21, 40, 5, 1, 1, 2, 2);
  const std::vector<float> whole = check(s, 1000, true);
  EXPECT_EQ(check(s, 1, true), whole);
  EXPECT_EQ(check(s, 7, true), whole);
}

TEST(ThinInputShape, RefusesWhatItCannotDo) {
  EXPECT_EQ(thin_input_refusal(make(3, 8, 9, 9, 3, 2, 1, 1)), nullptr);
  ConvShape s = make(4, 8, 9, 9, 3, 1, 1, 1);
  s.groups = 2;
  EXPECT_STREQ(thin_input_refusal(s), "groups");
  s.groups = 1, s.in[0] = 3;
  EXPECT_STREQ(thin_input_refusal(s), "three spatial dimensions");
}

class ThinOutput : public testing::TestWithParam<Isa> {
 protected:
  std::vector<float> check(const ConvShape& s, int64_t rows_each, bool planar_input = false,
                           bool residual = false) {
    const ThinOutputKernels& kernels = thin_output_kernels(GetParam());
    const int64_t y_row = s.out[2] + 2, y_size = s.batch * s.out_channels * s.out[1] * y_row,
                  x_row = s.in[2] + 3;
    const auto x = reference::random_values(reference::pixels(s.batch, s.in) * s.in_channels, 1);
    const auto weights = reference::random_values(s.out_channels * s.in_channels * s.taps(), 2);
    const auto bias = reference::random_values(s.out_channels, 3);
    const auto extra = reference::random_values(y_size, 4);
    const auto planes = to_planes(s, x, 3);
    const GemmBlocking blocking = {.panel_bytes = 1 << 14, .rows_bytes = 1 << 14};
    Aligned<> packed(thin_output_packed_size(s));
    Aligned<char> scratch(thin_output_scratch_bytes(s, blocking));
    thin_output_pack_weights(s, weights.data(), packed.get());
    std::vector<float> y(y_size, kGuard);
    ThinOutputArgs args;
    if (planar_input) {
      args.x = planes.data(), args.pixel_stride = 1, args.row_stride = x_row;
      args.channel_stride = s.in[1] * x_row,
      args.image_stride = s.in_channels * args.channel_stride;
    } else {
      args.x = x.data(), args.channel_stride = 1, args.pixel_stride = s.in_channels;
      args.row_stride = s.in[2] * s.in_channels, args.image_stride = s.in[1] * args.row_stride;
    }
    args.y = y.data(), args.y_row_stride = y_row, args.y_channel_stride = s.out[1] * y_row;
    args.y_image_stride = s.out_channels * args.y_channel_stride;
    args.weights = packed.get(), args.bias = bias.data();
    if (residual) args.residual = extra.data(), args.lo = -0.5f, args.hi = 0.5f;
    for (int64_t r = 0; r < s.rows(); r += rows_each) {
      thin_output_rows(kernels, blocking, s, args, r, std::min(r + rows_each, s.rows()),
                       scratch.get());
    }
    reference::for_each_output(s, [&](int64_t n, const int64_t(&at)[3], int64_t pixel) {
      for (int64_t c = 0; c < s.out_channels && !HasFailure(); ++c) {
        const reference::Sum sum =
            reference::conv_at(s, x.data(), s.in_channels, weights.data(), n, at, c);
        const int64_t i = ((n * s.out_channels + c) * s.out[1] + at[1]) * y_row + at[2];
        double want = sum.value + bias[c];
        if (residual) want = std::fmin(std::fmax(want + extra[i], -0.5), 0.5);
        EXPECT_NEAR(y[i], want, 4e-7 * sum.size)
            << reference::describe(s) << " pixel " << pixel << " channel " << c;
        if (at[2] == s.out[2] - 1) {
          EXPECT_EQ(y[i + 1], kGuard) << "written behind the row";
        }
      }
    });
    return y;
  }
};

TEST_P(ThinOutput, KernelsDilationsAndPaddings) {
  for (const int64_t outputs : {1, 3}) {
    for (const int64_t k : {1, 3, 5}) {
      for (const int64_t dilation : {1, 2}) {
        for (const int64_t pad : {int64_t{0}, k / 2, k}) {
          for (const int64_t channels : {1, 5, 18}) {
            const ConvShape s = make(channels, outputs, 10, 37, k, 1, dilation, pad);
            check(s, 100);
            check(s, 100, true);
            if (HasFailure()) FAIL() << reference::describe(s);
          }
        }
      }
    }
  }
}

TEST_P(ThinOutput, EveryChannelCountAndWidth) {
  for (int64_t outputs = 1; outputs <= kThinOutputChannels; ++outputs) {
    for (int64_t width = 1; width < 180; width += 7)
      check(make(3, outputs, 4, width, 3, 1, 1, 1), 3);
  }
}

TEST_P(ThinOutput, BatchesResidualsAndSplits) {
  const ConvShape s = make(20, 3, 70, 300, 5, 1, 1, 2, 2);
  const std::vector<float> whole = check(s, 1000, false, true);
  EXPECT_EQ(check(s, 1, false, true), whole);
  EXPECT_EQ(check(s, 23, true, true), whole);
}

TEST(ThinOutputShape, RefusesWhatItCannotDo) {
  EXPECT_EQ(thin_output_refusal(make(3, 8, 9, 9, 3, 1, 1, 1)), nullptr);
  EXPECT_STREQ(thin_output_refusal(make(3, 9, 9, 9, 3, 1, 1, 1)), "more than 8 output channels");
  EXPECT_STREQ(thin_output_refusal(make(3, 2, 9, 9, 3, 2, 1, 1)), "a stride other than 1");
}

const auto kName = [](const auto& isa) { return std::string(isa_name(isa.param)); };
INSTANTIATE_TEST_SUITE_P(EveryIsa, ThinInput,
                         testing::ValuesIn(supported_isas().begin(), supported_isas().end()),
                         kName);
INSTANTIATE_TEST_SUITE_P(EveryIsa, ThinOutput,
                         testing::ValuesIn(supported_isas().begin(), supported_isas().end()),
                         kName);

}  // namespace
}  // namespace ferry
