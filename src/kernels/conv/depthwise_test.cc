// SPDX-License-Identifier: Apache-2.0
#include "kernels/conv/depthwise.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "kernels/conv/conv_reference.h"

namespace ferry {
namespace {

using reference::Aligned;
using reference::kGuard;

class Depthwise : public testing::TestWithParam<Isa> {
 protected:
  std::vector<float> check(const ConvShape& s, int64_t rows_each, bool residual = false,
                           bool in_place = false) {
    const int64_t x_pitch = s.in_channels + 2, y_pitch = s.out_channels + 1;
    const int64_t out_pixels = reference::pixels(s.batch, s.out);
    auto x = reference::random_values(reference::pixels(s.batch, s.in) * x_pitch, 1);
    for (size_t i = s.in_channels; i < x.size(); i += x_pitch)
      x[i] = std::nanf("");  // between the pixels
    const auto weights = reference::random_values(s.out_channels * s.group_in() * s.taps(), 2);
    const auto bias = reference::random_values(s.out_channels, 3);
    const auto extra = reference::random_values(out_pixels * s.out_channels, 4);
    Aligned<> packed(depthwise_packed_size(s));
    Aligned<char> scratch(depthwise_scratch_bytes(s));
    depthwise_pack_weights(s, weights.data(), packed.get());
    std::vector<float> y(out_pixels * y_pitch, kGuard);
    for (int64_t i = 0; in_place && i < out_pixels * s.out_channels; ++i)
      y[i / s.out_channels * y_pitch + i % s.out_channels] = extra[i];
    ConvArgs args;
    args.x = x.data(), args.x_pitch = x_pitch;
    args.y = y.data(), args.y_pitch = y_pitch;
    args.weights = packed.get(), args.bias = bias.data();
    if (residual)
      args.residual = extra.data(), args.residual_pitch = s.out_channels, args.lo = 0, args.hi = 1;
    if (in_place) args.residual = y.data(), args.residual_pitch = y_pitch;
    for (int64_t r = 0; r < s.rows(); r += rows_each) {
      depthwise_rows(depthwise_kernels(GetParam()), s, args, r, std::min(r + rows_each, s.rows()),
                     scratch.get());
    }
    reference::for_each_output(s, [&](int64_t n, const int64_t(&at)[3], int64_t pixel) {
      for (int64_t c = 0; c < s.out_channels && !HasFailure(); ++c) {
        const reference::Sum sum =
            reference::conv_at(s, x.data(), x_pitch, weights.data(), n, at, c);
        double want = sum.value + bias[c];
        if (residual)
          want = std::fmin(std::fmax(want + extra[pixel * s.out_channels + c], 0.0), 1.0);
        EXPECT_NEAR(y[pixel * y_pitch + c], want, 4e-7 * sum.size)
            << reference::describe(s) << " pixel " << pixel << " channel " << c;
      }
      EXPECT_EQ(y[pixel * y_pitch + s.out_channels], kGuard);
    });
    return y;
  }
};

ConvShape make(int64_t groups, int64_t group_in, int64_t group_out, int64_t h, int64_t w, int64_t k,
               int64_t stride, int64_t dilation, int64_t pad) {
  ConvShape s;
  s.groups = groups, s.in_channels = groups * group_in, s.out_channels = groups * group_out;
  s.in[1] = h, s.in[2] = w;
  for (int d = 1; d < 3; ++d)
    s.kernel[d] = k, s.stride[d] = stride, s.dilation[d] = dilation, s.pad[d] = pad;
  reference::set_output_size(s, {0, pad, pad});
  return s;
}

TEST_P(Depthwise, KernelsStridesDilationsAndPaddings) {
  for (const int64_t k : {1, 2, 3, 5, 7}) {
    for (const int64_t stride : {1, 2, 3}) {
      for (const int64_t dilation : {1, 2}) {
        for (const int64_t pad : {int64_t{0}, k / 2, k + 1}) {
          for (const int64_t width : {7, 30}) {
            const ConvShape s = make(19, 1, 1, 9, width, k, stride, dilation, pad);
            if (s.out[1] < 1 || s.out[2] < 1) continue;
            check(s, 100);
            if (HasFailure()) FAIL() << reference::describe(s);
          }
        }
      }
    }
  }
}

TEST_P(Depthwise, EveryChannelCountAroundTheVector) {
  for (int64_t channels = 1; channels <= 50; ++channels)
    check(make(channels, 1, 1, 5, 13, 3, 1, 1, 1), 100);
}

// Every way that tiles, their overlaps and the sides of the image can meet.
TEST_P(Depthwise, EveryWidthOfARow) {
  for (int64_t width = 1; width <= 37; ++width) {
    for (const int64_t k : {2, 3, 4, 5, 7, 9, 11}) {
      for (const int64_t stride : {1, 2}) {
        check(make(17, 1, 1, 4, width, k, stride, 1, k / 2), 100, width % 3 < 2, width % 3 == 0);
        if (HasFailure()) FAIL() << "width " << width << ", kernel " << k << ", stride " << stride;
      }
    }
  }
}

TEST_P(Depthwise, EveryWidthOfARowOfGroups) {
  for (int64_t width = 1; width <= 37; ++width) {
    for (const int64_t group : {2, 3, 4, 6, 8}) {
      for (const int64_t stride : {1, 2}) {
        const ConvShape s = make(9, group, group, 4, width, 3, stride, 1, 1);
        const bool residual = width % 3 < 2;
        const std::vector<float> y = check(s, 100, residual);
        if (residual) {
          EXPECT_EQ(check(s, 1, true, true), y);
        }
        if (HasFailure()) FAIL() << "width " << width << ", group " << group;
      }
    }
  }
}

TEST_P(Depthwise, GroupsUnderKernelsStridesDilationsAndPaddings) {
  for (const int64_t group : {2, 3, 4, 5, 8}) {
    for (const int64_t k : {1, 2, 3, 5, 7}) {
      for (const int64_t stride : {1, 2, 3}) {
        for (const int64_t dilation : {1, 2}) {
          for (const int64_t pad : {int64_t{0}, k / 2, k + 1}) {
            const ConvShape s = make(8, group, group, 9, 23, k, stride, dilation, pad);
            if (s.out[1] < 1 || s.out[2] < 1) continue;
            check(s, 100);
            if (HasFailure()) FAIL() << reference::describe(s) << " group " << group;
          }
        }
      }
    }
  }
}

// Rows are cut into parts, unless these are too many.
TEST_P(Depthwise, LargeKernels) {
  for (const int64_t k : {13, 31, 41}) {
    const ConvShape s = make(9, 1, 1, 33, 33, k, 1, 1, k / 2);
    EXPECT_EQ(check(s, 100), check(s, 7));
  }
}

TEST_P(Depthwise, MultipliersAndSmallGroups) {
  for (const int64_t group_in : {1, 2, 3, 4, 5, 6, 7, 8}) {
    for (const int64_t group_out : {1, 2, 3, 4, 5, 6, 8, 12, 17}) {
      for (const int64_t width : {9, 20})
        check(make(9, group_in, group_out, 5, width, 3, 1, 1, 1), 2);
    }
  }
}

TEST_P(Depthwise, Epilogues) {
  for (const ConvShape& s : {make(37, 1, 1, 6, 11, 3, 2, 1, 1), make(37, 1, 1, 6, 11, 3, 1, 1, 1),
                             make(37, 1, 1, 6, 15, 5, 1, 1, 2), make(9, 2, 3, 6, 11, 3, 1, 1, 1)}) {
    EXPECT_EQ(check(s, 2, true), check(s, 2, true, true));
  }
}

TEST_P(Depthwise, OneAndThreeDimensions) {
  ConvShape s = make(21, 1, 1, 5, 12, 3, 1, 1, 1);
  s.in[0] = 4, s.kernel[0] = 3, s.pad[0] = 1, s.batch = 2;
  reference::set_output_size(s, {1, 1, 1});
  check(s, 3);
  s = make(21, 1, 1, 1, 40, 1, 1, 1, 0);
  s.kernel[2] = 7, s.pad[2] = 6;
  reference::set_output_size(s, {0, 0, 0});
  check(s, 1);
}

TEST_P(Depthwise, AnySplitGivesTheSameBits) {
  const ConvShape s = make(40, 1, 1, 12, 300, 5, 1, 1, 2);
  const std::vector<float> whole = check(s, 100);
  EXPECT_EQ(check(s, 1), whole);
  EXPECT_EQ(check(s, 5), whole);
  for (const int64_t group : {2, 3, 4, 6, 8}) {
    const ConvShape groups = make(12, group, group, 12, 30, 3, 1, 1, 1);
    EXPECT_EQ(check(groups, 1), check(groups, 100));
  }
}

// The last pixel of all ends where its memory does.
TEST_P(Depthwise, ReadsNothingBehindTheImage) {
  for (const int64_t group : {2, 3, 4, 6, 8}) {
    const ConvShape s = make(3, group, group, 3, 10, 3, 1, 1, 1);
    const int64_t floats = 30 * s.in_channels, page = 4096;
    const int64_t bytes = (floats * 4 + page - 1) / page * page;
    void* memory =
        mmap(nullptr, bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    ASSERT_EQ(mprotect(static_cast<char*>(memory) + bytes, page, PROT_NONE), 0);
    auto* x = reinterpret_cast<float*>(static_cast<char*>(memory) + bytes) - floats;
    std::fill(x, x + floats, 1.0f);
    Aligned<> packed(depthwise_packed_size(s));
    Aligned<char> scratch(depthwise_scratch_bytes(s));
    const std::vector<float> weights(s.out_channels * s.group_in() * 9, 1.0f);
    depthwise_pack_weights(s, weights.data(), packed.get());
    std::vector<float> y(floats);
    ConvArgs args;
    args.x = x, args.x_pitch = s.in_channels;
    args.y = y.data(), args.y_pitch = s.out_channels;
    args.weights = packed.get();
    depthwise_rows(depthwise_kernels(GetParam()), s, args, 0, 3, scratch.get());
    EXPECT_EQ(y[11 * s.out_channels], 9.0f * static_cast<float>(group));
    EXPECT_EQ(y[floats - 1], 4.0f * static_cast<float>(group));
    munmap(memory, bytes + page);
  }
}

INSTANTIATE_TEST_SUITE_P(EveryIsa, Depthwise,
                         testing::ValuesIn(supported_isas().begin(), supported_isas().end()),
                         [](const auto& isa) { return std::string(isa_name(isa.param)); });

}  // namespace
}  // namespace ferry
