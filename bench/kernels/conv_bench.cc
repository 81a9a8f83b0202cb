// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include "kernels/conv/conv.h"
#include "kernels/conv/depthwise.h"
#include "kernels/conv/thin_input.h"
#include "kernels/conv/thin_output.h"
#include "kernels/winograd/winograd.h"
#include "roof.h"

namespace ferry {
namespace {

struct Layer {
  const char* name;
  int64_t in_channels, out_channels, kernel, stride, size;  // square image of `size` pixels a side
  int64_t groups = 1;
  bool line = false;  // the kernel is one row
};

constexpr Layer kLayers[] = {
    {"3x3s1_64_56", 64, 64, 3, 1, 56},        {"3x3s1_128_28", 128, 128, 3, 1, 28},
    {"3x3s1_256_14", 256, 256, 3, 1, 14},     {"3x3s1_512_7", 512, 512, 3, 1, 7},
    {"3x3s1_32_112", 32, 32, 3, 1, 112},      {"3x3s1_64_160", 64, 64, 3, 1, 160},
    {"3x3s2_128_56", 128, 128, 3, 2, 56},     {"1x1_64_256_56", 64, 256, 1, 1, 56},
    {"1x1_256_64_56", 256, 64, 1, 1, 56},     {"1x1_256_1024_14", 256, 1024, 1, 1, 14},
    {"1x1s2_256_512_56", 256, 512, 1, 2, 56}, {"7x7s2_3_64_224", 3, 64, 7, 2, 224},
    {"3x3s2_3_32_224", 3, 32, 3, 2, 224},     {"9x9_3_64_256", 3, 64, 9, 1, 256},
    {"5x5_32_3_256", 32, 3, 5, 1, 256},       {"3x3g32_128_56", 128, 128, 3, 1, 56, 32}};

ConvShape shape_of(const Layer& layer) {
  ConvShape s;
  s.in_channels = layer.in_channels, s.out_channels = layer.out_channels, s.groups = layer.groups;
  for (int d = 1; d < 3; ++d) {
    s.in[d] = s.out[d] = layer.size;
    if (layer.line && d == 1) continue;
    s.kernel[d] = layer.kernel, s.stride[d] = layer.stride, s.pad[d] = layer.kernel / 2;
    s.out[d] = (layer.size + 2 * s.pad[d] - layer.kernel) / layer.stride + 1;
  }
  return s;
}

double flops_of(const ConvShape& s) {
  return 2.0 * static_cast<double>(s.rows() * s.out[2] * s.taps() * s.group_in() * s.out_channels);
}

// Element (pixel, channel) of the convolution's definition. Pixel p of channel c of x is
// x[p * pixel_stride + c * channel_stride].
double wanted_at(const ConvShape& s, const float* x, int64_t pixel_stride, int64_t channel_stride,
                 const float* weights, const float* bias, int64_t pixel, int64_t channel) {
  const int64_t oy = pixel / s.out[2], ox = pixel % s.out[2];
  const int64_t first = channel / s.group_out() * s.group_in();
  double sum = bias[channel];
  for (int64_t c = 0; c < s.group_in(); ++c) {
    for (int64_t ky = 0; ky < s.kernel[1]; ++ky) {
      for (int64_t kx = 0; kx < s.kernel[2]; ++kx) {
        const int64_t y = oy * s.stride[1] + ky - s.pad[1], z = ox * s.stride[2] + kx - s.pad[2];
        if (y < 0 || y >= s.in[1] || z < 0 || z >= s.in[2]) continue;
        const float w =
            weights[((channel * s.group_in() + c) * s.kernel[1] + ky) * s.kernel[2] + kx];
        sum += static_cast<double>(w) *
               x[(y * s.in[2] + z) * pixel_stride + (first + c) * channel_stride];
      }
    }
  }
  return sum;
}

// After a run into channels-last y with ReLU.
bool is_right_nhwc(benchmark::State& state, const ConvShape& s, const float* x,
                   int64_t pixel_stride, int64_t channel_stride, const float* weights,
                   const float* bias, const float* y) {
  return is_right(
      state, s.out[1] * s.out[2] * s.out_channels, [&](int64_t i) { return y[i]; },
      [&](int64_t i) {
        return std::max(0.0, wanted_at(s, x, pixel_stride, channel_stride, weights, bias,
                                       i / s.out_channels, i % s.out_channels));
      });
}

void direct(benchmark::State& state, Isa isa, const Layer& layer) {
  const GemmKernels& kernels = gemm_kernels(isa);
  const GemmBlocking blocking = gemm_blocking();
  const ConvShape s = shape_of(layer);
  const Buffer x(s.in[1] * s.in[2] * s.in_channels), y(s.rows() * s.out[2] * s.out_channels),
      bias(s.out_channels);
  const Buffer weights(s.out_channels * s.group_in() * s.taps()),
      packed(conv_packed_size(kernels, s));
  const Buffer scratch(conv_scratch_bytes(s, blocking) / 4);
  conv_pack_weights(kernels, s, weights.get(), packed.get());
  ConvArgs args;
  args.x = x.get(), args.x_pitch = s.in_channels;
  args.y = y.get(), args.y_pitch = s.out_channels;
  args.weights = packed.get(), args.bias = bias.get(), args.lo = 0;
  const auto work = [&] { conv_rows(kernels, blocking, s, args, 0, s.rows(), scratch.get()); };
  work();
  if (!is_right_nhwc(state, s, x.get(), s.in_channels, 1, weights.get(), bias.get(), y.get()))
    return;
  measure_flops(state, isa, flops_of(s), work);
}

constexpr Layer kDepthwiseLayers[] = {
    {"3x3_144_56", 144, 144, 3, 1, 56, 144},
    {"3x3_144_14", 144, 144, 3, 1, 14, 144},
    {"3x3s2_144_56", 144, 144, 3, 2, 56, 144},
    {"3x3_384_14", 384, 384, 3, 1, 14, 384},
    {"5x5_480_14", 480, 480, 5, 1, 14, 480},
    {"7x7_96_56", 96, 96, 7, 1, 56, 96},
    {"3x3_32_112", 32, 32, 3, 1, 112, 32},
    {"3x3_groups_of_2_56", 64, 64, 3, 1, 56, 32},
    {"3x3_groups_of_3_28", 96, 96, 3, 1, 28, 32},
    {"3x3_groups_of_4_56", 128, 128, 3, 1, 56, 32},
    {"3x3s2_groups_of_4_56", 128, 128, 3, 2, 56, 32},
    {"3x3_groups_of_4_28", 128, 128, 3, 1, 28, 32},
    {"3x3_groups_of_6_28", 192, 192, 3, 1, 28, 32},
    {"3x3_groups_of_8_28", 256, 256, 3, 1, 28, 32},
    {"7x7_groups_of_4_14", 128, 128, 7, 1, 14, 32},
};

void depthwise(benchmark::State& state, Isa isa, const Layer& layer) {
  const ConvShape s = shape_of(layer);
  const Buffer x(s.in[1] * s.in[2] * s.in_channels), y(s.rows() * s.out[2] * s.out_channels),
      bias(s.out_channels);
  const Buffer weights(s.out_channels * s.group_in() * s.taps()), packed(depthwise_packed_size(s));
  const Buffer scratch(depthwise_scratch_bytes(s) / 4);
  depthwise_pack_weights(s, weights.get(), packed.get());
  ConvArgs args;
  args.x = x.get(), args.x_pitch = s.in_channels;
  args.y = y.get(), args.y_pitch = s.out_channels;
  args.weights = packed.get(), args.bias = bias.get(), args.lo = 0;
  const auto work = [&] {
    depthwise_rows(depthwise_kernels(isa), s, args, 0, s.rows(), scratch.get());
  };
  work();
  if (!is_right_nhwc(state, s, x.get(), s.in_channels, 1, weights.get(), bias.get(), y.get()))
    return;
  measure_flops(state, isa, flops_of(s), work);
}

constexpr Layer kThinInputLayers[] = {
    {"7x7s2_3_64_224", 3, 64, 7, 2, 224},
    {"3x3s2_3_32_224", 3, 32, 3, 2, 224},
    {"9x9_3_64_256", 3, 64, 9, 1, 256},
};

void thin_input(benchmark::State& state, Isa isa, const Layer& layer) {
  const GemmKernels& kernels = gemm_kernels(isa);
  const GemmBlocking blocking = gemm_blocking();
  const ConvShape s = shape_of(layer);
  const Buffer x(s.in[1] * s.in[2] * s.in_channels), y(s.rows() * s.out[2] * s.out_channels),
      bias(s.out_channels);
  const Buffer weights(s.out_channels * s.in_channels * s.taps()),
      packed(thin_input_packed_size(kernels, s));
  const Buffer scratch(thin_input_scratch_bytes(s, blocking) / 4);
  thin_input_pack_weights(kernels, s, weights.get(), packed.get());
  const PlanarInput input = {x.get(), 0, s.in[1] * s.in[2], s.in[2]};
  ConvArgs args;
  args.y = y.get(), args.y_pitch = s.out_channels;
  args.weights = packed.get(), args.bias = bias.get(), args.lo = 0;
  const auto work = [&] {
    thin_input_rows(kernels, blocking, s, input, args, 0, s.rows(), scratch.get());
  };
  work();
  if (!is_right_nhwc(state, s, x.get(), 1, s.in[1] * s.in[2], weights.get(), bias.get(), y.get()))
    return;
  measure_flops(state, isa, flops_of(s), work);
}

constexpr Layer kThinOutputLayers[] = {
    {"5x5_32_3_256", 32, 3, 5, 1, 256},
    {"3x3_64_3_256", 64, 3, 3, 1, 256},
    {"1x1_64_1_256", 64, 1, 1, 1, 256},
};

void thin_output(benchmark::State& state, Isa isa, const Layer& layer) {
  const GemmBlocking blocking = gemm_blocking();
  const ConvShape s = shape_of(layer);
  const int64_t plane = s.in[1] * s.in[2];
  const Buffer x(plane * s.in_channels), y(plane * s.out_channels), bias(s.out_channels);
  const Buffer weights(s.out_channels * s.in_channels * s.taps()),
      packed(thin_output_packed_size(s));
  const Buffer scratch(thin_output_scratch_bytes(s, blocking) / 4);
  thin_output_pack_weights(s, weights.get(), packed.get());
  ThinOutputArgs args;
  args.x = x.get(), args.row_stride = s.in[2] * s.in_channels;
  args.pixel_stride = s.in_channels, args.channel_stride = 1;
  args.y = y.get(), args.y_channel_stride = plane, args.y_row_stride = s.out[2];
  args.weights = packed.get(), args.bias = bias.get();
  const auto work = [&] {
    thin_output_rows(thin_output_kernels(isa), blocking, s, args, 0, s.rows(), scratch.get());
  };
  work();
  if (!is_right(
          state, plane * s.out_channels, [&](int64_t i) { return y.get()[i]; },
          [&](int64_t i) {
            return wanted_at(s, x.get(), s.in_channels, 1, weights.get(), bias.get(), i % plane,
                             i / plane);
          }))
    return;
  measure_flops(state, isa, flops_of(s), work);
}

constexpr Layer kWinogradLayers[] = {
    {"64_56", 64, 64, 3, 1, 56},      {"128_28", 128, 128, 3, 1, 28},
    {"256_14", 256, 256, 3, 1, 14},   {"512_7", 512, 512, 3, 1, 7},
    {"32_112", 32, 32, 3, 1, 112},    {"64_160", 64, 64, 3, 1, 160},
    {"27_64_256", 27, 64, 3, 1, 256},
};

constexpr Layer kStridedLayers[] = {
    {"16_32_320_s2", 16, 32, 3, 2, 320}, {"32_64_160_s2", 32, 64, 3, 2, 160},
    {"64_128_80_s2", 64, 128, 3, 2, 80}, {"128_56_s2", 128, 128, 3, 2, 56},
    {"256_28_s2", 256, 256, 3, 2, 28},   {"512_14_s2", 512, 512, 3, 2, 14},
};

constexpr Layer kLineLayers[] = {
    {"1x3_64_56", 64, 64, 3, 1, 56, 1, true},    {"1x3_256_40", 256, 256, 3, 1, 40, 1, true},
    {"1x5_128_40", 128, 128, 5, 1, 40, 1, true}, {"1x7_192_17", 192, 192, 7, 1, 17, 1, true},
    {"1x7s2_64_80", 64, 64, 7, 2, 80, 1, true},
};

// `of_roof` counts the arithmetic of the direct convolution: above 1 is what Winograd saves.
void winograd(benchmark::State& state, Isa isa, const Layer& layer, int64_t m) {
  const GemmKernels& gemm = gemm_kernels(isa);
  const WinogradKernels& kernels = winograd_kernels(isa);
  const GemmBlocking blocking = gemm_blocking();
  const ConvShape s = winograd_shape(shape_of(layer));
  const WinogradPlan plan = winograd_plan(gemm, blocking, s, m);
  const Buffer x(s.in[1] * s.in[2] * s.in_channels), y(s.rows() * s.out[2] * s.out_channels),
      bias(s.out_channels);
  const Buffer weights(s.out_channels * s.in_channels * s.taps()),
      packed(winograd_packed_size(gemm, s, m));
  const Buffer scratch(winograd_scratch_bytes(plan, s) / 4);
  winograd_pack_weights(isa, s, m, weights.get(), 0, s.out_channels, packed.get());
  ConvArgs args;
  args.x = x.get(), args.x_pitch = s.in_channels;
  args.y = y.get(), args.y_pitch = s.out_channels;
  args.weights = packed.get(), args.bias = bias.get(), args.lo = 0;
  const auto work = [&] {
    winograd_tiles(kernels, gemm, blocking, plan, s, args, 0, plan.tiles, scratch.get());
  };
  work();
  if (!is_right_nhwc(state, s, x.get(), s.in_channels, 1, weights.get(), bias.get(), y.get()))
    return;
  measure_flops(state, isa, flops_of(s), work);
}

template <int kM>
void winograd(benchmark::State& state, Isa isa, const Layer& layer) {
  winograd(state, isa, layer, kM);
}

// With the largest tiles.
void winograd_line(benchmark::State& state, Isa isa, const Layer& layer) {
  int64_t most = 0;
  for (const int64_t m : winograd_sizes(winograd_shape(shape_of(layer))).m)
    most = std::max(most, m);
  winograd(state, isa, layer, most);
}

template <int kCount>
void add(const char* family, Isa isa, const Layer (&layers)[kCount],
         void (*run)(benchmark::State&, Isa, const Layer&)) {
  for (const Layer& layer : layers) {
    const std::string name = std::string(isa_name(isa)) + "/" + family + "/" + layer.name;
    add_benchmark(name, [=](benchmark::State& state) { run(state, isa, layer); });
  }
}

}  // namespace

void register_conv(Isa isa) {
  add("conv", isa, kLayers, direct);
  add("depthwise", isa, kDepthwiseLayers, depthwise);
  add("thin_input", isa, kThinInputLayers, thin_input);
  add("thin_output", isa, kThinOutputLayers, thin_output);
  add("winograd_f2", isa, kWinogradLayers, winograd<2>);
  add("winograd_f4", isa, kWinogradLayers, winograd<4>);
  add("winograd_f6", isa, kWinogradLayers, winograd<6>);
  add("conv", isa, kStridedLayers, direct);
  add("winograd_f3", isa, kStridedLayers, winograd<3>);
  add("winograd_f5", isa, kStridedLayers, winograd<5>);
  add("conv", isa, kLineLayers, direct);
  add("winograd_line", isa, kLineLayers, winograd_line);
}

}  // namespace ferry
