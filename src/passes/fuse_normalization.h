// SPDX-License-Identifier: Apache-2.0
// Normalizations spelled out in arithmetic, over trailing axes of constant size:
//   d = x - mean(x);  d / sqrt(mean(d d) + eps)  ⇒ LayerNormalization(x, ones)
//   x / sqrt(mean(x x) + eps)                    ⇒ RMSNormalization(x, ones)
//   then * constant, and + constant              ⇒ their scale and bias
//   exp(x - max x) / sum(exp(x - max x))         ⇒ Softmax(x)
// Roots may be Sqrt or Pow by 1/2 or -1/2, squares Mul or Pow by 2, divisions Div or Mul by a
// Reciprocal.
// Refuses axes that are not trailing, reductions that drop axes, a mean of squares about another
// mean, scales that do not have the normalised dims, and a softmax that subtracts no maximum.
#pragma once

#include "passes/pass.h"

namespace ferry {

Pass fuse_normalization();

}  // namespace ferry
