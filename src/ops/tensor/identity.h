// SPDX-License-Identifier: Apache-2.0
// y = x, for tensors, sequences and optionals.
// ONNX Identity-25.
#pragma once

namespace ferry {

struct Identity {};

}  // namespace ferry
