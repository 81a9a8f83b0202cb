// SPDX-License-Identifier: Apache-2.0
// Pictures to the floats that a model takes, and back.
//
//   float = (sample / unit - mean[c]) / std[c]
//   sample = round(clamp((float * std[c] + mean[c]) * unit))
//
// `unit` is the sample that becomes 1: 255 or 1 for 8 bits, 65535 or 257 for 16 bits, by
// ValueRange.
//
// Threads: pure functions of their arguments.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "codec/image.h"
#include "ferry/status.h"

namespace ferry {

enum class PixelLayout { kNchw, kNhwc };  // one picture: N is 1

enum class ValueRange {
  kUnit,  // black 0, white 1
  k255,   // black 0, white 255
};

enum class Rounding {
  kNearestEven,  // as torch.round and np.rint
  kDown,         // as clip and astype(uint8)
};

// What the floats of a tensor mean. The defaults are those of most PyTorch image models.
struct PictureFormat {
  PixelLayout layout = PixelLayout::kNchw;
  ChannelOrder order = ChannelOrder::kRgb;  // of the tensor's channels, if 3 or 4
  ValueRange range = ValueRange::kUnit;
  // Per channel of the tensor, in units of `range`.
  std::array<float, 4> mean{0, 0, 0, 0};
  std::array<float, 4> std{1, 1, 1, 1};
  Rounding rounding = Rounding::kNearestEven;  // back to samples only
  int bits = 8;                                // 8 or 16; back to samples only
};

// Fills `out`, which has width * height * channels floats in the layout of `format`. Each
// float is the float32 result of the formula above, operation by operation, so that it equals what
// PyTorch and NumPy compute.
//
// Errors: kInvalidArgument  an inconsistent picture, a mean or std that is not finite, std of 0
//         kShapeMismatch    `out` has another size
Status picture_to_floats(const Image& image, const PictureFormat& format, std::span<float> out);

// The picture of `values` with 1 to 4 channels, in RGB order. Values outside the range are clamped,
// NaN becomes 0 and is counted in a note.
//
// Errors: kInvalidArgument  a size below 1, channels outside 1 to 4, bits, mean or std as above
//         kShapeMismatch    `values` has another size
Result<Image> floats_to_picture(std::span<const float> values, int width, int height, int channels,
                                const PictureFormat& format);

}  // namespace ferry
