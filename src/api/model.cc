// SPDX-License-Identifier: Apache-2.0
#include "ferry/model.h"

#include <algorithm>
#include <array>
#include <new>
#include <stdexcept>
#include <variant>

#include "api/codec_hooks.h"
#include "api/model_impl.h"
#include "base/allocator.h"
#include "base/status.h"
#include "onnx/import.h"

namespace ferry {

ValueInfo describe_value(const Graph& graph, ValueId id, const std::string& name) {
  const GraphValue& v = graph.value(id);
  ValueInfo info;
  info.name = name;
  info.type = v.type.to_string();
  info.is_tensor = v.type.is_tensor();
  info.dtype = v.type.dtype;
  info.has_rank = v.type.has_rank();
  info.optional = v.constant.has_value() && graph.is_input(id);
  if (info.has_rank) {
    for (const Dim& d : *v.type.shape) {
      if (d.is_constant())
        info.dims.push_back({d.constant(), ""});
      else
        info.dims.push_back({-1, d.to_string()});
    }
  }
  return info;
}

namespace {

onnx::ImportOptions import_options(const LoadOptions& options, MemoryBudget& budget) {
  onnx::ImportOptions o;
  o.limits = options.limits;
  o.budget = &budget;
  o.map = options.map;
  o.align_large = false;
  o.strict = options.strict;
  o.external_folder = options.external_folder;
  for (const auto& [name, bytes] : options.external_buffers) {
    o.external_buffers[name] = {bytes, nullptr};
  }
  return o;
}

Result<std::shared_ptr<const Model::Impl>> finish(Result<onnx::ImportedModel> imported) {
  if (!imported.ok()) return std::move(imported).status();
  auto impl = std::make_shared<Model::Impl>();
  impl->graph = std::move(imported->graph);
  impl->info = std::move(imported->info);
  impl->declared_outputs = std::move(imported->declared_outputs);
  impl->file_bytes = imported->file_bytes;
  const Graph& g = *impl->graph;
  for (ValueId v : g.inputs()) impl->inputs.push_back(describe_value(g, v, g.value(v).name));
  for (size_t i = 0; i < g.outputs().size(); ++i) {
    impl->outputs.push_back(describe_value(g, g.outputs()[i], g.output_names()[i]));
  }
  const ModelInfo& info = impl->info;
  impl->metadata = {info.producer_name, info.producer_version, info.domain, info.doc,     g.name,
                    info.ir_version,    info.model_version,    info.opsets, info.metadata};
  return std::shared_ptr<const Model::Impl>(std::move(impl));
}

}  // namespace

Result<Model> Model::load(const std::string& path, const LoadOptions& options) {
  try {
    connect_codecs();
    const auto budget = MemoryBudget::create(options.memory_limit_bytes);
    FERRY_ASSIGN_OR_RETURN(auto impl,
                           finish(onnx::import_file(path, import_options(options, *budget))));
    return Model(std::move(impl));
  } catch (const std::bad_alloc&) {
    return out_of_memory("{}: the machine's memory is used up", path);
  } catch (const std::length_error&) {
    return out_of_memory("{}: a list longer than memory", path);
  }
}

Result<Model> Model::from_memory(std::span<const std::byte> bytes, const LoadOptions& options) {
  try {
    connect_codecs();
    const auto budget = MemoryBudget::create(options.memory_limit_bytes);
    // A caller that allows views keeps the bytes alive: an owner that owns nothing says so.
    const std::shared_ptr<void> borrowed(const_cast<std::byte*>(bytes.data()), [](void*) {});
    FERRY_ASSIGN_OR_RETURN(auto impl,
                           finish(onnx::import_bytes(bytes, options.map ? borrowed : nullptr,
                                                     import_options(options, *budget))));
    return Model(std::move(impl));
  } catch (const std::bad_alloc&) {
    return out_of_memory("model from memory: the machine's memory is used up");
  } catch (const std::length_error&) {
    return out_of_memory("model from memory: a list longer than memory");
  }
}

Status set_limit(Limits& limits, std::string_view name, uint64_t value) {
  using Field = std::variant<uint64_t Limits::*, uint32_t Limits::*>;
  static const std::array<std::pair<std::string_view, Field>, 8> kFields = {{
      {"max_file_bytes", &Limits::max_file_bytes},
      {"max_message_depth", &Limits::max_message_depth},
      {"max_graph_depth", &Limits::max_graph_depth},
      {"max_nodes", &Limits::max_nodes},
      {"max_values", &Limits::max_values},
      {"max_rank", &Limits::max_rank},
      {"max_inline_growth", &Limits::max_inline_growth},
      {"max_inline_extra_nodes", &Limits::max_inline_extra_nodes},
  }};
  std::string names;
  for (const auto& [field_name, field] : kFields) {
    if (field_name != name) {
      names += (names.empty() ? "" : ", ") + std::string(field_name);
      continue;
    }
    if (const auto* wide = std::get_if<uint64_t Limits::*>(&field)) {
      limits.*(*wide) = value;
      return {};
    }
    if (value > UINT32_MAX) return invalid_argument("{} is {}, at most 2^32 - 1", name, value);
    limits.*std::get<uint32_t Limits::*>(field) = static_cast<uint32_t>(value);
    return {};
  }
  return invalid_argument("no limit is called '{}'; there are {}", name, names);
}

const std::vector<ValueInfo>& Model::inputs() const { return impl_->inputs; }
const std::vector<ValueInfo>& Model::outputs() const { return impl_->outputs; }
const ModelMetadata& Model::metadata() const { return impl_->metadata; }

}  // namespace ferry
