// SPDX-License-Identifier: Apache-2.0
// Sequences, optionals and maps that callers give, held against the type that the model declares,
// element by element: kernels are chosen by what inference says of elements, and trust it.
#pragma once

#include <functional>

#include "base/status.h"
#include "ferry/tensor.h"
#include "tensor/type.h"

namespace ferry {

// Called with each dim of a declared type and its size in the value.
using BindDim = std::function<Status(const Dim&, int64_t)>;

// Errors: kInvalidArgument (another kind or element type, keys that do not match values),
// kShapeMismatch (another rank), and those of `bind`.
Status check_nested(const Value& value, const Type& type, const BindDim& bind);

}  // namespace ferry
