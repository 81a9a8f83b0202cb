// SPDX-License-Identifier: Apache-2.0
// Max, Min, Sum and Mean of one or more inputs, elementwise, broadcast against each other.
#pragma once

#include <cstdint>

namespace ferry {

enum class VariadicKind : uint8_t { kMax, kMin, kSum, kMean };

struct Variadic {
  VariadicKind kind = VariadicKind::kMax;  // NaN wins over numbers in kMax and kMin
};

}  // namespace ferry
