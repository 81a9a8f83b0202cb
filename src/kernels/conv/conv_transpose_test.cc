// SPDX-License-Identifier: Apache-2.0
#include "kernels/conv/conv_transpose.h"

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

// Scatters every input pixel, as the operator is defined. Sums per output channel, then sizes.
struct Expected {
  std::vector<double> value, size;
};
Expected scatter(const ConvShape& s, const std::vector<float>& x, int64_t x_pitch,
                 const std::vector<float>& weights) {
  const int64_t outputs = reference::pixels(s.batch, s.out) * s.out_channels;
  Expected e{std::vector<double>(outputs, 0.0), std::vector<double>(outputs, 1.0)};
  ConvShape inputs = s;
  for (int d = 0; d < 3; ++d) inputs.out[d] = s.in[d];
  reference::for_each_output(inputs, [&](int64_t n, const int64_t(&at)[3], int64_t pixel) {
    for (int64_t t = 0; t < s.taps(); ++t) {
      const int64_t k[3] = {t / (s.kernel[1] * s.kernel[2]), t / s.kernel[2] % s.kernel[1],
                            t % s.kernel[2]};
      int64_t out_pixel = n;
      bool inside = true;
      for (int d = 0; d < 3; ++d) {
        const int64_t o = at[d] * s.stride[d] + k[d] * s.dilation[d] - s.pad[d];
        inside = inside && o >= 0 && o < s.out[d];
        out_pixel = out_pixel * s.out[d] + o;
      }
      if (!inside) continue;
      for (int64_t c = 0; c < s.in_channels; ++c) {
        const int64_t group = c / s.group_in();
        for (int64_t o = 0; o < s.group_out(); ++o) {
          const double product =
              double{x[pixel * x_pitch + c]} * weights[(c * s.group_out() + o) * s.taps() + t];
          const int64_t out = out_pixel * s.out_channels + group * s.group_out() + o;
          e.value[out] += product;
          e.size[out] += std::fabs(product);
        }
      }
    }
  });
  return e;
}

class ConvTranspose : public testing::TestWithParam<Isa> {
 protected:
  std::vector<float> check(const ConvShape& s, int64_t rows_each, bool residual = false) {
    const GemmKernels& kernels = gemm_kernels(GetParam());
    const int64_t x_pitch = s.in_channels + 1, y_pitch = s.out_channels + 3;
    const int64_t out_pixels = reference::pixels(s.batch, s.out);
    const auto x = reference::random_values(reference::pixels(s.batch, s.in) * x_pitch, 1);
    const auto weights = reference::random_values(s.in_channels * s.group_out() * s.taps(), 2);
    const auto bias = reference::random_values(s.out_channels, 3);
    const auto extra = reference::random_values(out_pixels * s.out_channels, 4);
    Aligned<> packed(conv_transpose_packed_size(kernels, s));
    Aligned<char> scratch(conv_transpose_scratch_bytes(s));
    conv_transpose_pack_weights(kernels, s, weights.data(), packed.get());
    std::vector<float> y(out_pixels * y_pitch, kGuard);
    ConvArgs args;
    args.x = x.data(), args.x_pitch = x_pitch;
    args.y = y.data(), args.y_pitch = y_pitch;
    args.weights = packed.get(), args.bias = bias.data();
    if (residual) args.residual = extra.data(), args.residual_pitch = s.out_channels, args.lo = 0;
    for (int64_t r = 0; r < s.rows(); r += rows_each) {
      conv_transpose_rows(kernels, GemmBlocking(), s, args, r, std::min(r + rows_each, s.rows()),
                          scratch.get());
    }
    const Expected e = scatter(s, x, x_pitch, weights);
    for (int64_t p = 0; p < out_pixels; ++p) {
      for (int64_t c = 0; c < s.out_channels; ++c) {
        const int64_t i = p * s.out_channels + c;
        double want = e.value[i] + bias[c];
        if (residual) want = std::fmax(want + extra[i], 0.0);
        EXPECT_NEAR(y[p * y_pitch + c], want, 4e-7 * e.size[i])
            << reference::describe(s) << " pixel " << p;
        if (HasFailure()) return y;
      }
      EXPECT_EQ(y[p * y_pitch + s.out_channels], kGuard);
    }
    return y;
  }
};

// Output size as ONNX computes it from equal paddings and output padding.
ConvShape make(int64_t in_channels, int64_t out_channels, int64_t h, int64_t w, int64_t k,
               int64_t stride, int64_t dilation, int64_t pad, int64_t out_pad, int64_t groups = 1) {
  ConvShape s;
  s.in_channels = in_channels, s.out_channels = out_channels, s.groups = groups;
  s.in[1] = h, s.in[2] = w;
  for (int d = 1; d < 3; ++d) {
    s.kernel[d] = k, s.stride[d] = stride, s.dilation[d] = dilation, s.pad[d] = pad;
    s.out[d] = stride * (s.in[d] - 1) + out_pad + (k - 1) * dilation + 1 - 2 * pad;
  }
  return s;
}

TEST_P(ConvTranspose, KernelsStridesDilationsAndPaddings) {
  for (const int64_t k : {1, 2, 3, 4}) {
    for (const int64_t stride : {1, 2, 3}) {
      for (const int64_t dilation : {1, 2, 3}) {
        for (const int64_t pad : {0, 1}) {
          const ConvShape s = make(5, 19, 4, 6, k, stride, dilation, pad, stride - 1);
          if (s.out[1] < 1) continue;
          check(s, 100);
          if (HasFailure()) FAIL() << reference::describe(s);
        }
      }
    }
  }
}

TEST_P(ConvTranspose, GroupsBatchesAndThreeDimensions) {
  ConvShape s = make(12, 9, 5, 7, 3, 2, 1, 1, 1, 3);
  s.batch = 2;
  check(s, 5, true);
  s = make(3, 4, 3, 4, 2, 2, 1, 0, 0);
  s.in[0] = 3, s.kernel[0] = 3, s.stride[0] = 2, s.pad[0] = 1, s.out[0] = 2 * 2 + 3 - 2;
  check(s, 7, true);
}

TEST_P(ConvTranspose, AnySplitGivesTheSameBits) {
  const ConvShape s = make(40, 33, 9, 60, 3, 2, 1, 1, 1);
  const std::vector<float> whole = check(s, 1000);
  EXPECT_EQ(check(s, 1), whole);
  EXPECT_EQ(check(s, 5), whole);
}

TEST_P(ConvTranspose, EmptyInputGivesTheBias) {
  ConvShape s = make(4, 4, 3, 3, 2, 2, 1, 0, 0);
  s.in[1] = 0;
  check(s, 2);
}

INSTANTIATE_TEST_SUITE_P(EveryIsa, ConvTranspose,
                         testing::ValuesIn(supported_isas().begin(), supported_isas().end()),
                         [](const auto& isa) { return std::string(isa_name(isa.param)); });

}  // namespace
}  // namespace ferry
