// SPDX-License-Identifier: Apache-2.0
// Which taps of a window lie in the image, along one axis.
#pragma once

#include <algorithm>

#include "ops/nn/window.h"

namespace ferry {

// Those of output `out`: first, first + dilation, ...
struct WindowTaps {
  int64_t first = 0, count = 0;
  int64_t padded = 0;  // those that lie in the padded image

  WindowTaps() : count(1), padded(1) {}  // of an axis that the image lacks
  WindowTaps(const WindowAxis& a, int64_t in, int64_t out) {
    const int64_t start = out * a.stride - a.pad_begin;
    const auto taps = [&](int64_t n) { return a.dilation == 1 ? n : ceil_div(n, a.dilation); };
    const int64_t from = start < 0 ? taps(-start) : 0;
    first = start + from * a.dilation;
    count = std::max<int64_t>(0, std::min(a.kernel, taps(in - start)) - from);
    padded = std::min(a.kernel, taps(in + a.pad_end - start));
  }
};

// The outputs [begin, end) whose tap `tap` lies in the image.
struct TapOutputs {
  int64_t begin, end;

  TapOutputs(const WindowAxis& a, int64_t in, int64_t out, int64_t tap) {
    const int64_t before = a.pad_begin - tap * a.dilation;
    begin = std::clamp<int64_t>(ceil_div(before, a.stride), 0, out);
    end = std::clamp(floor_div(in - 1 + before, a.stride) + 1, begin, out);
  }
};

// The taps [begin, end) that lie in the image for some output.
struct UsedTaps {
  int64_t begin, end;

  UsedTaps(const WindowAxis& a, int64_t in, int64_t out) {
    begin =
        std::clamp<int64_t>(ceil_div(a.pad_begin - (out - 1) * a.stride, a.dilation), 0, a.kernel);
    end = std::clamp(floor_div(in - 1 + a.pad_begin, a.dilation) + 1, begin, a.kernel);
  }
};

}  // namespace ferry
