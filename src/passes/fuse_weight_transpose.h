// SPDX-License-Identifier: Apache-2.0
// MatMul(a, Transpose(constant)) ⇒ MatMul(a, constant), read transposed. Weights that an embedding
// shares are too large to be transposed once more; kernels pack them in either order.
// Refuses transposes that others use too and constants that are no matrix.
#pragma once

#include "passes/pass.h"

namespace ferry {

Pass fuse_weight_transpose();

}  // namespace ferry
