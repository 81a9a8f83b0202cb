// SPDX-License-Identifier: Apache-2.0
#include "ferry/model.h"

#include <new>

#include "api/codec_hooks.h"
#include "api/model_impl.h"
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

onnx::ImportOptions import_options(const LoadOptions& options) {
  onnx::ImportOptions o;
  o.limits = options.limits;
  o.map = options.map;
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
    FERRY_ASSIGN_OR_RETURN(auto impl, finish(onnx::import_file(path, import_options(options))));
    return Model(std::move(impl));
  } catch (const std::bad_alloc&) {
    return out_of_memory("{}: the machine's memory is used up", path);
  }
}

Result<Model> Model::from_memory(std::span<const std::byte> bytes, const LoadOptions& options) {
  try {
    connect_codecs();
    // A caller that allows views keeps the bytes alive: an owner that owns nothing says so.
    const std::shared_ptr<void> borrowed(const_cast<std::byte*>(bytes.data()), [](void*) {});
    FERRY_ASSIGN_OR_RETURN(auto impl,
                           finish(onnx::import_bytes(bytes, options.map ? borrowed : nullptr,
                                                     import_options(options))));
    return Model(std::move(impl));
  } catch (const std::bad_alloc&) {
    return out_of_memory("model from memory: the machine's memory is used up");
  }
}

const std::vector<ValueInfo>& Model::inputs() const { return impl_->inputs; }
const std::vector<ValueInfo>& Model::outputs() const { return impl_->outputs; }
const ModelMetadata& Model::metadata() const { return impl_->metadata; }

}  // namespace ferry
