// SPDX-License-Identifier: Apache-2.0
// y[k, b] = the weight of frequency bin k in mel band b: triangles of peak 1 with their corners
// evenly spaced on the mel scale, 2595 log10(1 + f / 700).
//   num_mel_bins, dft_length, sample_rate: i32 or i64; lower and upper edge in Hz: floating; one
//   element each   y: [dft_length / 2 + 1, num_mel_bins]
// ONNX MelWeightMatrix-17.
#pragma once

#include "ferry/types.h"

namespace ferry {

struct MelWeightMatrix {
  DType output_datatype = DType::kFloat32;
};

}  // namespace ferry
