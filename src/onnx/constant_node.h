// SPDX-License-Identifier: Apache-2.0
// The tensor of a Constant node, in all the forms of its attributes.
#pragma once

#include "onnx/source_node.h"

namespace ferry::onnx {

// Errors: kInvalidModel unless exactly one form is given.
Result<Tensor> constant_tensor(const SourceNode& node);

}  // namespace ferry::onnx
