// SPDX-License-Identifier: Apache-2.0
// NumPy's .npz files: zip archives of .npy files.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ferry/tensor.h"

namespace ferry::cli {

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

// The arrays in a .npz file in its order, names without ".npy". Throws Error.
NamedTensors read_npz(const std::string& path);

// Writes arrays, stored as np.savez does. `notes` receives what was converted. Throws Error.
void write_npz(const std::string& path, const NamedTensors& tensors,
               std::vector<std::string>& notes);

}  // namespace ferry::cli
