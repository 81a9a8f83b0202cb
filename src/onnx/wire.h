// SPDX-License-Identifier: Apache-2.0
// Decodes the ONNX wire format (protocol buffers) into plain structs that view the file's bytes.
//
// Graphs and nodes are decoded at once; tensors, types and attribute values when asked for, so that
// loading touches no weight twice. Every error names the message and its offset in the file.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "ferry/limits.h"
#include "ferry/status.h"
#include "tensor/type.h"

namespace ferry::onnx {

using StringPairs = std::vector<std::pair<std::string_view, std::string_view>>;

struct GraphProto;

enum class AttributeType : int32_t {
  kUndefined = 0,
  kFloat = 1,
  kInt = 2,
  kString = 3,
  kTensor = 4,
  kGraph = 5,
  kFloats = 6,
  kInts = 7,
  kStrings = 8,
  kTensors = 9,
  kGraphs = 10,
  kSparseTensor = 11,
  kSparseTensors = 12,
  kType = 13,
  kTypes = 14,
};

struct AttributeProto {
  std::string_view name, ref_attr_name;
  AttributeType type = AttributeType::kUndefined;  // from the fields present when not stated
  bool type_stated = false;
  uint32_t value_fields = 0;                       // kinds of values present, as bits of their type
  std::string_view message;                        // the whole message, for values()
  std::vector<std::shared_ptr<const GraphProto>> graphs;
};

// The values of an attribute; only the fields that its type names are of interest.
struct AttributeValues {
  std::optional<float> f;
  std::optional<int64_t> i;
  std::optional<std::string_view> s;
  std::vector<float> floats;
  std::vector<int64_t> ints;
  std::vector<std::string_view> strings;
  std::vector<std::string_view> tensors, sparse_tensors, types;  // messages; single values too
};

struct NodeProto {
  std::string_view name, op_type, domain, overload, doc;
  std::vector<std::string_view> inputs, outputs;
  std::vector<AttributeProto> attributes;
  StringPairs metadata;
  bool newest = false;  // made by an upgrade: already of the newest version
};

struct ValueInfoProto {
  std::string_view name;
  std::string_view type;  // message; empty: none
};

struct InitializerProto {
  std::string_view name;
  std::string_view message;  // TensorProto or SparseTensorProto
};

struct GraphProto {
  std::string_view name, doc;
  std::vector<NodeProto> nodes;
  std::vector<ValueInfoProto> inputs, outputs, value_info;
  std::vector<InitializerProto> initializers, sparse_initializers;
};

struct OpsetImport {
  std::string_view domain;
  int64_t version = 0;
};

struct FunctionProto {
  std::string_view name, domain, overload;
  std::vector<std::string_view> inputs, outputs, attributes;
  std::vector<AttributeProto> attribute_defaults;
  std::vector<NodeProto> nodes;
  std::vector<OpsetImport> opsets;
};

struct ModelProto {
  int64_t ir_version = 0, model_version = 0;
  std::string_view producer_name, producer_version, domain, doc;
  std::vector<OpsetImport> opsets;
  std::unique_ptr<GraphProto> graph;  // null: none in the file
  std::vector<FunctionProto> functions;
  StringPairs metadata;
};

// Typed data is kept encoded: the pieces of the packed field, or single elements.
struct TensorProto {
  std::vector<int64_t> dims;
  int32_t data_type = 0;
  std::string_view name;
  bool has_segment = false;
  bool external = false;
  StringPairs external_data;
  std::optional<std::string_view> raw;
  std::vector<std::string_view> float_data, int32_data, int64_data, double_data, uint64_data;
  std::vector<std::string_view> string_data;
};

struct SparseTensorProto {
  std::string_view values, indices;  // messages
  std::vector<int64_t> dims;
};

// SequenceProto, MapProto and OptionalProto of the files that hold test data.
struct SequenceProto {
  int32_t element_kind = 0;
  std::vector<std::string_view> tensors, sequences, maps, optionals;
};
struct MapProto {
  int32_t key_type = 0;
  std::vector<int64_t> keys;
  std::vector<std::string_view> string_keys;
  std::string_view values;
};

// Gives a dimension of a type its expression: `value` or `param` or neither is set in the file.
using DimReader =
    std::function<Dim(size_t axis, std::optional<int64_t> value, std::string_view param)>;

class Wire {
 public:
  // `bytes` must outlive everything decoded.
  Wire(std::string_view bytes, const Limits& limits) : bytes_(bytes), limits_(limits) {}

  // Errors of all: kInvalidModel (damaged), kLimitExceeded.
  Result<ModelProto> model();
  Result<AttributeValues> values(const AttributeProto& attribute);
  Result<TensorProto> tensor(std::string_view message);
  Result<SparseTensorProto> sparse_tensor(std::string_view message);
  Result<Type> type(std::string_view message, const DimReader& dims);
  Result<SequenceProto> sequence(std::string_view message);
  Result<MapProto> map(std::string_view message);

  std::string_view bytes() const { return bytes_; }
  const Limits& limits() const { return limits_; }
  uint64_t num_nodes() const { return nodes_; }

 private:
  friend class Decoder;
  std::string_view bytes_;
  Limits limits_;
  uint64_t nodes_ = 0, values_ = 0;
};

// Decodes the pieces of a packed field; stops with an error at a damaged one.
// Errors: kInvalidModel, also when there are not exactly out.size() elements.
Status unpack(std::span<const std::string_view> pieces, std::span<float> out);
Status unpack(std::span<const std::string_view> pieces, std::span<double> out);
Status unpack(std::span<const std::string_view> pieces, std::span<int64_t> out);
Status unpack(std::span<const std::string_view> pieces, std::span<uint64_t> out);
Status unpack(std::span<const std::string_view> pieces, std::span<int32_t> out);

}  // namespace ferry::onnx
