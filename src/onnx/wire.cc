// SPDX-License-Identifier: Apache-2.0
#include "onnx/wire.h"

#include <algorithm>
#include <exception>
#include <iterator>

#include "base/status.h"
#include "onnx/wire_fields.h"

namespace ferry::onnx {

using wire_detail::append_fixed;
using wire_detail::append_varints;
using wire_detail::Fields;
using wire_detail::pbf_wire_type;
using wire_detail::WireError;
// Decodes messages of one file; keeps depth, the place for error messages, and the counts.
class Decoder {
 public:
  explicit Decoder(Wire& wire) : wire_(wire) {}

  // Runs `f`, which may throw decoder exceptions, and returns what happened as a Status.
  template <class F>
  Status run(F&& f) {
    try {
      f();
      return {};
    } catch (const WireError& e) {
      return e.status.with_context(where());
    } catch (const protozero::end_of_buffer_exception&) {
      return invalid_model("{}: the data ends early", where());
    } catch (const protozero::exception& e) {
      return invalid_model("{}: damaged data ({})", where(), e.what());
    }
  }

  void model(std::string_view message, ModelProto& out);
  void graph(std::string_view message, GraphProto& out);
  void node(std::string_view message, NodeProto& out);
  void attribute(std::string_view message, AttributeProto& out);
  void values(std::string_view message, AttributeValues& out);
  void function(std::string_view message, FunctionProto& out);
  void tensor(std::string_view message, TensorProto& out);
  void sparse_tensor(std::string_view message, SparseTensorProto& out);
  void sequence(std::string_view message, SequenceProto& out);
  void map(std::string_view message, MapProto& out);
  Type type(std::string_view message, const DimReader& dims);

 private:
  // Entering a message: its name and offset are those of the next error.
  struct Enter {
    Decoder& d;
    const char* old_name;
    std::string_view old_message;
    Enter(Decoder& decoder, const char* name, std::string_view message)
        : d(decoder), old_name(d.name_), old_message(d.message_) {
      d.name_ = name;
      d.message_ = message;
      if (++d.depth_ > d.wire_.limits_.max_message_depth) {
        throw WireError(limit_exceeded("messages are nested more than {} deep (max_message_depth)",
                                       d.wire_.limits_.max_message_depth));
      }
    }
    // The place of an error stays what it was when an exception passes.
    ~Enter() {
      --d.depth_;
      if (std::uncaught_exceptions() == 0) d.name_ = old_name, d.message_ = old_message;
    }
  };

  std::string where() const {
    const char* base = wire_.bytes_.data();
    const char* at = message_.data();
    if (at < base || at > base + wire_.bytes_.size()) return name_;
    return fmt::format("{} at byte {}", name_, at - base);
  }
  void count_value() { count(wire_.values_, wire_.limits_.max_values, "names", "max_values"); }
  void count_node() { count(wire_.nodes_, wire_.limits_.max_nodes, "nodes", "max_nodes"); }
  static void count(uint64_t& n, uint64_t limit, const char* what, const char* name) {
    if (++n <= limit) return;
    throw WireError(limit_exceeded("more than {} {} in the file ({})", limit, what, name));
  }
  std::string_view value_name(Fields& f) {
    count_value();
    return f.bytes();
  }
  void skim(std::string_view message, char kind);
  std::pair<std::string_view, std::string_view> pair(std::string_view message);
  OpsetImport opset(std::string_view message);
  ValueInfoProto value_info(std::string_view message);
  InitializerProto initializer(std::string_view message);
  InitializerProto sparse_initializer(std::string_view message);
  Type tensor_type(std::string_view message, const DimReader& dims);
  Shape shape(std::string_view message, const DimReader& dims);
  template <class T, class F>
  void append(std::vector<T>& list, std::string_view message, F decode) {
    list.emplace_back();
    (this->*decode)(message, list.back());
  }

  Wire& wire_;
  const char* name_ = "file";
  std::string_view message_;
  uint32_t depth_ = 0;
  uint32_t graph_depth_ = 0;
};

std::pair<std::string_view, std::string_view> Decoder::pair(std::string_view message) {
  const Enter enter(*this, "StringStringEntryProto", message);
  std::pair<std::string_view, std::string_view> p;
  for (Fields f(message); f.next();) {
    switch (f.tag()) {
      case 1:
        p.first = f.bytes();
        break;
      case 2:
        p.second = f.bytes();
        break;
      default:
        f.skip();
    }
  }
  return p;
}

namespace {

// Messages inside of those that nothing here needs: TrainingInfoProto, TensorAnnotation,
// NodeDeviceConfigurationProto, ShardingSpecProto, ShardedDimProto. '-' holds none.
struct Inner {
  char kind;
  uint32_t field;
  char inner;
};
constexpr Inner kInner[] = {{'T', 1, 'G'}, {'T', 2, 'G'}, {'T', 3, '-'},
                            {'T', 4, '-'}, {'A', 2, '-'}, {'D', 2, 'S'},
                            {'S', 3, '-'}, {'S', 4, 'H'}, {'H', 2, '-'}};

}  // namespace

// Damage shows in what is not read, too.
void Decoder::skim(std::string_view message, char kind) {
  if (kind == 'G') {
    GraphProto ignored;
    return graph(message, ignored);
  }
  const Enter enter(*this, "message", message);
  for (Fields f(message); f.next();) {
    const auto* inner = std::find_if(std::begin(kInner), std::end(kInner), [&](const Inner& i) {
      return i.kind == kind && i.field == f.tag();
    });
    if (inner == std::end(kInner)) {
      f.skip();
    } else {
      skim(f.bytes(), inner->inner);
    }
  }
}

OpsetImport Decoder::opset(std::string_view message) {
  const Enter enter(*this, "OperatorSetIdProto", message);
  OpsetImport o;
  for (Fields f(message); f.next();) {
    switch (f.tag()) {
      case 1:
        o.domain = f.bytes();
        break;
      case 2:
        o.version = f.varint();
        break;
      default:
        f.skip();
    }
  }
  return o;
}

ValueInfoProto Decoder::value_info(std::string_view message) {
  const Enter enter(*this, "ValueInfoProto", message);
  count_value();
  ValueInfoProto v;
  for (Fields f(message); f.next();) {
    switch (f.tag()) {
      case 1:
        v.name = f.bytes();
        break;
      case 2:
        v.type = f.bytes();
        break;
      default:
        f.skip();
    }
  }
  return v;
}

InitializerProto Decoder::initializer(std::string_view message) {
  const Enter enter(*this, "TensorProto", message);
  count_value();
  InitializerProto out{{}, message};
  for (Fields f(message); f.next();) {
    if (f.tag() == 8)
      out.name = f.bytes();
    else
      f.skip();
  }
  return out;
}

InitializerProto Decoder::sparse_initializer(std::string_view message) {
  const Enter enter(*this, "SparseTensorProto", message);
  InitializerProto out{{}, message};
  for (Fields f(message); f.next();) {
    if (f.tag() == 1)
      out.name = initializer(f.bytes()).name;
    else
      f.skip();
  }
  return out;
}

void Decoder::model(std::string_view message, ModelProto& out) {
  const Enter enter(*this, "ModelProto", message);
  for (Fields f(message); f.next();) {
    switch (f.tag()) {
      case 1:
        out.ir_version = f.varint();
        break;
      case 2:
        out.producer_name = f.bytes();
        break;
      case 3:
        out.producer_version = f.bytes();
        break;
      case 4:
        out.domain = f.bytes();
        break;
      case 5:
        out.model_version = f.varint();
        break;
      case 6:
        out.doc = f.bytes();
        break;
      case 7: {
        const std::string_view graph_message = f.bytes();
        if (!out.graph) out.graph = std::make_unique<GraphProto>();
        graph(graph_message, *out.graph);
        break;
      }
      case 8:
        out.opsets.push_back(opset(f.bytes()));
        break;
      case 14:
        out.metadata.push_back(pair(f.bytes()));
        break;
      case 25:
        append(out.functions, f.bytes(), &Decoder::function);
        break;
      case 20:
        skim(f.bytes(), 'T');
        break;
      case 26:
        skim(f.bytes(), '-');
        break;
      default:
        f.skip();
    }
  }
}

void Decoder::graph(std::string_view message, GraphProto& out) {
  const Enter enter(*this, "GraphProto", message);
  if (++graph_depth_ > wire_.limits_.max_graph_depth) {
    throw WireError(limit_exceeded("graphs are nested more than {} deep (max_graph_depth)",
                                   wire_.limits_.max_graph_depth));
  }
  for (Fields f(message); f.next();) {
    switch (f.tag()) {
      case 1:
        append(out.nodes, f.bytes(), &Decoder::node);
        break;
      case 2:
        out.name = f.bytes();
        break;
      case 5:
        out.initializers.push_back(initializer(f.bytes()));
        break;
      case 10:
        out.doc = f.bytes();
        break;
      case 11:
        out.inputs.push_back(value_info(f.bytes()));
        break;
      case 12:
        out.outputs.push_back(value_info(f.bytes()));
        break;
      case 13:
        out.value_info.push_back(value_info(f.bytes()));
        break;
      case 15:
        out.sparse_initializers.push_back(sparse_initializer(f.bytes()));
        break;
      case 14:
        skim(f.bytes(), 'A');
        break;
      case 16:
        skim(f.bytes(), '-');
        break;
      default:
        f.skip();
    }
  }
  --graph_depth_;
}

void Decoder::node(std::string_view message, NodeProto& out) {
  const Enter enter(*this, "NodeProto", message);
  count_node();
  for (Fields f(message); f.next();) {
    switch (f.tag()) {
      case 1:
        out.inputs.push_back(value_name(f));
        break;
      case 2:
        out.outputs.push_back(value_name(f));
        break;
      case 3:
        out.name = f.bytes();
        break;
      case 4:
        out.op_type = f.bytes();
        break;
      case 5:
        append(out.attributes, f.bytes(), &Decoder::attribute);
        break;
      case 6:
        out.doc = f.bytes();
        break;
      case 7:
        out.domain = f.bytes();
        break;
      case 8:
        out.overload = f.bytes();
        break;
      case 9:
        out.metadata.push_back(pair(f.bytes()));
        break;
      case 10:
        skim(f.bytes(), 'D');
        break;
      default:
        f.skip();
    }
  }
}

void Decoder::attribute(std::string_view message, AttributeProto& out) {
  const Enter enter(*this, "AttributeProto", message);
  count_value();
  out.message = message;
  // The type that the field with this number implies, for files that state none.
  AttributeType implied = AttributeType::kUndefined;
  for (Fields f(message); f.next();) {
    switch (f.tag()) {
      case 1:
        out.name = f.bytes();
        continue;
      case 20:
        out.type = static_cast<AttributeType>(f.varint());
        out.type_stated = out.type != AttributeType::kUndefined;
        continue;
      case 21:
        out.ref_attr_name = f.bytes();
        continue;
      case 2:
        implied = AttributeType::kFloat;
        break;
      case 3:
        implied = AttributeType::kInt;
        break;
      case 4:
        implied = AttributeType::kString;
        break;
      case 5:
        implied = AttributeType::kTensor;
        break;
      case 7:
        implied = AttributeType::kFloats;
        break;
      case 8:
        implied = AttributeType::kInts;
        break;
      case 9:
        implied = AttributeType::kStrings;
        break;
      case 10:
        implied = AttributeType::kTensors;
        break;
      case 14:
        implied = AttributeType::kType;
        break;
      case 15:
        implied = AttributeType::kTypes;
        break;
      case 22:
        implied = AttributeType::kSparseTensor;
        break;
      case 23:
        implied = AttributeType::kSparseTensors;
        break;
      case 6:
      case 11:
        implied = f.tag() == 6 ? AttributeType::kGraph : AttributeType::kGraphs;
        {
          auto nested = std::make_shared<GraphProto>();
          graph(f.bytes(), *nested);
          out.graphs.push_back(std::move(nested));
        }
        out.value_fields |= 1u << static_cast<uint32_t>(implied);
        continue;
      default:
        f.skip();
        continue;
    }
    out.value_fields |= 1u << static_cast<uint32_t>(implied);
    f.skip();
  }
  if (out.type == AttributeType::kUndefined) out.type = implied;
}

void Decoder::values(std::string_view message, AttributeValues& out) {
  const Enter enter(*this, "AttributeProto", message);
  for (Fields f(message); f.next();) {
    switch (f.tag()) {
      case 2:
        out.f = f.fixed_float();
        break;
      case 3:
        out.i = f.varint();
        break;
      case 4:
        out.s = f.bytes();
        break;
      case 5:
      case 10:
        out.tensors.push_back(f.bytes());
        break;
      case 7:
        append_fixed(f.elements(pbf_wire_type::fixed32), out.floats);
        break;
      case 8:
        append_varints(f.elements(pbf_wire_type::varint), out.ints);
        break;
      case 9:
        out.strings.push_back(f.bytes());
        break;
      case 14:
      case 15:
        out.types.push_back(f.bytes());
        break;
      case 22:
      case 23:
        out.sparse_tensors.push_back(f.bytes());
        break;
      default:
        f.skip();
    }
  }
}

void Decoder::function(std::string_view message, FunctionProto& out) {
  const Enter enter(*this, "FunctionProto", message);
  count_value();
  for (Fields f(message); f.next();) {
    switch (f.tag()) {
      case 1:
        out.name = f.bytes();
        break;
      case 4:
        out.inputs.push_back(value_name(f));
        break;
      case 5:
        out.outputs.push_back(value_name(f));
        break;
      case 6:
        out.attributes.push_back(f.bytes());
        break;
      case 7:
        append(out.nodes, f.bytes(), &Decoder::node);
        break;
      case 9:
        out.opsets.push_back(opset(f.bytes()));
        break;
      case 10:
        out.domain = f.bytes();
        break;
      case 11:
        append(out.attribute_defaults, f.bytes(), &Decoder::attribute);
        break;
      case 13:
        out.overload = f.bytes();
        break;
      case 12:
        value_info(f.bytes());
        break;
      case 14:
        skim(f.bytes(), '-');
        break;
      default:
        f.skip();  // 8 doc_string
    }
  }
}

void Decoder::tensor(std::string_view message, TensorProto& out) {
  const Enter enter(*this, "TensorProto", message);
  for (Fields f(message); f.next();) {
    switch (f.tag()) {
      case 1:
        append_varints(f.elements(pbf_wire_type::varint), out.dims);
        if (out.dims.size() > wire_.limits_.max_rank) {
          throw WireError(limit_exceeded("a tensor of rank {}, the limit is {} (max_rank)",
                                         out.dims.size(), wire_.limits_.max_rank));
        }
        break;
      case 2:
        out.data_type = static_cast<int32_t>(f.varint());
        break;
      case 3:
        out.has_segment = true, f.skip();
        break;
      case 4:
        out.float_data.push_back(f.elements(pbf_wire_type::fixed32));
        break;
      case 5:
        out.int32_data.push_back(f.elements(pbf_wire_type::varint));
        break;
      case 6:
        out.string_data.push_back(f.bytes());
        break;
      case 7:
        out.int64_data.push_back(f.elements(pbf_wire_type::varint));
        break;
      case 8:
        out.name = f.bytes();
        break;
      case 9:
        out.raw = f.bytes();
        break;
      case 10:
        out.double_data.push_back(f.elements(pbf_wire_type::fixed64));
        break;
      case 11:
        out.uint64_data.push_back(f.elements(pbf_wire_type::varint));
        break;
      case 13:
        out.external_data.push_back(pair(f.bytes()));
        break;
      case 14:
        out.external = f.varint() == 1;
        break;
      default:
        f.skip();
    }
  }
}

void Decoder::sparse_tensor(std::string_view message, SparseTensorProto& out) {
  const Enter enter(*this, "SparseTensorProto", message);
  for (Fields f(message); f.next();) {
    switch (f.tag()) {
      case 1:
        out.values = f.bytes();
        break;
      case 2:
        out.indices = f.bytes();
        break;
      case 3:
        append_varints(f.elements(pbf_wire_type::varint), out.dims);
        break;
      default:
        f.skip();
    }
  }
}

void Decoder::sequence(std::string_view message, SequenceProto& out) {
  const Enter enter(*this, "SequenceProto", message);
  for (Fields f(message); f.next();) {
    switch (f.tag()) {
      case 2:
        out.element_kind = static_cast<int32_t>(f.varint());
        break;
      case 3:
        out.tensors.push_back(f.bytes());
        break;
      case 5:
        out.sequences.push_back(f.bytes());
        break;
      case 6:
        out.maps.push_back(f.bytes());
        break;
      case 7:
        out.optionals.push_back(f.bytes());
        break;
      default:
        f.skip();
    }
  }
}

void Decoder::map(std::string_view message, MapProto& out) {
  const Enter enter(*this, "MapProto", message);
  for (Fields f(message); f.next();) {
    switch (f.tag()) {
      case 2:
        out.key_type = static_cast<int32_t>(f.varint());
        break;
      case 3:
        append_varints(f.elements(pbf_wire_type::varint), out.keys);
        break;
      case 4:
        out.string_keys.push_back(f.bytes());
        break;
      case 5:
        out.values = f.bytes();
        break;
      default:
        f.skip();
    }
  }
}

Shape Decoder::shape(std::string_view message, const DimReader& dims) {
  const Enter enter(*this, "TensorShapeProto", message);
  Shape out;
  for (Fields f(message); f.next();) {
    if (f.tag() != 1) {
      f.skip();
      continue;
    }
    std::optional<int64_t> value;
    std::string_view param;
    for (Fields d(f.bytes()); d.next();) {
      switch (d.tag()) {
        case 1:
          value = d.varint();
          break;
        case 2:
          param = d.bytes();
          break;
        default:
          d.skip();
      }
    }
    if (out.size() >= wire_.limits_.max_rank) {
      throw WireError(limit_exceeded("a shape of rank over {} (max_rank)", wire_.limits_.max_rank));
    }
    out.push_back(dims(out.size(), value, param));
  }
  return out;
}

static DType element_type(int64_t code) {
  if (code < 0 || code >= kNumDTypes) {
    throw WireError(unsupported_type("element type {} is not known", code));
  }
  return static_cast<DType>(code);
}

Type Decoder::tensor_type(std::string_view message, const DimReader& dims) {
  const Enter enter(*this, "TypeProto.Tensor", message);
  Type t = Type::tensor(DType::kUndefined);
  for (Fields f(message); f.next();) {
    switch (f.tag()) {
      case 1:
        t.dtype = element_type(f.varint());
        break;
      case 2:
        t.shape = shape(f.bytes(), dims);
        break;
      default:
        f.skip();
    }
  }
  return t;
}

Type Decoder::type(std::string_view message, const DimReader& dims) {
  const Enter enter(*this, "TypeProto", message);
  // The element type of a Sequence or Optional: field 1 of the nested message.
  const auto element = [&](std::string_view nested) {
    Type t;
    for (Fields f(nested); f.next();) {
      if (f.tag() == 1)
        t = type(f.bytes(), dims);
      else
        f.skip();
    }
    return t;
  };
  Type t;
  for (Fields f(message); f.next();) {
    switch (f.tag()) {
      case 1:
        t = tensor_type(f.bytes(), dims);
        break;
      case 4:
        t = Type::sequence_of(element(f.bytes()));
        break;
      case 9:
        t = Type::optional_of(element(f.bytes()));
        break;
      case 5: {
        DType key = DType::kUndefined;
        Type value;
        for (Fields m(f.bytes()); m.next();) {
          if (m.tag() == 1)
            key = element_type(m.varint());
          else if (m.tag() == 2)
            value = type(m.bytes(), dims);
          else
            m.skip();
        }
        t = Type::map_of(key, std::move(value));
        break;
      }
      case 7:
        throw WireError(unsupported_type("opaque types are not supported"));
      case 8:
        throw WireError(unsupported_type("sparse tensor types are not supported"));
      default:
        f.skip();
    }
  }
  return t;
}

namespace {

template <class T, class F>
Result<T> decode(Wire& wire, F&& f) {
  T out;
  Decoder decoder(wire);
  FERRY_RETURN_IF_ERROR(decoder.run([&] { f(decoder, out); }));
  return out;
}

}  // namespace

Result<ModelProto> Wire::model() {
  return decode<ModelProto>(*this, [&](Decoder& d, ModelProto& out) { d.model(bytes_, out); });
}
Result<AttributeValues> Wire::values(const AttributeProto& a) {
  return decode<AttributeValues>(
      *this, [&](Decoder& d, AttributeValues& out) { d.values(a.message, out); });
}
Result<TensorProto> Wire::tensor(std::string_view message) {
  return decode<TensorProto>(*this, [&](Decoder& d, TensorProto& out) { d.tensor(message, out); });
}
Result<SparseTensorProto> Wire::sparse_tensor(std::string_view message) {
  return decode<SparseTensorProto>(
      *this, [&](Decoder& d, SparseTensorProto& out) { d.sparse_tensor(message, out); });
}
Result<Type> Wire::type(std::string_view message, const DimReader& dims) {
  return decode<Type>(*this, [&](Decoder& d, Type& out) { out = d.type(message, dims); });
}
Result<SequenceProto> Wire::sequence(std::string_view message) {
  return decode<SequenceProto>(*this,
                               [&](Decoder& d, SequenceProto& out) { d.sequence(message, out); });
}
Result<MapProto> Wire::map(std::string_view message) {
  return decode<MapProto>(*this, [&](Decoder& d, MapProto& out) { d.map(message, out); });
}

}  // namespace ferry::onnx
