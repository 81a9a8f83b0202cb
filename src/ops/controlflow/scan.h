// SPDX-License-Identifier: Apache-2.0
// Runs the body once per element of the scan inputs along their axes, handing state from one
// iteration to the next and stacking the scan outputs.
//   node: (state..., scan inputs...) -> (state..., scan outputs...)
//   body: (state..., elements...) -> (state..., elements...)
// ONNX Scan-25.
#pragma once

#include <cstdint>
#include <vector>

namespace ferry {

struct Scan {
  int64_t num_scan_inputs = 0;
  std::vector<int64_t> scan_input_axes;         // empty: all 0
  std::vector<int64_t> scan_output_axes;        // empty: all 0
  std::vector<int64_t> scan_input_directions;   // empty: all 0; 1: from the end
  std::vector<int64_t> scan_output_directions;  // empty: all 0; 1: the last one first
};

}  // namespace ferry
