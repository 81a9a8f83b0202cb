// SPDX-License-Identifier: Apache-2.0
// y = the discrete Fourier transform of x along an axis, zero-padded or cut to `length`.
//   x: [..., 1] real or [..., 2] (real, imaginary)   length, axis: one integer each, optional
//   y: [..., 2] with `length` at the axis; onesided: length / 2 + 1 of it, or, when inverse, from
//   half a spectrum a real [..., 1]
// ONNX DFT-20.
#pragma once

namespace ferry {

struct Dft {
  bool inverse = false;
  bool onesided = false;
};

}  // namespace ferry
