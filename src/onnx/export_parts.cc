// SPDX-License-Identifier: Apache-2.0
#include "onnx/export_parts.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/status.h"
#include "onnx/wire.h"

namespace ferry::onnx {
namespace {

using protozero::pbf_writer;

constexpr uint64_t kSmallAlignment = 64;
constexpr uint64_t kLargeAlignment = 64 << 10;

void write_dim(pbf_writer& parent, const Dim& d) {
  // The writer leaves out messages without content; this one says "some size".
  if (d.is_invalid()) return parent.add_message(1, "", 0);
  pbf_writer w(parent, 1);
  if (d.is_constant())
    w.add_int64(1, d.constant());
  else
    w.add_string(2, d.to_string());
}

void write_shape(pbf_writer& parent, const Shape& shape) {
  // And this one "rank 0".
  if (shape.empty()) return parent.add_message(2, "", 0);
  pbf_writer w(parent, 2);
  for (const Dim& d : shape) write_dim(w, d);
}

struct AttributeWriter {
  pbf_writer& w;

  void type(AttributeType t) const { w.add_int32(20, static_cast<int32_t>(t)); }

  Status operator()(int64_t v) const {
    w.add_int64(3, v);
    type(AttributeType::kInt);
    return {};
  }
  Status operator()(float v) const {
    w.add_float(2, v);
    type(AttributeType::kFloat);
    return {};
  }
  Status operator()(const std::string& v) const {
    w.add_bytes(4, v);
    type(AttributeType::kString);
    return {};
  }
  Status operator()(const Tensor& v) const {
    type(AttributeType::kTensor);
    pbf_writer t(w, 5);
    return write_tensor(t, v, "", nullptr);
  }
  Status operator()(const Type& v) const {
    type(AttributeType::kType);
    pbf_writer t(w, 14);
    write_type(t, v);
    return {};
  }
  Status operator()(const std::vector<int64_t>& v) const {
    for (int64_t x : v) w.add_int64(8, x);
    type(AttributeType::kInts);
    return {};
  }
  Status operator()(const std::vector<float>& v) const {
    for (float x : v) w.add_float(7, x);
    type(AttributeType::kFloats);
    return {};
  }
  Status operator()(const std::vector<std::string>& v) const {
    for (const std::string& x : v) w.add_bytes(9, x);
    type(AttributeType::kStrings);
    return {};
  }
  Status operator()(const std::vector<Tensor>& v) const {
    type(AttributeType::kTensors);
    for (const Tensor& x : v) {
      pbf_writer t(w, 10);
      FERRY_RETURN_IF_ERROR(write_tensor(t, x, "", nullptr));
    }
    return {};
  }
};

// The inference of onnx takes an absent `onesided` of STFT for 0, the standard takes it for 1; an
// absent `n_targets` is 1 to the standard, onnxruntime refuses it.
bool is_always_written(const OpDef& def, const AttrBinding& binding) {
  return binding.required || (def.name == "STFT" && binding.name == "onesided") ||
         binding.name == "n_targets";
}

}  // namespace

Status WeightFile::open() { return out_.open(path_).with_context(path_); }

Result<uint64_t> WeightFile::append(const Tensor& tensor) {
  const uint64_t bytes = tensor.size_bytes();
  const uint64_t alignment = bytes >= kLargeAlignment ? kLargeAlignment : kSmallAlignment;
  const uint64_t offset = (size_ + alignment - 1) / alignment * alignment;
  const std::string padding(offset - size_, '\0');
  Status status = out_.write(padding.data(), padding.size());
  if (status.ok()) status = out_.write(tensor.raw(), bytes);
  if (!status.ok()) return std::move(status).with_context(path_);
  size_ = offset + bytes;
  return offset;
}

void write_pair(pbf_writer& parent, uint32_t tag, const std::string& key,
                const std::string& value) {
  pbf_writer w(parent, tag);
  w.add_string(1, key);
  w.add_string(2, value);
}

Status write_tensor(pbf_writer& w, const Tensor& tensor, const std::string& name,
                    WeightFile* weights) {
  for (int64_t d : tensor.dims()) w.add_int64(1, d);
  w.add_int32(2, static_cast<int32_t>(tensor.dtype()));
  if (tensor.dtype() == DType::kString) {
    for (const std::string& s : tensor.elements<std::string>()) w.add_bytes(6, s);
  }
  if (!name.empty()) w.add_string(8, name);
  if (tensor.dtype() == DType::kString) return {};
  if (weights == nullptr || !weights->takes(tensor)) {
    w.add_bytes(9, static_cast<const char*>(tensor.raw()), tensor.size_bytes());
    return {};
  }
  FERRY_ASSIGN_OR_RETURN(const uint64_t offset, weights->append(tensor));
  write_pair(w, 13, "location", weights->name());
  write_pair(w, 13, "offset", std::to_string(offset));
  write_pair(w, 13, "length", std::to_string(tensor.size_bytes()));
  w.add_int32(14, 1);
  return {};
}

void write_type(pbf_writer& w, const Type& type) {
  switch (type.kind) {
    case Type::Kind::kTensor: {
      pbf_writer t(w, 1);
      t.add_int32(1, static_cast<int32_t>(type.dtype));
      if (type.shape) write_shape(t, *type.shape);
      return;
    }
    case Type::Kind::kSequence:
    case Type::Kind::kOptional: {
      pbf_writer s(w, type.kind == Type::Kind::kSequence ? 4 : 9);
      pbf_writer element(s, 1);
      write_type(element, *type.element);
      return;
    }
    case Type::Kind::kMap: {
      pbf_writer m(w, 5);
      m.add_int32(1, static_cast<int32_t>(type.dtype));
      pbf_writer element(m, 2);
      write_type(element, *type.element);
      return;
    }
    case Type::Kind::kUnknown:
      return;
  }
}

void write_value_info(pbf_writer& parent, uint32_t tag, const std::string& name, const Type& type) {
  pbf_writer w(parent, tag);
  w.add_string(1, name);
  if (type.kind == Type::Kind::kUnknown) return;
  pbf_writer t(w, 2);
  write_type(t, type);
}

Status write_attributes(pbf_writer& parent, const Op& op, const NodeForm& form) {
  const auto write = [&](const std::string& name, const AttrValue& value) -> Status {
    pbf_writer w(parent, 5);
    w.add_string(1, name);
    return std::visit(AttributeWriter{w}, value).with_context(name);
  };
  const std::shared_ptr<void> defaults = op.def().make();
  for (const AttrBinding& binding : op.def().attrs) {
    const auto value = binding.get(op.attrs());
    if (!value) continue;
    const auto standard = binding.get(defaults.get());
    const bool is_default = standard && equal(*value, *standard);
    if (is_default && !is_always_written(op.def(), binding)) continue;
    const auto& dropped = form.dropped;
    if (std::find(dropped.begin(), dropped.end(), binding.name) != dropped.end()) continue;
    FERRY_RETURN_IF_ERROR(write(binding.name, *value));
  }
  for (const auto& [name, value] : form.added) FERRY_RETURN_IF_ERROR(write(name, value));
  return {};
}

}  // namespace ferry::onnx
