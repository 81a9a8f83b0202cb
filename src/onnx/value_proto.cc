// SPDX-License-Identifier: Apache-2.0
#include "onnx/value_proto.h"

#include <algorithm>

#include "base/status.h"
#include "onnx/tensor_proto.h"

namespace ferry::onnx {
namespace {

class ValueReader {
 public:
  ValueReader(Wire& wire, TensorReader& tensors) : wire_(wire), tensors_(tensors) {}

  Result<Value> read(std::string_view message, const Type& type, uint32_t depth = 0) {
    if (depth > wire_.limits().max_message_depth)
      return limit_exceeded("values are nested too deep");
    switch (type.kind) {
      case Type::Kind::kSequence:
        return sequence(message, depth);
      case Type::Kind::kMap:
        return map(message, depth);
      case Type::Kind::kOptional:
        return optional(message, depth);
      default:
        return tensor(message);
    }
  }

 private:
  Result<Value> tensor(std::string_view message) {
    FERRY_ASSIGN_OR_RETURN(Tensor t, tensors_.read(message));
    return Value(std::move(t));
  }

  Status append(Sequence& list, std::span<const std::string_view> messages, const Type& type,
                uint32_t depth) {
    for (std::string_view m : messages) {
      FERRY_ASSIGN_OR_RETURN(Value v, read(m, type, depth + 1));
      list.push_back(std::move(v));
    }
    return {};
  }

  // The elements of a SequenceProto, of whatever kind they are.
  Result<Sequence> elements(std::string_view message, uint32_t depth) {
    FERRY_ASSIGN_OR_RETURN(const SequenceProto proto, wire_.sequence(message));
    const Type inner = Type::tensor(DType::kUndefined);
    Sequence list;
    FERRY_RETURN_IF_ERROR(append(list, proto.tensors, inner, depth));
    FERRY_RETURN_IF_ERROR(append(list, proto.sequences, Type::sequence_of(inner), depth));
    FERRY_RETURN_IF_ERROR(append(list, proto.maps, Type::map_of(DType::kInt64, inner), depth));
    FERRY_RETURN_IF_ERROR(append(list, proto.optionals, Type::optional_of(inner), depth));
    return list;
  }

  Result<Value> sequence(std::string_view message, uint32_t depth) {
    FERRY_ASSIGN_OR_RETURN(Sequence list, elements(message, depth));
    return Value(std::move(list));
  }

  // OptionalProto has the fields of SequenceProto, each at most once.
  Result<Value> optional(std::string_view message, uint32_t depth) {
    FERRY_ASSIGN_OR_RETURN(Sequence list, elements(message, depth));
    return list.empty() ? Value() : std::move(list[0]);
  }

  Result<Value> map(std::string_view message, uint32_t depth) {
    FERRY_ASSIGN_OR_RETURN(const MapProto proto, wire_.map(message));
    Map map;
    if (!proto.string_keys.empty()) {
      const auto n = static_cast<int64_t>(proto.string_keys.size());
      FERRY_ASSIGN_OR_RETURN(map.keys, Tensor::allocate(DType::kString, {n}));
      std::copy(proto.string_keys.begin(), proto.string_keys.end(), map.keys.data<std::string>());
    } else {
      const auto n = static_cast<int64_t>(proto.keys.size());
      FERRY_ASSIGN_OR_RETURN(map.keys, Tensor::allocate(DType::kInt64, {n}));
      std::copy(proto.keys.begin(), proto.keys.end(), map.keys.data<int64_t>());
    }
    FERRY_ASSIGN_OR_RETURN(map.values, elements(proto.values, depth));
    if (map.values.size() != static_cast<size_t>(map.keys.count())) {
      return invalid_model("a map has {} keys and {} values", map.keys.count(), map.values.size());
    }
    return Value(std::move(map));
  }

  Wire& wire_;
  TensorReader& tensors_;
};

}  // namespace

Result<Value> read_value(std::span<const std::byte> bytes, const Type& type, const Limits& limits,
                         MemoryBudget* budget) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  Wire wire(text, limits);
  ExternalData none("", {}, {});
  TensorReader tensors(wire, nullptr, none, budget);
  return ValueReader(wire, tensors).read(text, type);
}

}  // namespace ferry::onnx
