// SPDX-License-Identifier: Apache-2.0
#include "onnx/test_model.h"

#include <cstring>
#include <protozero/pbf_writer.hpp>

namespace ferry::onnx::proto {
namespace {

using protozero::pbf_writer;

template <class F>
std::string message(F&& fill) {
  std::string bytes;
  pbf_writer w(bytes);
  fill(w);
  return bytes;
}

std::string attribute(const std::string& name, int type) {
  return message([&](pbf_writer& w) {
    w.add_string(1, name);
    w.add_int32(20, type);
  });
}

void add_all(pbf_writer& w, uint32_t tag, const Messages& messages) {
  for (const std::string& m : messages) w.add_message(tag, m);
}

std::string pair(const std::string& key, const std::string& value) {
  return message([&](pbf_writer& w) {
    w.add_string(1, key);
    w.add_string(2, value);
  });
}

std::string opset(const std::string& domain, int64_t version) {
  return message([&](pbf_writer& w) {
    w.add_string(1, domain);
    w.add_int64(2, version);
  });
}

std::string tensor_head(const std::string& name, const std::vector<int64_t>& dims, int type) {
  return message([&](pbf_writer& w) {
    for (int64_t d : dims) w.add_int64(1, d);
    w.add_int32(2, type);
    w.add_string(8, name);
  });
}

template <class T>
std::string raw_bytes(const std::vector<T>& data) {
  std::string raw(data.size() * sizeof(T), '\0');
  if (!data.empty()) std::memcpy(raw.data(), data.data(), raw.size());
  return raw;
}

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("-0123456789") == std::string::npos;
}

}  // namespace

std::string int_attr(const std::string& name, int64_t value) {
  std::string m = attribute(name, 2);
  pbf_writer(m).add_int64(3, value);
  return m;
}
std::string float_attr(const std::string& name, float value) {
  std::string m = attribute(name, 1);
  pbf_writer(m).add_float(2, value);
  return m;
}
std::string string_attr(const std::string& name, const std::string& value) {
  std::string m = attribute(name, 3);
  pbf_writer(m).add_bytes(4, value);
  return m;
}
std::string ints_attr(const std::string& name, const std::vector<int64_t>& values) {
  std::string m = attribute(name, 7);
  pbf_writer w(m);
  for (int64_t v : values) w.add_int64(8, v);
  return m;
}
std::string tensor_attr(const std::string& name, const std::string& tensor) {
  std::string m = attribute(name, 4);
  pbf_writer(m).add_message(5, tensor);
  return m;
}
std::string graph_attr(const std::string& name, const std::string& graph) {
  std::string m = attribute(name, 5);
  pbf_writer(m).add_message(6, graph);
  return m;
}
std::string ref_attr(const std::string& name, const std::string& function_attr, int type) {
  std::string m = attribute(name, type);
  pbf_writer(m).add_string(21, function_attr);
  return m;
}

std::string node(const std::string& op, const Names& inputs, const Names& outputs,
                 const Messages& attributes, const NodeOptions& options) {
  return message([&](pbf_writer& w) {
    for (const std::string& i : inputs) w.add_string(1, i);
    for (const std::string& o : outputs) w.add_string(2, o);
    if (!options.name.empty()) w.add_string(3, options.name);
    w.add_string(4, op);
    add_all(w, 5, attributes);
    if (!options.domain.empty()) w.add_string(7, options.domain);
    if (!options.overload.empty()) w.add_string(8, options.overload);
  });
}

std::string value(const std::string& name, const Names& dims, int type) {
  const std::string shape = message([&](pbf_writer& w) {
    for (const std::string& d : dims) {
      w.add_message(1, message([&](pbf_writer& dim) {
                      if (is_number(d))
                        dim.add_int64(1, std::stoll(d));
                      else if (!d.empty())
                        dim.add_string(2, d);
                    }));
    }
  });
  const std::string tensor_type = message([&](pbf_writer& w) {
    w.add_int32(1, type);
    w.add_message(2, shape);
  });
  return message([&](pbf_writer& w) {
    w.add_string(1, name);
    w.add_message(2, message([&](pbf_writer& t) { t.add_message(1, tensor_type); }));
  });
}

std::string tensor(const std::string& name, const std::vector<int64_t>& dims,
                   const std::vector<float>& data) {
  return raw_tensor(name, dims, 1, raw_bytes(data));
}
std::string int64_tensor_proto(const std::string& name, const std::vector<int64_t>& dims,
                               const std::vector<int64_t>& data) {
  return raw_tensor(name, dims, 7, raw_bytes(data));
}
std::string raw_tensor(const std::string& name, const std::vector<int64_t>& dims, int type,
                       const std::string& raw) {
  std::string m = tensor_head(name, dims, type);
  pbf_writer(m).add_bytes(9, raw);
  return m;
}
std::string external_tensor(const std::string& name, const std::vector<int64_t>& dims, int type,
                            const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string m = tensor_head(name, dims, type);
  pbf_writer w(m);
  for (const auto& [key, text] : entries) w.add_message(13, pair(key, text));
  w.add_int32(14, 1);
  return m;
}

std::string graph(const GraphParts& parts) {
  return message([&](pbf_writer& w) {
    add_all(w, 1, parts.nodes);
    w.add_string(2, "g");
    add_all(w, 5, parts.initializers);
    add_all(w, 11, parts.inputs);
    add_all(w, 12, parts.outputs);
    add_all(w, 13, parts.value_info);
    add_all(w, 15, parts.sparse_initializers);
  });
}

std::string function(const FunctionParts& parts) {
  return message([&](pbf_writer& w) {
    w.add_string(1, parts.name);
    for (const std::string& i : parts.inputs) w.add_string(4, i);
    for (const std::string& o : parts.outputs) w.add_string(5, o);
    for (const std::string& a : parts.attributes) w.add_string(6, a);
    add_all(w, 7, parts.nodes);
    w.add_message(9, opset("", parts.opset));
    for (const auto& [domain, version] : parts.more_opsets)
      w.add_message(9, opset(domain, version));
    w.add_string(10, parts.domain);
    add_all(w, 11, parts.defaults);
  });
}

std::string model(const std::string& graph_message, const ModelOptions& options) {
  return message([&](pbf_writer& w) {
    w.add_int64(1, options.ir_version);
    for (const auto& [domain, version] : options.opsets) w.add_message(8, opset(domain, version));
    w.add_message(7, graph_message);
    add_all(w, 25, options.functions);
  });
}

}  // namespace ferry::onnx::proto
