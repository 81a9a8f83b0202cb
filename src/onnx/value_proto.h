// SPDX-License-Identifier: Apache-2.0
// Values in files of their own: TensorProto, SequenceProto, MapProto, OptionalProto (.pb).
#pragma once

#include <span>

#include "base/allocator.h"
#include "ferry/limits.h"
#include "tensor/type.h"

namespace ferry::onnx {

// The value in `bytes`, which holds the message that `type` (of the model's input or output) wants.
// Errors: kInvalidModel, kUnsupportedType, kLimitExceeded, kOutOfMemory.
Result<Value> read_value(std::span<const std::byte> bytes, const Type& type,
                         const Limits& limits = {}, MemoryBudget* budget = nullptr);

}  // namespace ferry::onnx
