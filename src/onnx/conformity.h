// SPDX-License-Identifier: Apache-2.0
// Conformity: what the standard forbids although a reader may know what is meant: nodes out of
// order, opsets that are not imported, attributes of another kind, names that shadow others, ...
// `ferry check` asks for it; loading a model to run it does not.
#pragma once

#include "onnx/wire.h"

namespace ferry::onnx {

// Errors: kInvalidModel naming the node or value. Types are checked as the graph is built.
Status check_conformity(Wire& wire, const ModelProto& model);

}  // namespace ferry::onnx
