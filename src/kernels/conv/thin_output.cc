// SPDX-License-Identifier: Apache-2.0
#include "kernels/conv/thin_output.h"

#include <algorithm>
#include <cstring>

namespace ferry {

FERRY_DECLARE_ISA_TABLE(ThinOutputKernels, kThinOutput)

const ThinOutputKernels& thin_output_kernels(Isa isa) noexcept {
  return FERRY_SELECT_ISA_TABLE(isa, kThinOutput);
}

namespace {

// Pixels of a row computed at a time: wide enough for the halo of the kernel to matter little.
constexpr int64_t kColumns = 256;
// The widest tile may look this far beyond the last pixel.
constexpr int64_t kSlack = 16;

int64_t round_up(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

// Padded planes under a block of output: [row][channel][width].
struct Strip {
  int64_t columns;     // output pixels across
  int64_t width;       // floats of a row, with halo and slack
  int64_t halo_rows;   // rows that neighbouring blocks share
  int64_t out_rows;    // output rows per block
  int64_t row_floats;  // channels * width

  Strip(const ConvShape& s, const GemmBlocking& blocking) {
    columns = std::min(kColumns, s.out[2]);
    width = round_up(columns + (s.kernel[2] - 1) * s.dilation[2] + kSlack, 16);
    halo_rows = (s.kernel[1] - 1) * s.dilation[1];
    row_floats = s.in_channels * width;
    const int64_t row_bytes = std::max<int64_t>(row_floats * int64_t{sizeof(float)}, 1);
    out_rows = std::clamp<int64_t>(blocking.rows_bytes / row_bytes - halo_rows, 4, 32);
  }
  int64_t size() const { return (out_rows + halo_rows) * row_floats; }
};

class Block {
 public:
  Block(const ThinOutputKernels& kernels, const ConvShape& shape, const ThinOutputArgs& args,
        const Strip& strip, float* buffer)
      : kernels_(kernels), s_(shape), args_(args), strip_(strip), buffer_(buffer) {}

  // Fills row `i` of the strip with input row `h` of image `n` under output columns from `w` on.
  void fill_row(int64_t i, int64_t n, int64_t h, int64_t w, int64_t columns) {
    float* to = buffer_ + i * strip_.row_floats;
    const int64_t used = columns + (s_.kernel[2] - 1) * s_.dilation[2];
    const int64_t begin = w - s_.pad[2];
    const int64_t first = std::clamp<int64_t>(-begin, 0, used);
    const int64_t last = std::clamp<int64_t>(s_.in[2] - begin, first, used);
    if (h < 0 || h >= s_.in[1] || first == last) {
      std::memset(to, 0, static_cast<size_t>(strip_.row_floats) * sizeof(float));
      return;
    }
    for (int64_t c = 0; c < s_.in_channels; ++c) {
      float* row = to + c * strip_.width;
      std::memset(row, 0, static_cast<size_t>(first) * sizeof(float));
      std::memset(row + last, 0, static_cast<size_t>(strip_.width - last) * sizeof(float));
    }
    const float* from = args_.x + n * args_.image_stride + h * args_.row_stride +
                        (begin + first) * args_.pixel_stride;
    if (args_.pixel_stride == 1) {
      for (int64_t c = 0; c < s_.in_channels; ++c) {
        std::memcpy(to + c * strip_.width + first, from + c * args_.channel_stride,
                    static_cast<size_t>(last - first) * sizeof(float));
      }
    } else {
      kernels_.transpose(from, args_.pixel_stride, last - first, s_.in_channels, to + first,
                         strip_.width);
    }
  }

  // The last halo_rows of `rows` rows become the first ones.
  void keep_halo(int64_t rows) {
    std::memmove(buffer_, buffer_ + (rows - strip_.halo_rows) * strip_.row_floats,
                 static_cast<size_t>(strip_.halo_rows * strip_.row_floats) * sizeof(float));
  }

  void compute_row(int64_t i, int64_t n, int64_t oh, int64_t w, int64_t columns,
                   const int32_t* offsets) {
    const int64_t at = n * args_.y_image_stride + oh * args_.y_row_stride + w;
    ThinOutputRow row;
    row.strip = buffer_ + i * strip_.row_floats;
    row.offsets = offsets;
    row.taps = s_.taps() * s_.in_channels;
    row.weights = args_.weights;
    row.outputs = s_.out_channels;
    row.pixels = columns;
    row.y = args_.y + at;
    row.y_channel_stride = args_.y_channel_stride;
    row.bias = args_.bias;
    row.residual = args_.residual == nullptr ? nullptr : args_.residual + at;
    row.lo = args_.lo, row.hi = args_.hi;
    kernels_.row(row);
  }

 private:
  const ThinOutputKernels& kernels_;
  const ConvShape& s_;
  const ThinOutputArgs& args_;
  const Strip& strip_;
  float* buffer_;
};

void fill_offsets(const ConvShape& s, const Strip& strip, int32_t* offsets) {
  for (int64_t c = 0; c < s.in_channels; ++c) {
    for (int64_t kh = 0; kh < s.kernel[1]; ++kh) {
      for (int64_t kw = 0; kw < s.kernel[2]; ++kw) {
        const int64_t row = kh * s.dilation[1] * s.in_channels + c;
        *offsets++ = static_cast<int32_t>(row * strip.width + kw * s.dilation[2]);
      }
    }
  }
}

}  // namespace

const char* thin_output_refusal(const ConvShape& shape) noexcept {
  if (shape.groups != 1) return "groups";
  if (shape.in[0] != 1 || shape.kernel[0] != 1 || shape.out[0] != 1)
    return "three spatial dimensions";
  if (shape.stride[1] != 1 || shape.stride[2] != 1) return "a stride other than 1";
  if (shape.out_channels > kThinOutputChannels) return "more than 8 output channels";
  return nullptr;
}

int64_t thin_output_packed_size(const ConvShape& shape) noexcept {
  return shape.taps() * shape.in_channels * shape.out_channels;
}

void thin_output_pack_weights(const ConvShape& shape, const float* weights,
                              float* packed) noexcept {
  const int64_t k = shape.taps() * shape.in_channels;
  for (int64_t o = 0; o < shape.out_channels; ++o) {
    for (int64_t i = 0; i < k; ++i) packed[i * shape.out_channels + o] = weights[o * k + i];
  }
}

int64_t thin_output_scratch_bytes(const ConvShape& shape, const GemmBlocking& blocking) noexcept {
  const int64_t offsets = round_up(shape.taps() * shape.in_channels, 16);
  return (offsets + Strip(shape, blocking).size()) * int64_t{sizeof(float)};
}

void thin_output_rows(const ThinOutputKernels& kernels, const GemmBlocking& blocking,
                      const ConvShape& shape, const ThinOutputArgs& args, int64_t row0,
                      int64_t row1, void* scratch) noexcept {
  const Strip strip(shape, blocking);
  auto* offsets = static_cast<int32_t*>(scratch);
  float* buffer = static_cast<float*>(scratch) + round_up(shape.taps() * shape.in_channels, 16);
  fill_offsets(shape, strip, offsets);
  Block block(kernels, shape, args, strip, buffer);
  for (int64_t row = row0; row < row1;) {
    const int64_t n = row / shape.out[1], oh0 = row % shape.out[1];
    const int64_t oh1 = std::min(shape.out[1], oh0 + row1 - row);
    for (int64_t w = 0; w < shape.out[2]; w += strip.columns) {
      const int64_t columns = std::min(strip.columns, shape.out[2] - w);
      int64_t filled = 0;
      for (int64_t oh = oh0; oh < oh1;) {
        const int64_t count = std::min(strip.out_rows, oh1 - oh), rows = count + strip.halo_rows;
        for (; filled < rows; ++filled)
          block.fill_row(filled, n, oh + filled - shape.pad[1], w, columns);
        for (int64_t i = 0; i < count; ++i) block.compute_row(i, n, oh + i, w, columns, offsets);
        block.keep_halo(rows);
        filled = strip.halo_rows;
        oh += count;
      }
    }
    row += oh1 - oh0;
  }
}

}  // namespace ferry
