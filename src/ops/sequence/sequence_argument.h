// SPDX-License-Identifier: Apache-2.0
// Inputs that are sequences: their element type, their elements, positions in them.
#pragma once

#include <string_view>

#include "base/status.h"
#include "ir/eval.h"
#include "ir/infer.h"

namespace ferry {

// The type of the elements of input i, a sequence (or an optional one). Errors: kInvalidModel.
Result<Type> sequence_element(const InferContext& c, size_t i);
// The elements of input i. Errors: kInvalidArgument when it is no sequence.
Result<const Sequence*> read_sequence(const EvalContext& c, size_t i);
// Element k of a sequence as a tensor. Errors: kInvalidArgument.
Result<Tensor> tensor_at(const Sequence& s, size_t k);
// Input i as a position in [0, limit]; negative ones count back from n. Errors: kInvalidArgument.
Result<size_t> read_position(const EvalContext& c, size_t i, size_t n, size_t limit);

}  // namespace ferry
