// SPDX-License-Identifier: Apache-2.0
#include "ir/print.h"

#include <array>

#include "base/status.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

constexpr std::array<std::string_view, kNumDTypes> kOnnxNames = {
    "undefined",      "float",    "uint8",        "int8",           "uint16",
    "int16",          "int32",    "int64",        "string",         "bool",
    "float16",        "double",   "uint32",       "uint64",         "complex64",
    "complex128",     "bfloat16", "float8e4m3fn", "float8e4m3fnuz", "float8e5m2",
    "float8e5m2fnuz", "uint4",    "int4",         "float4e2m1",     "float8e8m0",
    "uint2",          "int2"};

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out + "\"";
}

std::string elements(const Tensor& t, size_t limit) {
  if (t.dtype() == DType::kString) {
    if (static_cast<size_t>(t.count()) > limit) return "{...}";
    std::string text = "{";
    for (int64_t i = 0; i < t.count(); ++i) {
      text += (i > 0 ? ", " : "") + quoted(t.data<std::string>()[i]);
    }
    return text + "}";
  }
  std::string text = "{...}";
  if (static_cast<size_t>(t.count()) > limit) return text;
  const Status numbers = visit_numeric(t.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    text = "{";
    for (int64_t i = 0; i < t.count(); ++i) {
      const auto x = static_cast<compute_t<T>>(t.data<T>()[i]);
      text += (i > 0 ? ", " : "") + fmt::format("{}", +x);
    }
    text += "}";
    return {};
  });
  if (!numbers.ok() && t.dtype() == DType::kBool) {
    text = "{";
    for (int64_t i = 0; i < t.count(); ++i) {
      text += fmt::format("{}{}", i > 0 ? ", " : "", t.data<bool>()[i] ? 1 : 0);
    }
    text += "}";
  }
  return text;
}

struct AttrPrinter {
  const PrintOptions& options;

  std::string operator()(int64_t v) const { return fmt::format("{}", v); }
  // Floats keep a point, so that they read as floats.
  std::string operator()(float v) const {
    std::string text = fmt::format("{}", v);
    if (text.find_first_of(".en") == std::string::npos) text += ".0";
    return text;
  }
  std::string operator()(const std::string& v) const { return quoted(v); }
  std::string operator()(const Tensor& t) const {
    return onnx_text(Type::tensor(t.dtype(), shape_of(t.dims()))) + " " +
           elements(t, options.max_elements);
  }
  std::string operator()(const Type& t) const { return onnx_text(t); }
  template <class T>
  std::string operator()(const std::vector<T>& values) const {
    std::string text = "[";
    for (size_t i = 0; i < values.size(); ++i) {
      if (i >= 4 * options.max_elements) return text + ", ...]";
      text += (i > 0 ? ", " : "") + (*this)(values[i]);
    }
    return text + "]";
  }
};

std::string value_name(const Graph& graph, ValueId v) {
  return v == kNone ? "" : graph.value(v).name;
}

class Printer {
 public:
  explicit Printer(const PrintOptions& options) : options_(options) {}

  std::string graph(const Graph& g, const std::string& pad) const {
    std::string text = (g.name.empty() ? "graph" : g.name) + " (" + typed(g, g.inputs()) +
                       ") => (" + typed(g, g.outputs()) + ")\n";
    std::string constants;
    for (ValueId v = 0; v < g.num_values(); ++v) {
      const GraphValue& value = g.value(v);
      if (!value.constant || (value.users.empty() && !g.is_output(v))) continue;
      constants += fmt::format("{}{} {} = {}", constants.empty() ? "" : ",\n" + pad + " ",
                               onnx_text(value.type), value.name,
                               elements(*value.constant, options_.max_elements));
    }
    if (!constants.empty()) text += pad + "<" + constants + ">\n";
    text += pad + "{\n";
    for (NodeId id : g.order()) {
      const Node& n = g.node(id);
      text += pad + "  " + node(g, n) + "\n";
      for (size_t i = 0; i < n.bodies.size(); ++i) {
        text += pad + "    " + n.op.def().bodies[i] + " = " + graph(*n.bodies[i], pad + "    ");
      }
    }
    return text + pad + "}\n";
  }

  std::string node(const Graph& g, const Node& n) const {
    std::string text;
    for (size_t i = 0; i < n.outputs.size(); ++i) {
      text += (i > 0 ? ", " : "") + value_name(g, n.outputs[i]);
      if (options_.types && n.outputs[i] != kNone) {
        text += ": " + onnx_text(g.value(n.outputs[i]).type);
      }
    }
    text += " = " + n.op.def().full_name() + attrs(n.op) + " (";
    for (size_t i = 0; i < n.inputs.size(); ++i) {
      if (i > 0) text += i == n.num_own_inputs() ? "; " : ", ";
      text += value_name(g, n.inputs[i]);
    }
    return text + ")";
  }

 private:
  static std::string typed(const Graph& g, const std::vector<ValueId>& values) {
    std::string text;
    for (ValueId v : values) {
      text += (text.empty() ? "" : ", ") + onnx_text(g.value(v).type) + " " + g.value(v).name;
    }
    return text;
  }

  // Attributes at their defaults are left out.
  std::string attrs(const Op& op) const {
    std::string text;
    const std::shared_ptr<void> defaults = op.def().make();
    for (const AttrBinding& binding : op.def().attrs) {
      const auto value = binding.get(op.attrs());
      if (!value) continue;
      const auto standard = binding.get(defaults.get());
      if (!binding.required && standard && equal(*value, *standard)) continue;
      text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", binding.name,
                          std::visit(AttrPrinter{options_}, *value));
    }
    return text.empty() ? "" : " <" + text + ">";
  }

  const PrintOptions& options_;
};

}  // namespace

std::string onnx_text(const Type& type) {
  switch (type.kind) {
    case Type::Kind::kUnknown:
      return "unknown";
    case Type::Kind::kSequence:
      return "seq(" + onnx_text(*type.element) + ")";
    case Type::Kind::kOptional:
      return "optional(" + onnx_text(*type.element) + ")";
    case Type::Kind::kMap:
      return fmt::format("map({}, {})", kOnnxNames[static_cast<size_t>(type.dtype)],
                         onnx_text(*type.element));
    case Type::Kind::kTensor:
      break;
  }
  std::string text(kOnnxNames[static_cast<size_t>(type.dtype)]);
  if (!type.shape) return text + "[]";
  if (type.shape->empty()) return text;
  text += "[";
  for (size_t i = 0; i < type.shape->size(); ++i) {
    text += (i > 0 ? ", " : "") + (*type.shape)[i].to_string();
  }
  return text + "]";
}

std::string to_text(const Graph& graph, const PrintOptions& options) {
  return Printer(options).graph(graph, "");
}

std::string to_text(const Graph& graph, const Node& node, const PrintOptions& options) {
  return Printer(options).node(graph, node);
}

}  // namespace ferry
