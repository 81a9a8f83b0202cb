// SPDX-License-Identifier: Apache-2.0
// Planes of bytes with their padding, over which depthwise filters of one or two axes slide
// (kernels/integer).
#pragma once

#include <algorithm>
#include <array>
#include <cstring>

#include "kernels/integer/integer.h"
#include "ops/nn/convolve.h"
#include "ops_cpu/integer_pack.h"

namespace ferry {

class BytePlanes {
 public:
  // Whether four outputs and the taps of a quad lie within the 16 bytes of a shuffle.
  static bool fit(const Window& w) {
    if (w.axes.size() > 2) return false;
    const WindowAxis& a = w.axes[w.axes.size() - 1];
    const int64_t taps = std::min<int64_t>(a.kernel, 4);
    return a.stride <= 4 && a.dilation <= 15 && 3 * a.stride + (taps - 1) * a.dilation <= 15;
  }
  static int64_t quads(int64_t inner_taps) { return (inner_taps + 3) / 4; }
  // Words of one filter of `outer` rows of `inner` taps.
  static int64_t filter_size(int64_t outer, int64_t inner) { return outer * 2 * quads(inner); }
  // weight(t) is that of tap t.
  template <class Weight>
  static void pack(int64_t outer, int64_t inner, const Weight& weight, int32_t* to) {
    std::fill_n(to, filter_size(outer, inner), 0);
    for (int64_t t = 0; t < outer * inner; ++t) {
      const int64_t i = t % inner, word = t / inner * quads(inner) + i / 4;
      to[2 * word + i % 2] |= half_of_pair(weight(t), i % 4 / 2);
    }
  }

  BytePlanes(const ConvSizes& s, const Window& w)
      : s_(s),
        x_(w.axes[w.axes.size() - 1]),
        y_(w.axes.size() == 2 ? w.axes[0] : WindowAxis{.kernel = 1}),
        in_rows_(s.in.size() == 2 ? s.in[0] : 1),
        out_rows_(s.out.size() == 2 ? s.out[0] : 1) {
    // What whole vectors read of a row.
    const int64_t read =
        (s.out.back() + kVector) * x_.stride + 4 * quads(x_.kernel) * x_.dilation + 16;
    pitch_ = std::max(x_.pad_begin + s.in.back(), read);
    for (int64_t i = 0; i < 16; ++i) {
      // A weight of what is farther away is 0.
      const int64_t place = i / 4 * x_.stride + i % 4 * x_.dilation;
      places_[static_cast<size_t>(i)] = static_cast<uint8_t>(std::min<int64_t>(place, 15));
    }
    rows_ = std::max(y_.pad_begin + in_rows_, (out_rows_ - 1) * y_.stride + y_.extent());
  }
  int64_t size() const { return rows_ * pitch_; }

  // The plane at `from` into one that holds padding; bits of `flip` are turned over.
  void fill(const uint8_t* from, uint8_t flip, uint8_t* plane) const {
    const int64_t width = s_.in.back();
    for (int64_t r = 0; r < in_rows_; ++r, from += width) {
      uint8_t* to = plane + (y_.pad_begin + r) * pitch_ + x_.pad_begin;
      std::memcpy(to, from, static_cast<size_t>(width));
      for (int64_t i = 0; flip != 0 && i < width; ++i) to[i] ^= flip;
    }
  }

  // Rows [r0, r1) of the output to y, one after the other; whole vectors are written.
  void slide(const IntegerKernels& kernels, const uint8_t* plane, const int32_t* w, int64_t r0,
             int64_t r1, const uint8_t** rows, int32_t* y) const {
    const int64_t width = s_.out.back();
    for (int64_t r = r0; r < r1; ++r, y += width) {
      for (int64_t k = 0; k < y_.kernel; ++k) {
        rows[k] = plane + (r * y_.stride + k * y_.dilation) * pitch_;
      }
      kernels.slide(rows, y_.kernel, w, quads(x_.kernel), x_.stride, x_.dilation, places_.data(), y,
                    width);
    }
  }
  int64_t out_rows() const { return out_rows_; }
  int64_t outer_taps() const { return y_.kernel; }
  int64_t inner_taps() const { return x_.kernel; }

  static constexpr int64_t kVector = 16;  // outputs of the widest

 private:
  ConvSizes s_;
  WindowAxis x_, y_;
  int64_t in_rows_, out_rows_, pitch_, rows_;
  std::array<uint8_t, 16> places_;
};

}  // namespace ferry
