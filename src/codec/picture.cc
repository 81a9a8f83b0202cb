// SPDX-License-Identifier: Apache-2.0
#include "codec/picture.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "codec/formats.h"

namespace ferry {
namespace {

Status check_format(const PictureFormat& format, int channels) {
  if (format.bits != 8 && format.bits != 16) {
    return invalid_argument("picture format: bits is {}, wanted 8 or 16", format.bits);
  }
  for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
    if (!std::isfinite(format.mean[c]) || !std::isfinite(format.std[c]) || format.std[c] == 0) {
      return invalid_argument(
          "picture format: mean {} and std {} of channel {}; wanted finite numbers and std not 0",
          format.mean[c], format.std[c], c);
    }
  }
  return {};
}

Status check_count(std::string_view what, size_t seen, size_t wanted, int w, int h, int c) {
  if (seen == wanted) return {};
  return shape_mismatch("{}: {} floats for a picture of {}x{} with {} channels, wanted {}", what,
                        seen, w, h, c, wanted);
}

float unit_of(int bits, ValueRange range) {
  if (bits == 8) return range == ValueRange::kUnit ? 255.0f : 1.0f;
  return range == ValueRange::kUnit ? 65535.0f : 257.0f;
}

// The channel of the picture that is channel `c` of the tensor.
size_t source_channel(size_t c, size_t channels, bool swap) {
  return swap && channels >= 3 && c < 3 ? 2 - c : c;
}

struct Affine {
  float unit, mean, std;
  float operator()(float sample) const {
    float v = sample / unit;
    v -= mean;
    return v / std;
  }
};

// 8-bit samples have 256 answers per channel.
template <size_t kChannels>
void fill_from_8_bits(const Image& image, const std::array<Affine, 4>& maps, bool swap,
                      PixelLayout layout, float* out) {
  std::array<std::array<float, 256>, kChannels> table;
  std::array<size_t, kChannels> source{};
  for (size_t c = 0; c < kChannels; ++c) {
    source[c] = source_channel(c, kChannels, swap);
    for (size_t v = 0; v < 256; ++v) table[c][v] = maps[c](static_cast<float>(v));
  }
  const size_t pixels = image.sample_count() / kChannels;
  const size_t plane = layout == PixelLayout::kNchw ? pixels : 1;
  const size_t step = layout == PixelLayout::kNchw ? 1 : kChannels;
  const uint8_t* p = image.data.data();
  for (size_t i = 0; i < pixels; ++i, p += kChannels) {
    for (size_t c = 0; c < kChannels; ++c) out[c * plane + i * step] = table[c][p[source[c]]];
  }
}

void fill_from_16_bits(const Image& image, const std::array<Affine, 4>& maps, bool swap,
                       PixelLayout layout, float* out) {
  const size_t channels = static_cast<size_t>(image.channels);
  const size_t pixels = image.sample_count() / channels;
  const size_t plane = layout == PixelLayout::kNchw ? pixels : 1;
  const size_t step = layout == PixelLayout::kNchw ? 1 : channels;
  for (size_t c = 0; c < channels; ++c) {
    const uint16_t* p = image.data16.data() + source_channel(c, channels, swap);
    const Affine map = maps[c];
    float* to = out + c * plane;
    for (size_t i = 0; i < pixels; ++i) to[i * step] = map(p[i * channels]);
  }
}

// `n` floats, `stride` apart, into samples; returns how many were NaN.
template <class T>
int round_run(const float* in, size_t stride, size_t n, const Affine& map, bool nearest, T* out) {
  constexpr float kMax = sizeof(T) == 1 ? 255.0f : 65535.0f;
  // Adding 2^23 leaves no bits for a fraction, so the sum is rounded to nearest even.
  const float magic = nearest ? 8388608.0f : 0.0f;
  int nans = 0;
  for (size_t i = 0; i < n; ++i) {
    float v = in[i * stride] * map.std;
    v += map.mean;
    v *= map.unit;
    nans += v != v ? 1 : 0;
    v = v > 0.0f ? v : 0.0f;  // NaN too
    v = v < kMax ? v : kMax;
    v += magic;
    v -= magic;
    out[i] = static_cast<T>(static_cast<int32_t>(v));
  }
  return nans;
}

// In pieces that stay in the L1 cache: each channel apart, then interleaved.
template <class T>
int64_t fill_samples(const float* values, const std::array<Affine, 4>& maps, size_t channels,
                     size_t pixels, const PictureFormat& format, T* out) {
  constexpr size_t kPiece = 2048;
  std::array<T, kPiece> piece;
  const bool planar = format.layout == PixelLayout::kNchw;
  const bool swap = format.order == ChannelOrder::kBgr;
  int64_t nans = 0;
  for (size_t first = 0; first < pixels; first += kPiece) {
    const size_t n = std::min(kPiece, pixels - first);
    for (size_t c = 0; c < channels; ++c) {
      const float* in = planar ? values + c * pixels + first : values + first * channels + c;
      nans += round_run(in, planar ? 1 : channels, n, maps[c],
                        format.rounding == Rounding::kNearestEven, piece.data());
      T* to = out + first * channels + source_channel(c, channels, swap);
      for (size_t i = 0; i < n; ++i) to[i * channels] = piece[i];
    }
  }
  return nans;
}

std::array<Affine, 4> maps_of(const PictureFormat& format, int bits) {
  std::array<Affine, 4> maps{};
  for (size_t c = 0; c < 4; ++c) {
    maps[c] = {unit_of(bits, format.range), format.mean[c], format.std[c]};
  }
  return maps;
}

}  // namespace

Status picture_to_floats(const Image& image, const PictureFormat& format, std::span<float> out) {
  const size_t samples = image.bits == 8 ? image.data.size() : image.data16.size();
  if (image.channels < 1 || image.channels > 4 || samples == 0 || samples != image.sample_count()) {
    return invalid_argument("picture of {}x{} with {} channels of {} bits holds {} samples",
                            image.width, image.height, image.channels, image.bits, samples);
  }
  FERRY_RETURN_IF_ERROR(check_format(format, image.channels));
  FERRY_RETURN_IF_ERROR(check_count("picture to floats", out.size(), samples, image.width,
                                    image.height, image.channels));
  const std::array<Affine, 4> maps = maps_of(format, image.bits);
  const bool swap = image.order != format.order;
  if (image.bits == 16) {
    fill_from_16_bits(image, maps, swap, format.layout, out.data());
    return {};
  }
  switch (image.channels) {
    case 1: fill_from_8_bits<1>(image, maps, swap, format.layout, out.data()); break;
    case 2: fill_from_8_bits<2>(image, maps, swap, format.layout, out.data()); break;
    case 3: fill_from_8_bits<3>(image, maps, swap, format.layout, out.data()); break;
    default: fill_from_8_bits<4>(image, maps, swap, format.layout, out.data()); break;
  }
  return {};
}

Result<Image> floats_to_picture(std::span<const float> values, int width, int height, int channels,
                                const PictureFormat& format) {
  if (width < 1 || height < 1 || channels < 1 || channels > 4) {
    return invalid_argument("floats to picture: {}x{} with {} channels is no picture", width,
                            height, channels);
  }
  FERRY_RETURN_IF_ERROR(check_format(format, channels));
  const size_t pixels = static_cast<size_t>(width) * static_cast<size_t>(height);
  const size_t count = static_cast<size_t>(channels);
  FERRY_RETURN_IF_ERROR(check_count("floats to picture", values.size(), pixels * count, width,
                                    height, channels));
  Image image = codec::make_image(width, height, channels, format.bits);
  const std::array<Affine, 4> maps = maps_of(format, format.bits);
  const int64_t nans =
      format.bits == 8
          ? fill_samples(values.data(), maps, count, pixels, format, image.data.data())
          : fill_samples(values.data(), maps, count, pixels, format, image.data16.data());
  if (nans > 0) image.notes.push_back(fmt::format("{} values were NaN and became 0", nans));
  return image;
}

}  // namespace ferry
