// SPDX-License-Identifier: Apache-2.0
#include "onnx/contrib/contrib.h"

#include "base/status.h"

namespace ferry::onnx {

Status want_inputs(const SourceNode& node, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (!node.has_input(i)) return invalid_model("input {} is missing", i);
  }
  return {};
}

Status refuse_outputs(SourceNode& node, size_t first) {
  for (size_t i = first; i < node.outputs.size(); ++i) {
    if (node.has_output(i)) {
      return unsupported_op("output {} of {} is not supported", i, node.op_type);
    }
  }
  if (node.outputs.size() > first) node.outputs.resize(first);
  return {};
}

Result<DType> dtype_of_input(const SourceNode& node, const Rewriter& r, size_t index) {
  const Type type = r.type(index < node.inputs.size() ? node.inputs[index] : kNone);
  if (type.is_tensor() && type.dtype != DType::kUndefined) return type.dtype;
  return unsupported_op("the element type of input {} must be known", index);
}

}  // namespace ferry::onnx
