// SPDX-License-Identifier: Apache-2.0
// Optional: an optional that holds x, or, without x, an empty one of `type`.
// OptionalHasElement: whether x is there: false for an absent input or an empty optional.
// OptionalGetElement: what x holds; tensors and sequences hold themselves.
// ONNX versions 28.
#pragma once

#include <optional>

#include "tensor/type.h"

namespace ferry {

struct OptionalOp {
  std::optional<Type> type;
};
struct OptionalHasElement {};
struct OptionalGetElement {};

}  // namespace ferry
