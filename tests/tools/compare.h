// SPDX-License-Identifier: Apache-2.0
// Compares values as ONNX's backend tests do: |got - want| <= atol + rtol |want|.
#pragma once

#include <string>

#include "ferry/tensor.h"

namespace ferry {

// What differs first, or "" when nothing does.
std::string difference(const Value& got, const Value& want, double rtol, double atol);

}  // namespace ferry
