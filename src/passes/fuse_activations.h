// SPDX-License-Identifier: Apache-2.0
// Activations by their algebra, however it is spelled:
//   1 / (1 + exp(-x))                                    ⇒ Sigmoid(x)
//   x * sigmoid(a x), x / (1 + exp(-a x))                ⇒ Swish(x), alpha = a
//   x * clip(x + 3, 0, 6) / 6, x * HardSigmoid(1/6, 1/2) ⇒ HardSwish(x)
//   x / 2 * (1 + erf(x / sqrt 2))                        ⇒ Gelu(x)
//   x / 2 * (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))  ⇒ Gelu(x), approximate = "tanh"
// An expression is a polynomial in x and in the value of the inner function; two spellings are the
// same when their coefficients are.
// Refuses other coefficients, constants of more than one element, and changes of shape.
#pragma once

#include "passes/pass.h"

namespace ferry {

Pass fuse_activations();

}  // namespace ferry
