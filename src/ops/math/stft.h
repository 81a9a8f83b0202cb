// SPDX-License-Identifier: Apache-2.0
// y[b, f, k] = the k-th Fourier coefficient of frame f: `frame_length` samples of the signal from
// f frame_step on, times the window.
//   x: [batch, samples, 1 or 2]   frame_step: one integer   window: [frame_length], optional
//   frame_length: one integer, optional   y: [batch, frames, frame_length or its half + 1, 2]
// ONNX STFT-17.
#pragma once

namespace ferry {

struct Stft {
  bool onesided = true;
};

}  // namespace ferry
