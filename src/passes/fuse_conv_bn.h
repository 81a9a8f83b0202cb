// SPDX-License-Identifier: Apache-2.0
// A product or sum with one constant per channel after Conv, ConvTranspose, Gemm or MatMul with
// constant weights ⇒ other weights and bias:
//   BatchNormalization(Conv(x, w, b), ...)   ⇒ Conv(x, w', b'), and so Mul, Div, Add, Sub
//   Add(MatMul(x, w), b), x a matrix          ⇒ Gemm(x, w, b)
//   Conv(Pad(x)), AveragePool(Pad(x))         ⇒ Conv, AveragePool with larger pads, for zeros
// Refuses training mode, statistics that give no finite factor, a product that others use, or
// element types of 16 bits (the weights would be rounded twice).
#pragma once

#include "passes/pass.h"

namespace ferry {

Pass fuse_conv_bn();
Pass fuse_pad_conv();
Pass fuse_matmul_add();

}  // namespace ferry
