// SPDX-License-Identifier: Apache-2.0
// DequantizeLinear(QuantizeLinear(x)) ⇒ ferry.FakeQuantize(x): an elementwise function on f32 with
// the same bits, which joins the operators around it.
//
// Refuses when scale or zero point are not one constant for the whole tensor, the same in both, or
// the integers are not of 8 bits.
#pragma once

#include "passes/pass.h"

namespace ferry {

Pass fuse_quantization();

}  // namespace ferry
