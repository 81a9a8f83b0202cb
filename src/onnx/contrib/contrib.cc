// SPDX-License-Identifier: Apache-2.0
#include "onnx/contrib/contrib.h"

#include "base/status.h"

namespace ferry::onnx {

void become(SourceNode& node, std::string_view op, std::initializer_list<ValueId> inputs) {
  node.op_type = op;
  node.domain.clear();
  node.inputs = inputs;
  node.attrs.clear();
}

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

ValueId Emitter::ints(std::initializer_list<int64_t> values) { return r_.ints(values); }

ValueId Emitter::fail(Status why) {
  if (status_.ok()) status_ = std::move(why);
  return kNone;
}

void Emitter::add(SourceNode node) {
  if (status_.ok()) status_ = r_.add_before(std::move(node));
}

ValueId Emitter::emit(SourceNode node, std::string_view op, std::initializer_list<ValueId> inputs) {
  if (!status_.ok()) return kNone;
  node.op_type = op;
  node.inputs = inputs;
  const ValueId output = r_.new_value();
  node.outputs = {output};
  add(std::move(node));
  return output;
}

ValueId Emitter::operator()(std::string_view op, std::initializer_list<ValueId> inputs,
                            Attrs attrs) {
  SourceNode node;
  for (const auto& [name, value] : attrs) node.set(name, value);
  return emit(std::move(node), op, inputs);
}

ValueId Emitter::with(std::string_view op, std::initializer_list<ValueId> inputs,
                      std::string_view name, AttrValue attribute) {
  SourceNode node;
  node.set(name, std::move(attribute));
  return emit(std::move(node), op, inputs);
}

ValueId Emitter::scalar(double value, DType type) {
  Result<ValueId> made = r_.scalar(value, type);
  return made.ok() ? *made : fail(std::move(made).status());
}

ValueId Emitter::cast(ValueId x, DType type) {
  return (*this)("Cast", {x}, {{"to", static_cast<int64_t>(type)}});
}

ValueId Emitter::size(ValueId x, int64_t axis) {
  if (axis == -1) return (*this)("Shape", {x}, {{"start", axis}});
  return (*this)("Shape", {x}, {{"start", axis}, {"end", axis + 1}});
}

ValueId Emitter::range(ValueId count) {
  const ValueId end = (*this)("Reshape", {count, ints({})});
  return (*this)("Range", {r_.scalar_int(0), end, r_.scalar_int(1)});
}

ValueId Emitter::transpose(ValueId x, std::vector<int64_t> perm) {
  return with("Transpose", {x}, "perm", std::move(perm));
}

std::vector<ValueId> Emitter::split(ValueId x, int64_t axis, const std::vector<int64_t>& sizes) {
  SourceNode node;
  node.op_type = "Split";
  node.inputs = {x, r_.ints(sizes)};
  node.set("axis", axis);
  for (size_t i = 0; i < sizes.size(); ++i) node.outputs.push_back(r_.new_value());
  std::vector<ValueId> outputs = node.outputs;
  add(std::move(node));
  return outputs;
}

}  // namespace ferry::onnx
