// SPDX-License-Identifier: Apache-2.0
// An image as words of neighbouring channels (kernels/integer), in rows with their padding: what
// lies under one tap of neighbouring outputs lies side by side. A word is a pair of 16-bit numbers
// less their zero point, or a quad of bytes without a sign as they are.
#pragma once

#include <array>
#include <vector>

#include "kernels/integer/integer.h"
#include "ops/nn/convolve.h"
#include "ops_cpu/integer_pack.h"
#include "plan/step_kernel.h"

namespace ferry {

class PairImage final : public StepState {
 public:
  // `per` channels in a word: 2 or 4.
  PairImage(const ConvSizes& s, const Window& w, int64_t per) : s_(s), w_(w), per_(per) {
    const WindowAxis& a = w.axes[s.in.size() - 1];
    const int64_t reach =
        std::max((s.out.back() - 1) * a.stride + a.extent(), a.pad_begin + s.in.back());
    // Elements `stride` apart lie side by side, unless that would take many lines.
    lines_ = a.stride <= kMostLines ? a.stride : 1;
    step_ = s.out.back() == 1 ? 1 : a.stride / lines_;
    line_ = reach / lines_ + 1 + kRoom * step_;
    for (int64_t t = 0; t < a.kernel; ++t) taps_.push_back(place(t * a.dilation));
    words_ = (s.in_channels + per - 1) / per;
    rows_ = s.in.count(0, s.in.size() - 1);
  }

  int64_t words() const { return words_; }  // of channels in a group
  int64_t step() const { return step_; }    // from output to output
  int64_t taps() const { return w_.taps(); }
  int64_t row_size() const { return lines_ * line_; }
  // Rows to fill: of every word of every group, one channel's after the other's.
  int64_t rows() const { return s_.group * words_ * rows_; }
  // Numbers that the image takes; a row of padding comes first.
  int64_t size() const { return (1 + rows()) * row_size(); }

  // A word of the padding, where x has this zero point.
  int32_t padding(const Tensor& x, int32_t zero) const {
    return per_ == 2 ? 0 : static_cast<int32_t>(0x01010101u * unsigned_byte(x, zero));
  }
  // The zero point of a quad's bytes.
  static uint8_t unsigned_byte(const Tensor& x, int32_t zero) {
    return static_cast<uint8_t>(zero + (x.dtype() == DType::kInt8 ? 128 : 0));
  }

  // Row `r` of image `n` of x.
  void fill(const IntegerKernels& kernels, const Tensor& x, int64_t n, int32_t zero, int64_t r,
            int32_t* image) const {
    const int64_t width = s_.in.back(), plane = rows_ * width;
    const int64_t first = r / rows_ % words_ * per_, group = r / rows_ / words_;
    const auto* from = static_cast<const uint8_t*>(x.raw()) +
                       ((n * s_.group + group) * s_.in_channels + first) * plane +
                       r % rows_ * width;
    int32_t* row = image + (1 + r) * row_size();
    const int64_t pad = w_.axes[s_.in.size() - 1].pad_begin;
    const int32_t outside = padding(x, zero);
    if (lines_ == 1) {
      std::fill_n(row, pad, outside);
      std::fill(row + pad + width, row + row_size(), outside);
    } else {
      std::fill_n(row, row_size(), outside);
    }
    const bool is_signed = x.dtype() == DType::kInt8;
    const int64_t last = s_.in_channels - 1 - first;
    for (int64_t j = 0; j < std::min(lines_, width); ++j) {
      const int64_t count = (width - j + lines_ - 1) / lines_;
      int32_t* to = row + place(pad + j);
      if (per_ == 2) {
        kernels.pair_up[is_signed](from + j, last < 1 ? nullptr : from + plane + j, lines_, zero,
                                   to, count);
      } else {
        // Channels that are missing have weights of 0.
        const uint8_t* channels[4];
        for (int64_t k = 0; k < 4; ++k) channels[k] = from + std::min(k, last) * plane + j;
        kernels.quad_up(channels, lines_, is_signed ? 0x80808080u : 0, to, count);
      }
    }
  }

  // Where the inner taps of output row `o` begin, of the first word of group `g` at the outer taps
  // `tap`: in the row of padding, from where all words are read, when the row lies outside.
  const int32_t* row_of(const int32_t* image, int64_t g, int64_t o, int64_t tap) const {
    int64_t at = 0, scale = 1;
    for (size_t a = s_.in.size() - 1; a-- > 0;) {
      const WindowAxis& x = w_.axes[a];
      // The first axis takes what is left, without a division.
      const int64_t o_here = a == 0 ? o : o % s_.out[a], tap_here = a == 0 ? tap : tap % x.kernel;
      const int64_t i = o_here * x.stride - x.pad_begin + tap_here * x.dilation;
      if (i < 0 || i >= s_.in[a]) return image;
      at += i * scale;
      if (a == 0) break;
      scale *= s_.in[a];
      o /= s_.out[a];
      tap /= x.kernel;
    }
    return image + (1 + g * words_ * rows_ + at) * row_size();
  }
  int64_t tap_at(int64_t t) const { return taps_[static_cast<size_t>(t)]; }
  int64_t inner_taps() const { return static_cast<int64_t>(taps_.size()); }

  // Pixels [p0, p0 + cols) of group `g` as a panel: words of channels within taps.
  void pack(const IntegerKernels& kernels, const int32_t* image, int64_t g, int64_t p0,
            int64_t cols, int32_t* panel) const {
    const int64_t width = s_.out.back(), outer = taps() / inner_taps();
    for (int64_t done = 0; done < cols;) {
      // A run of pixels in one row of the output.
      const int64_t column = (p0 + done) % width, n = std::min(cols - done, width - column);
      for (int64_t k = 0; k < outer; ++k) {
        const int32_t* row = row_of(image, g, (p0 + done) / width, k);
        const int64_t stride = row == image ? 0 : rows_ * row_size();
        for (int64_t t = 0; t < inner_taps(); ++t) {
          kernels.copy_columns(row + tap_at(t) + column * step_, stride, step_,
                               panel + (k * inner_taps() + t) * words_ * kernels.columns + done,
                               words_, n);
        }
      }
      done += n;
    }
  }

 private:
  static constexpr int64_t kMostLines = 4;
  static constexpr int64_t kRoom = 32;  // columns of the widest panel, which are read at once

  int64_t place(int64_t q) const { return q % lines_ * line_ + q / lines_; }

  ConvSizes s_;
  Window w_;
  int64_t per_, lines_, step_, line_, words_, rows_;
  std::vector<int64_t> taps_;
};

}  // namespace ferry
