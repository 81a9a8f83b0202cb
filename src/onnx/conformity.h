// SPDX-License-Identifier: Apache-2.0
// Conformity: what the standard forbids although a reader may know what is meant: nodes out of
// order, opsets that are not imported, attributes of another kind, names that shadow others, ...
// `ferry check` asks for it; loading a model to run it does not.
#pragma once

#include "onnx/functions.h"
#include "onnx/tensor_proto.h"

namespace ferry::onnx {

// Errors: kInvalidModel naming the node or value. Types are checked as the graph is built.
// Reads the tensors of functions, which need not be called; the graph's own are read as it is
// built.
Status check_conformity(Wire& wire, TensorReader& tensors, const ModelProto& model,
                        const Functions& functions);

}  // namespace ferry::onnx
