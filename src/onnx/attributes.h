// SPDX-License-Identifier: Apache-2.0
// Attributes: from the file to values, and from values to the struct of an operator.
#pragma once

#include <map>
#include <string>

#include "onnx/source_node.h"
#include "onnx/tensor_proto.h"

namespace ferry::onnx {

// The value of an attribute that is no graph.
// Errors: kInvalidModel, kUnsupportedType; all name the attribute.
Result<AttrValue> read_attribute(Wire& wire, TensorReader& tensors, const AttributeProto& proto);

// The operator of a node at its newest version with the node's attributes.
// Errors: kUnsupportedOp; kInvalidModel for an attribute that is unknown, of the wrong kind or
// missing.
Result<Op> bind_op(const SourceNode& node);

}  // namespace ferry::onnx
