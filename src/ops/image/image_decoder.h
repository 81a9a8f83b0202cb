// SPDX-License-Identifier: Apache-2.0
// Decodes a picture file held in a tensor; an empty picture when the bytes cannot be decoded.
//   encoded_stream: u8 [bytes]      image: u8 [height, width, 3], or [.., 1] for Grayscale
// The codecs are a library above this one: it connects itself with set_image_decoder.
// ONNX ImageDecoder-20.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "ferry/status.h"
#include "ferry/tensor.h"

namespace ferry {

struct ImageDecoder {
  std::string pixel_format = "RGB";  // or BGR, Grayscale
};

enum class PixelFormat : uint8_t { kRgb, kBgr, kGray };

// Decodes into u8 [height, width, channels] with 3 channels, or 1 for kGray.
// Errors: kInvalidArgument  damaged bytes or no known format (the operator then gives [0, 0, C])
//         kCancelled        `stopped`, asked now and then, said so
//         others            passed on as they are
using ImageDecodeFunction = Result<Tensor> (*)(std::span<const uint8_t> bytes, PixelFormat format,
                                               MemoryBudget* budget,
                                               const std::function<bool()>& stopped);

// Idempotent and thread-safe; nullptr disconnects.
void set_image_decoder(ImageDecodeFunction decode);

}  // namespace ferry
