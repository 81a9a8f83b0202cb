// SPDX-License-Identifier: Apache-2.0
#include "codec/convert.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace ferry {
namespace codec {
namespace {

template <class T>
std::vector<T>& samples(Image& image) {
  if constexpr (sizeof(T) == 1) {
    return image.data;
  } else {
    return image.data16;
  }
}

size_t pixel_count(const Image& image) {
  return static_cast<size_t>(image.width) * static_cast<size_t>(image.height);
}

void to_8_bits(Image& image) {
  image.data.resize(image.data16.size());
  std::transform(image.data16.begin(), image.data16.end(), image.data.begin(),
                 [](uint16_t x) { return static_cast<uint8_t>((x + 128u) / 257u); });
  image.data16 = {};
  image.bits = 8;
}

// Keeps the first `keep` of the channels, in place.
template <class T>
void keep_channels(Image& image, int keep) {
  std::vector<T>& v = samples<T>(image);
  const size_t from = static_cast<size_t>(image.channels), to = static_cast<size_t>(keep);
  for (size_t i = 0, n = pixel_count(image); i < n; ++i) {
    for (size_t c = 0; c < to; ++c) v[i * to + c] = v[i * from + c];
  }
  image.channels = keep;
  v.resize(image.sample_count());
}

template <class T>
void colour_to_grey(Image& image) {
  std::vector<T>& v = samples<T>(image);
  const size_t from = static_cast<size_t>(image.channels), to = from - 2;
  const size_t red = image.order == ChannelOrder::kRgb ? 0 : 2;
  for (size_t i = 0, n = pixel_count(image); i < n; ++i) {
    const T* p = &v[i * from];
    const uint32_t grey = (p[red] * 19595u + p[1] * 38470u + p[2 - red] * 7471u + 0x8000u) >> 16;
    const T alpha = p[from - 1];
    v[i * to] = static_cast<T>(grey);
    if (to == 2) v[i * 2 + 1] = alpha;
  }
  image.channels = static_cast<int>(to);
  image.order = ChannelOrder::kRgb;
  v.resize(image.sample_count());
}

template <class T>
void grey_to_colour(Image& image) {
  std::vector<T>& v = samples<T>(image);
  const size_t from = static_cast<size_t>(image.channels), to = from + 2;
  v.resize(pixel_count(image) * to);
  for (size_t i = pixel_count(image); i-- > 0;) {
    const T grey = v[i * from], alpha = v[i * from + from - 1];
    T* p = &v[i * to];
    p[0] = p[1] = p[2] = grey;
    if (to == 4) p[3] = alpha;
  }
  image.channels = static_cast<int>(to);
}

template <class T>
void swap_red_and_blue(Image& image) {
  std::vector<T>& v = samples<T>(image);
  const size_t step = static_cast<size_t>(image.channels);
  for (size_t i = 0; i < v.size(); i += step) std::swap(v[i], v[i + 2]);
}

template <class T>
void orient(Image& image, int orientation) {
  const bool transposed = orientation >= 5;
  const bool mirrored =
      orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool flipped = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const size_t channels = static_cast<size_t>(image.channels);
  const ptrdiff_t w = image.width, h = image.height;
  std::vector<T> out(image.sample_count());
  const std::vector<T>& in = samples<T>(image);
  const ptrdiff_t out_w = transposed ? h : w, out_h = transposed ? w : h;
  T* to = out.data();
  for (ptrdiff_t y = 0; y < out_h; ++y) {
    for (ptrdiff_t x = 0; x < out_w; ++x) {
      ptrdiff_t from_x = transposed ? y : x, from_y = transposed ? x : y;
      if (mirrored) from_x = w - 1 - from_x;
      if (flipped) from_y = h - 1 - from_y;
      const T* from = &in[static_cast<size_t>(from_y * w + from_x) * channels];
      for (size_t c = 0; c < channels; ++c) *to++ = from[c];
    }
  }
  samples<T>(image) = std::move(out);
  image.width = static_cast<int>(out_w);
  image.height = static_cast<int>(out_h);
}

template <class T>
void divide_by_alpha(Image& image) {
  constexpr uint32_t kMax = sizeof(T) == 1 ? 255 : 65535;
  std::vector<T>& v = samples<T>(image);
  const size_t step = static_cast<size_t>(image.channels);
  for (size_t i = 0; i < v.size(); i += step) {
    const uint32_t alpha = v[i + step - 1];
    for (size_t c = 0; c + 1 < step; ++c) {
      v[i + c] = alpha == 0 ? T{0} : static_cast<T>(std::min(kMax, v[i + c] * kMax / alpha));
    }
  }
}

template <class T>
void inks_to_rgb(Image& image) {
  std::vector<T>& v = samples<T>(image);
  for (size_t i = 0, n = pixel_count(image); i < n; ++i) {
    const T* ink = &v[i * 4];
    T rgb[3];
    for (int c = 0; c < 3; ++c) {
      if constexpr (sizeof(T) == 1) {
        rgb[c] = static_cast<T>(mul_div_255(255u - ink[c], 255u - ink[3]));
      } else {
        rgb[c] = static_cast<T>(rescale(65535u - ink[c], 65535u, 65535u - ink[3]));
      }
    }
    std::copy(rgb, rgb + 3, &v[i * 3]);
  }
  image.channels = 3;
  v.resize(image.sample_count());
}

template <class T>
void change_color(Image& image, ColorMode color) {
  const bool is_colour = image.channels >= 3;
  if (color == ColorMode::kGrey) {
    if (!is_colour) return;
    colour_to_grey<T>(image);
    image.notes.push_back("colour converted to grey");
    return;
  }
  if (!is_colour) {
    if (color == ColorMode::kKeep) return;
    grey_to_colour<T>(image);
    image.notes.push_back("grey repeated into three channels");
  }
  const auto wanted = color == ColorMode::kBgr ? ChannelOrder::kBgr : ChannelOrder::kRgb;
  if (image.order != wanted) swap_red_and_blue<T>(image);
  image.order = wanted;
}

}  // namespace

void apply_orientation(Image& image, int orientation) {
  if (orientation < 2 || orientation > 8) return;
  image.bits == 8 ? orient<uint8_t>(image, orientation) : orient<uint16_t>(image, orientation);
}

void cmyk_to_rgb(Image& image) {
  image.bits == 8 ? inks_to_rgb<uint8_t>(image) : inks_to_rgb<uint16_t>(image);
}

void unpremultiply(Image& image) {
  image.bits == 8 ? divide_by_alpha<uint8_t>(image) : divide_by_alpha<uint16_t>(image);
}

}  // namespace codec

Image convert_image(Image image, const DecodeOptions& options) {
  if (options.alpha == AlphaMode::kDrop && image.has_alpha()) {
    const int keep = image.channels - 1;
    image.bits == 8 ? codec::keep_channels<uint8_t>(image, keep)
                    : codec::keep_channels<uint16_t>(image, keep);
    image.notes.push_back("alpha dropped");
  }
  if (options.depth == BitDepth::k8 && image.bits == 16) {
    codec::to_8_bits(image);
    image.notes.push_back("16 bits rounded to 8");
  }
  image.bits == 8 ? codec::change_color<uint8_t>(image, options.color)
                  : codec::change_color<uint16_t>(image, options.color);
  return image;
}

}  // namespace ferry
