// SPDX-License-Identifier: Apache-2.0
#include "onnx/import.h"

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "onnx/conformity.h"
#include "onnx/graph_builder.h"
#include "onnx/tensor_proto.h"

namespace ferry::onnx {
namespace {

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// What else lies in the folders of models, by its first bytes.
constexpr std::pair<std::string_view, std::string_view> kOtherFiles[] = {
    {"PK\x03\x04",
     "a zip archive, as torch.save, NumPy's savez and Keras write; PyTorch's torch.onnx.export "
     "writes ONNX"},
    {"\x93NUMPY", "an array of NumPy (.npy)"},
    {"\x89HDF\r\n", "an HDF5 file, as Keras writes; tf2onnx converts its models"},
    {"\x89PNG", "a picture"},
    {"\xff\xd8\xff", "a picture"},
    {"\x1f\x8b", "a gzip archive; unpack it first"},
    {"\x80\x02", "a pickle, as old torch.save writes; torch.onnx.export writes ONNX"},
};

// What a file that does not decode looks like to a person.
Status not_a_model(std::string_view bytes, const Status& reason) {
  if (bytes.empty()) return invalid_model("not an ONNX model: the file is empty");
  if (bytes.starts_with("version https://git-lfs")) {
    return invalid_model(
        "not an ONNX model: a Git LFS pointer; fetch the file itself with 'git lfs pull'");
  }
  for (const auto& [head, what] : kOtherFiles) {
    if (bytes.starts_with(head)) return invalid_model("not an ONNX model: {}", what);
  }
  const std::string_view head = bytes.substr(0, 256);
  const bool text = std::all_of(head.begin(), head.end(), [](char c) {
    return (c >= ' ' && c <= '~') || c == '\n' || c == '\r' || c == '\t';
  });
  if (text) return invalid_model("not an ONNX model: a text file");
  // A model starts with its IR version in one byte: field 1, a small number.
  const bool starts_well = bytes.size() >= 2 && bytes[0] == 0x08 && bytes[1] >= 1 && bytes[1] < 64;
  if (!reason.ok() && starts_well) return reason.with_context("damaged ONNX model");
  return invalid_model("not an ONNX model: {}",
                       reason.ok() ? "it holds no graph" : reason.message());
}

Result<ModelProto> decode(Wire& wire) {
  Result<ModelProto> model = wire.model();
  if (!model.ok()) {
    if (model.status().code() == Code::kLimitExceeded) return model;
    return not_a_model(wire.bytes(), model.status());
  }
  if (!model->graph) return not_a_model(wire.bytes(), {});
  if (model->ir_version < 1) {
    return invalid_model("not an ONNX model: its IR version is {}", model->ir_version);
  }
  if (model->ir_version > kNewestIrVersion) {
    return unsupported_op("IR version {}; the newest that this build reads is {}",
                          model->ir_version, kNewestIrVersion);
  }
  return model;
}

ModelInfo info_of(const ModelProto& model, const Opsets& opsets) {
  ModelInfo info;
  info.producer_name = model.producer_name;
  info.producer_version = model.producer_version;
  info.domain = model.domain;
  info.doc = model.doc;
  info.ir_version = model.ir_version;
  info.model_version = model.model_version;
  for (const auto& [domain, version] : opsets.all()) info.opsets.emplace(domain, version);
  for (const auto& [key, value] : model.metadata) info.metadata.emplace(key, value);
  return info;
}

Result<ImportedModel> import(std::span<const std::byte> bytes, std::shared_ptr<void> owner,
                             const std::string& folder, const ImportOptions& options) {
  if (bytes.size() > options.limits.max_file_bytes) {
    return limit_exceeded("{} bytes, the limit is {} (max_file_bytes)", bytes.size(),
                          options.limits.max_file_bytes);
  }
  Wire wire(as_text(bytes), options.limits);
  FERRY_ASSIGN_OR_RETURN(const ModelProto model, decode(wire));
  FERRY_ASSIGN_OR_RETURN(const Opsets opsets, Opsets::from(model.opsets, model.ir_version));
  FERRY_ASSIGN_OR_RETURN(const Functions functions, Functions::from(model));
  const std::shared_ptr<MemoryBudget> own = options.budget ? nullptr : MemoryBudget::create();
  MemoryBudget* const budget = options.budget ? options.budget : own.get();
  ExternalData external(
      folder, options.external_buffers,
      {.map = options.map, .max_bytes = options.limits.max_file_bytes, .budget = budget});
  TensorReader tensors(wire, std::move(owner), external, budget, options.align_large,
                       options.strict);
  FERRY_RETURN_IF_ERROR(check_known_ops(model, functions));
  if (options.strict) FERRY_RETURN_IF_ERROR(check_conformity(wire, tensors, model, functions));
  GraphBuilder builder(wire, model, opsets, functions, tensors, options.strict);
  ImportedModel imported;
  FERRY_ASSIGN_OR_RETURN(imported.graph, builder.build());
  imported.info = info_of(model, opsets);
  imported.declared_outputs = std::move(builder.declared_outputs());
  imported.file_bytes = bytes.size() + external.bytes_read();
  return imported;
}

}  // namespace

Result<ImportedModel> import_file(const std::string& path, const ImportOptions& options) {
  FERRY_ASSIGN_OR_RETURN(const std::shared_ptr<MappedFile> file,
                         MappedFile::open(path, {.map = options.map,
                                                 .max_bytes = options.limits.max_file_bytes,
                                                 .budget = options.budget}));
  const size_t slash = path.rfind('/');
  const std::string beside = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const std::string& folder = options.external_folder.empty() ? beside : options.external_folder;
  Result<ImportedModel> model = import(file->bytes(), file, folder, options);
  if (!model.ok()) return std::move(model).status().with_context(path);
  model->info.path = path;
  return model;
}

Result<ImportedModel> import_bytes(std::span<const std::byte> bytes, std::shared_ptr<void> owner,
                                   const ImportOptions& options) {
  return import(bytes, std::move(owner), options.external_folder, options);
}

}  // namespace ferry::onnx
