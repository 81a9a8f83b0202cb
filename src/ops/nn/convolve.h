// SPDX-License-Identifier: Apache-2.0
// The reference loop of every convolution (plain, transposed, integer): gathers the inputs under
// one window into a patch and multiplies it with all filters of the group.
#pragma once

#include <algorithm>
#include <vector>

#include "ir/eval.h"
#include "ops/nn/window.h"
#include "ops/poll_every.h"
#include "ops/working_array.h"

namespace ferry {

struct ConvSizes {
  int64_t batch = 0;
  int64_t group = 1;
  int64_t in_channels = 0;   // per group
  int64_t out_channels = 0;  // per group
  Dims in, out;              // spatial
  bool transposed = false;
  bool channels_last = false;    // of x
  bool y_channels_last = false;  // as x, unless the caller says otherwise

  int64_t in_total() const { return group * in_channels; }
  int64_t out_total() const { return group * out_channels; }
};

// Sizes for concrete x and weights, everything checked; fills kernels and pads of `window`.
// `transposed`: weights are [C, M / group, kernel...], and `out` stays empty.
Result<ConvSizes> conv_sizes(Window& window, const Tensor& x, const Tensor& w, int64_t group,
                             bool transposed, bool channels_last);
// Errors unless `b` is absent or 1-D with `channels` elements.
Status check_bias(EvalContext& c, size_t input, int64_t channels);
// The same when types are inferred, as far as they are known.
Status infer_bias(const InferContext& c, size_t input, const Dim& channels);

// Type and shape of a convolution's y, shared by all kinds; the element type is the caller's.
Result<std::optional<Shape>> infer_conv(const WindowAttrs& attrs, int64_t group, bool channels_last,
                                        const Type& x, const Type& w, InferContext& c);

// Spatial position in x of every tap for the output at `at`; -1 outside.
inline void tap_positions(const Window& w, const ConvSizes& s, const Dims& at,
                          std::vector<int64_t>& positions) {
  const size_t rank = s.in.size();
  Dims tap = Dims::filled(rank, 0), kernel;
  for (const WindowAxis& a : w.axes) kernel.push_back(a.kernel);
  for (int64_t& position : positions) {
    int64_t p = 0;
    for (size_t a = 0; a < rank && p >= 0; ++a) {
      const WindowAxis& x = w.axes[a];
      int64_t i;
      if (s.transposed) {
        i = at[a] + x.pad_begin - tap[a] * x.dilation;
        i = i % x.stride == 0 ? i / x.stride : -1;
      } else {
        i = at[a] * x.stride - x.pad_begin + tap[a] * x.dilation;
      }
      p = i < 0 || i >= s.in[a] ? -1 : p * s.in[a] + i;
    }
    position = p;
    next_position(tap, kernel);
  }
}

// Weights as [group][input channel][tap][output channel].
template <class Acc, class Load>
Result<WorkingArray<Acc>> pack_weights(EvalContext& c, const ConvSizes& s, int64_t taps,
                                       Load&& load, PollEvery& poll) {
  FERRY_ASSIGN_OR_RETURN(
      WorkingArray<Acc> packed,
      WorkingArray<Acc>::make(c, s.group * s.in_channels * taps * s.out_channels));
  Acc* to = packed.data();
  for (int64_t g = 0; g < s.group; ++g) {
    for (int64_t ci = 0; ci < s.in_channels; ++ci) {
      for (int64_t t = 0; t < taps; ++t) {
        FERRY_RETURN_IF_ERROR(poll.spend(8 * s.out_channels));
        for (int64_t m = 0; m < s.out_channels; ++m) {
          const int64_t filter = s.transposed ? (g * s.in_channels + ci) * s.out_channels + m
                                              : (g * s.out_channels + m) * s.in_channels + ci;
          *to++ = load(filter * taps + t, g * s.out_channels + m);
        }
      }
    }
  }
  return packed;
}

// load_x(i): element i of x as Acc. load_w(i, m): element i of the weights, which belongs to output
// channel m. store(i, m, sum): element i of y, of output channel m.
template <class Acc, class LoadX, class LoadW, class Store>
Status convolve(const ConvSizes& s, const Window& w, LoadX&& load_x, LoadW&& load_w, Store&& store,
                EvalContext& c) {
  const int64_t out_count = s.out.count();
  if (s.batch == 0 || out_count == 0 || s.out_total() == 0) return {};
  const int64_t taps = s.in_channels == 0 ? 0 : w.taps();
  PollEvery poll(c);
  FERRY_ASSIGN_OR_RETURN(const WorkingArray<Acc> weights,
                         pack_weights<Acc>(c, s, taps, load_w, poll));
  const ImageIndex x_at(s.in_total(), s.in.count(), s.channels_last);
  const ImageIndex y_at(s.out_total(), out_count, s.y_channels_last);
  const auto depth = static_cast<size_t>(s.in_channels * taps);
  const auto width = static_cast<size_t>(s.out_channels);
  std::vector<int64_t> positions(static_cast<size_t>(taps));
  std::vector<Acc> patch(depth), sums(width);
  for (int64_t n = 0; n < s.batch; ++n) {
    Dims at = Dims::filled(s.out.size(), 0);
    for (int64_t o = 0; o < out_count; ++o, next_position(at, s.out)) {
      FERRY_RETURN_IF_ERROR(poll.spend(s.group * static_cast<int64_t>(depth)));
      tap_positions(w, s, at, positions);
      for (int64_t g = 0; g < s.group; ++g) {
        Acc* to = patch.data();
        for (int64_t ci = 0; ci < s.in_channels; ++ci) {
          const int64_t base = x_at(n, g * s.in_channels + ci, 0);
          for (int64_t p : positions) *to++ = p < 0 ? Acc(0) : load_x(base + p * x_at.position);
        }
        std::fill(sums.begin(), sums.end(), Acc(0));
        const Acc* row = weights.data() + static_cast<size_t>(g) * depth * width;
        for (size_t k = 0; k < depth; ++k, row += width) {
          FERRY_RETURN_IF_ERROR(poll.spend(s.out_channels));
          const Acc v = patch[k];
          for (size_t m = 0; m < width; ++m) sums[m] += v * row[m];
        }
        for (size_t m = 0; m < width; ++m) {
          const int64_t channel = g * s.out_channels + static_cast<int64_t>(m);
          store(y_at(n, channel, o), channel, sums[m]);
        }
      }
    }
  }
  return {};
}

}  // namespace ferry
