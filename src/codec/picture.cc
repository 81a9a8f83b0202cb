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
class Table {
 public:
  explicit Table(const Affine& map) {
    for (size_t v = 0; v < values_.size(); ++v) values_[v] = map(static_cast<float>(v));
  }
  float operator()(uint8_t sample) const { return values_[sample]; }

 private:
  std::array<float, 256> values_;
};

template <size_t kChannels, class T, class Map>
void fill_floats(const T* samples, size_t pixels, const std::array<Map, 4>& maps, bool swap,
                 PixelLayout layout, float* out) {
  std::array<size_t, kChannels> source{};
  for (size_t c = 0; c < kChannels; ++c) source[c] = source_channel(c, kChannels, swap);
  if (layout == PixelLayout::kNchw) {
    for (size_t i = 0; i < pixels; ++i) {
      for (size_t c = 0; c < kChannels; ++c) {
        out[c * pixels + i] = maps[c](samples[i * kChannels + source[c]]);
      }
    }
  } else {
    for (size_t i = 0; i < pixels * kChannels; i += kChannels) {
      for (size_t c = 0; c < kChannels; ++c) out[i + c] = maps[c](samples[i + source[c]]);
    }
  }
}

template <class T, class Map>
void fill_floats(const Image& image, const T* samples, const std::array<Map, 4>& maps,
                 const PictureFormat& format, float* out) {
  const size_t pixels = image.sample_count() / static_cast<size_t>(image.channels);
  const bool swap = image.order != format.order;
  switch (image.channels) {
    case 1:
      return fill_floats<1>(samples, pixels, maps, swap, format.layout, out);
    case 2:
      return fill_floats<2>(samples, pixels, maps, swap, format.layout, out);
    case 3:
      return fill_floats<3>(samples, pixels, maps, swap, format.layout, out);
    default:
      return fill_floats<4>(samples, pixels, maps, swap, format.layout, out);
  }
}

// Floats `kStride` apart into `n` samples; returns how many were NaN.
template <size_t kStride, class T>
int round_run(const float* in, size_t n, const Affine& map, bool nearest, T* out) {
  constexpr float kMax = sizeof(T) == 1 ? 255.0f : 65535.0f;
  // Adding 2^23 leaves no bits for a fraction, so the sum is rounded to nearest even.
  const float magic = nearest ? 8388608.0f : 0.0f;
  int nans = 0;
  for (size_t i = 0; i < n; ++i) {
    float v = in[i * kStride] * map.std;
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
template <size_t kChannels, class T>
int64_t fill_samples(const float* values, size_t pixels, const std::array<Affine, 4>& maps,
                     const PictureFormat& format, T* out) {
  constexpr size_t kPiece = 1024;
  std::array<std::array<T, kPiece>, kChannels> piece;
  const bool swap = format.order == ChannelOrder::kBgr;
  const bool nearest = format.rounding == Rounding::kNearestEven;
  int64_t nans = 0;
  for (size_t first = 0; first < pixels; first += kPiece) {
    const size_t n = std::min(kPiece, pixels - first);
    for (size_t c = 0; c < kChannels; ++c) {
      T* to = piece[source_channel(c, kChannels, swap)].data();
      nans += format.layout == PixelLayout::kNchw
                  ? round_run<1>(values + c * pixels + first, n, maps[c], nearest, to)
                  : round_run<kChannels>(values + first * kChannels + c, n, maps[c], nearest, to);
    }
    T* to = out + first * kChannels;
    for (size_t i = 0; i < n; ++i) {
      for (size_t c = 0; c < kChannels; ++c) *to++ = piece[c][i];
    }
  }
  return nans;
}

template <class T>
int64_t fill_samples(const float* values, const Image& image, const std::array<Affine, 4>& maps,
                     const PictureFormat& format, T* out) {
  const size_t pixels = image.sample_count() / static_cast<size_t>(image.channels);
  switch (image.channels) {
    case 1:
      return fill_samples<1>(values, pixels, maps, format, out);
    case 2:
      return fill_samples<2>(values, pixels, maps, format, out);
    case 3:
      return fill_samples<3>(values, pixels, maps, format, out);
    default:
      return fill_samples<4>(values, pixels, maps, format, out);
  }
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
  if (image.bits == 8) {
    const std::array<Table, 4> tables{Table(maps[0]), Table(maps[1]), Table(maps[2]),
                                      Table(maps[3])};
    fill_floats(image, image.data.data(), tables, format, out.data());
  } else {
    fill_floats(image, image.data16.data(), maps, format, out.data());
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
  FERRY_RETURN_IF_ERROR(
      check_count("floats to picture", values.size(), pixels * count, width, height, channels));
  FERRY_ASSIGN_OR_RETURN(Image image,
                         codec::make_image(width, height, channels, format.bits, nullptr));
  const std::array<Affine, 4> maps = maps_of(format, format.bits);
  const int64_t nans = format.bits == 8
                           ? fill_samples(values.data(), image, maps, format, image.data.data())
                           : fill_samples(values.data(), image, maps, format, image.data16.data());
  if (nans > 0) image.notes.push_back(fmt::format("{} values were NaN and became 0", nans));
  return image;
}

}  // namespace ferry
