// SPDX-License-Identifier: Apache-2.0
// Changes of pixels that every format shares: depth, colour, alpha, rotation, CMYK, low bit depths.
#pragma once

#include <cstdint>

#include "codec/image.h"
#include "codec/stopped.h"

namespace ferry::codec {

// Rows and columns so that the picture stands upright; orientation is EXIF's 1 to 8.
// Errors: kCancelled.
Status apply_orientation(Image& image, int orientation, const Stopped& stopped);

// Four channels C, M, Y, K (0 is no ink) into RGB. Errors: kCancelled.
Status cmyk_to_rgb(Image& image, const Stopped& stopped);

// Colour divided by alpha, for files that store it multiplied. Errors: kCancelled.
Status unpremultiply(Image& image, const Stopped& stopped);

// x from [0, from_max] to [0, to_max], rounded to nearest; from_max is 1 to 65535.
inline uint32_t rescale(uint32_t x, uint32_t from_max, uint32_t to_max) {
  return static_cast<uint32_t>((uint64_t{x} * to_max + from_max / 2) / from_max);
}

// a * b / 255, rounded to nearest.
inline uint32_t mul_div_255(uint32_t a, uint32_t b) {
  const uint32_t t = a * b + 128;
  return (t + (t >> 8)) >> 8;
}

}  // namespace ferry::codec
