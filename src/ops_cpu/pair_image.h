// SPDX-License-Identifier: Apache-2.0
// An image as 16-bit pairs of neighbouring channels (kernels/integer), less its zero point, in rows
// with their padding: what lies under one tap of neighbouring outputs lies side by side.
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
  PairImage(const ConvSizes& s, const Window& w) : s_(s), w_(w) {
    const WindowAxis& a = w.axes[s.in.size() - 1];
    const int64_t reach =
        std::max((s.out.back() - 1) * a.stride + a.extent(), a.pad_begin + s.in.back());
    // Elements `stride` apart lie side by side, unless that would take many lines.
    lines_ = a.stride <= kMostLines ? a.stride : 1;
    step_ = s.out.back() == 1 ? 1 : a.stride / lines_;
    line_ = reach / lines_ + 1 + kRoom * step_;
    for (int64_t t = 0; t < a.kernel; ++t) taps_.push_back(place(t * a.dilation));
    pairs_ = (s.in_channels + 1) / 2;
    rows_ = s.in.count(0, s.in.size() - 1);
  }

  int64_t pairs() const { return pairs_; }  // of channels in a group
  int64_t step() const { return step_; }    // from output to output
  int64_t taps() const { return w_.taps(); }
  int64_t row_size() const { return lines_ * line_; }
  // Rows to fill: of every pair of every group, one channel's after the other's.
  int64_t rows() const { return s_.group * pairs_ * rows_; }
  // Numbers that the image takes; a row of zeros comes first.
  int64_t size() const { return (1 + rows()) * row_size(); }

  template <class T>
  void fill(const IntegerKernels& kernels, const T* x, int32_t zero, int64_t r,
            int32_t* image) const {
    const int64_t width = s_.in.back(), plane = rows_ * width;
    const int64_t pair = r / rows_ % pairs_, group = r / rows_ / pairs_;
    const T* a = x + (group * s_.in_channels + 2 * pair) * plane + r % rows_ * width;
    const T* b = 2 * pair + 1 < s_.in_channels ? a + plane : nullptr;
    int32_t* row = image + (1 + r) * row_size();
    const int64_t pad = w_.axes[s_.in.size() - 1].pad_begin;
    if (lines_ == 1) {
      std::fill_n(row, pad, 0);
      std::fill(row + pad + width, row + row_size(), 0);
    } else {
      std::fill_n(row, row_size(), 0);
    }
    for (int64_t j = 0; j < std::min(lines_, width); ++j) {
      const int64_t n = (width - j + lines_ - 1) / lines_;
      kernels.pair_up[std::is_signed_v<T>](a + j, b == nullptr ? nullptr : b + j, lines_, zero,
                                           row + place(pad + j), n);
    }
  }

  // Where the inner taps of output row `o` begin, of the first pair of group `g` at the outer taps
  // `tap`: in the row of zeros, from where all pairs are read, when that row lies in the padding.
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
    return image + (1 + g * pairs_ * rows_ + at) * row_size();
  }
  int64_t tap_at(int64_t t) const { return taps_[static_cast<size_t>(t)]; }
  int64_t inner_taps() const { return static_cast<int64_t>(taps_.size()); }

  // Pixels [p0, p0 + cols) of group `g` as a panel: pairs of channels within taps.
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
                               panel + (k * inner_taps() + t) * pairs_ * kernels.columns + done,
                               pairs_, n);
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
  int64_t lines_, step_, line_, pairs_, rows_;
  std::vector<int64_t> taps_;
};

}  // namespace ferry
