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

Status to_8_bits(Image& image, const Stopped& stopped) {
  FERRY_RETURN_IF_ERROR(grow(image.data, image.data16.size(), stopped));
  FERRY_RETURN_IF_ERROR(in_parts(image.data.size(), stopped, [&](size_t from, size_t to) {
    for (size_t i = from; i < to; ++i) {
      image.data[i] = static_cast<uint8_t>((image.data16[i] + 128u) / 257u);
    }
  }));
  image.data16 = {};
  image.bits = 8;
  return {};
}

// Keeps the first `keep` of the channels, in place.
template <class T>
Status keep_channels(Image& image, int keep, const Stopped& stopped) {
  std::vector<T>& v = samples<T>(image);
  const size_t from = static_cast<size_t>(image.channels), to = static_cast<size_t>(keep);
  FERRY_RETURN_IF_ERROR(in_parts(pixel_count(image), stopped, [&](size_t i, size_t end) {
    for (; i < end; ++i) {
      for (size_t c = 0; c < to; ++c) v[i * to + c] = v[i * from + c];
    }
  }));
  image.channels = keep;
  v.resize(image.sample_count());
  return {};
}

template <class T>
Status colour_to_grey(Image& image, const Stopped& stopped) {
  std::vector<T>& v = samples<T>(image);
  const size_t from = static_cast<size_t>(image.channels), to = from - 2;
  const size_t red = image.order == ChannelOrder::kRgb ? 0 : 2;
  FERRY_RETURN_IF_ERROR(in_parts(pixel_count(image), stopped, [&](size_t i, size_t end) {
    for (; i < end; ++i) {
      const T* p = &v[i * from];
      const uint32_t grey = (p[red] * 19595u + p[1] * 38470u + p[2 - red] * 7471u + 0x8000u) >> 16;
      const T alpha = p[from - 1];
      v[i * to] = static_cast<T>(grey);
      if (to == 2) v[i * 2 + 1] = alpha;
    }
  }));
  image.channels = static_cast<int>(to);
  image.order = ChannelOrder::kRgb;
  v.resize(image.sample_count());
  return {};
}

template <class T>
Status grey_to_colour(Image& image, const Stopped& stopped) {
  const size_t from = static_cast<size_t>(image.channels), to = from + 2;
  std::vector<T> v;
  FERRY_RETURN_IF_ERROR(grow(v, pixel_count(image) * to, stopped));
  FERRY_RETURN_IF_ERROR(in_parts(pixel_count(image), stopped, [&](size_t i, size_t end) {
    for (; i < end; ++i) {
      const T* grey = &samples<T>(image)[i * from];
      T* p = &v[i * to];
      p[0] = p[1] = p[2] = grey[0];
      if (to == 4) p[3] = grey[1];
    }
  }));
  samples<T>(image) = std::move(v);
  image.channels = static_cast<int>(to);
  return {};
}

template <class T>
Status swap_red_and_blue(Image& image, const Stopped& stopped) {
  std::vector<T>& v = samples<T>(image);
  const size_t step = static_cast<size_t>(image.channels);
  return in_parts(pixel_count(image), stopped, [&](size_t i, size_t end) {
    for (; i < end; ++i) std::swap(v[i * step], v[i * step + 2]);
  });
}

template <class T>
Status orient(Image& image, int orientation, const Stopped& stopped) {
  const bool transposed = orientation >= 5;
  const bool mirrored =
      orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool flipped = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const size_t channels = static_cast<size_t>(image.channels);
  const ptrdiff_t w = image.width, h = image.height;
  std::vector<T> out;
  FERRY_RETURN_IF_ERROR(grow(out, image.sample_count(), stopped));
  const std::vector<T>& in = samples<T>(image);
  const ptrdiff_t out_w = transposed ? h : w, out_h = transposed ? w : h;
  T* to = out.data();
  for (ptrdiff_t y = 0; y < out_h; ++y) {
    FERRY_RETURN_IF_ERROR(check_stopped(stopped));
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
  return {};
}

template <class T>
Status divide_by_alpha(Image& image, const Stopped& stopped) {
  constexpr uint32_t kMax = sizeof(T) == 1 ? 255 : 65535;
  std::vector<T>& v = samples<T>(image);
  const size_t step = static_cast<size_t>(image.channels);
  return in_parts(pixel_count(image), stopped, [&](size_t from, size_t to) {
    for (size_t i = from * step; i < to * step; i += step) {
      const uint32_t alpha = v[i + step - 1];
      for (size_t c = 0; c + 1 < step; ++c) {
        v[i + c] = alpha == 0 ? T{0} : static_cast<T>(std::min(kMax, v[i + c] * kMax / alpha));
      }
    }
  });
}

template <class T>
Status inks_to_rgb(Image& image, const Stopped& stopped) {
  std::vector<T>& v = samples<T>(image);
  FERRY_RETURN_IF_ERROR(in_parts(pixel_count(image), stopped, [&](size_t i, size_t end) {
    for (; i < end; ++i) {
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
  }));
  image.channels = 3;
  v.resize(image.sample_count());
  return {};
}

template <class T>
Status change_color(Image& image, ColorMode color, const Stopped& stopped) {
  const bool is_colour = image.channels >= 3;
  if (color == ColorMode::kGrey) {
    if (!is_colour) return {};
    FERRY_RETURN_IF_ERROR(colour_to_grey<T>(image, stopped));
    image.notes.push_back("colour converted to grey");
    return {};
  }
  if (!is_colour) {
    if (color == ColorMode::kKeep) return {};
    FERRY_RETURN_IF_ERROR(grey_to_colour<T>(image, stopped));
    image.notes.push_back("grey repeated into three channels");
  }
  const auto wanted = color == ColorMode::kBgr ? ChannelOrder::kBgr : ChannelOrder::kRgb;
  if (image.order != wanted) FERRY_RETURN_IF_ERROR(swap_red_and_blue<T>(image, stopped));
  image.order = wanted;
  return {};
}

// Changes `image` step by step; on an error it is of no use.
Status apply(Image& image, const DecodeOptions& options) {
  const Stopped& stopped = options.stopped;
  if (options.alpha == AlphaMode::kDrop && image.has_alpha()) {
    const int keep = image.channels - 1;
    FERRY_RETURN_IF_ERROR(image.bits == 8 ? keep_channels<uint8_t>(image, keep, stopped)
                                          : keep_channels<uint16_t>(image, keep, stopped));
    image.notes.push_back("alpha dropped");
  }
  if (options.depth == BitDepth::k8 && image.bits == 16) {
    FERRY_RETURN_IF_ERROR(to_8_bits(image, stopped));
    image.notes.push_back("16 bits rounded to 8");
  }
  return image.bits == 8 ? change_color<uint8_t>(image, options.color, stopped)
                         : change_color<uint16_t>(image, options.color, stopped);
}

}  // namespace

Status apply_orientation(Image& image, int orientation, const Stopped& stopped) {
  if (orientation < 2 || orientation > 8) return {};
  return image.bits == 8 ? orient<uint8_t>(image, orientation, stopped)
                         : orient<uint16_t>(image, orientation, stopped);
}

Status cmyk_to_rgb(Image& image, const Stopped& stopped) {
  return image.bits == 8 ? inks_to_rgb<uint8_t>(image, stopped)
                         : inks_to_rgb<uint16_t>(image, stopped);
}

Status unpremultiply(Image& image, const Stopped& stopped) {
  return image.bits == 8 ? divide_by_alpha<uint8_t>(image, stopped)
                         : divide_by_alpha<uint16_t>(image, stopped);
}

}  // namespace codec

Image convert_image(Image image, const DecodeOptions& options) {
  (void)codec::apply(image, options);  // stopped: whoever stops looks at that
  return image;
}

}  // namespace ferry
