// SPDX-License-Identifier: Apache-2.0
// Model: a loaded and verified model file, before any machine is chosen.
//
//   ferry::Result<ferry::Model> model = ferry::Model::load("resnet50.onnx");
//
// A model file is hostile input: limits are on by default (limits.h) and nothing in a file makes
// the process read or allocate outside them. The file stays mapped while a Model or a Session of it
// lives; a file that someone truncates meanwhile is a fault no reader survives: `map = false`
// copies.
//
// Threads: a const Model may be used from several threads; copies share the content. One that was
// moved from may only be assigned to or destroyed.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ferry/limits.h"
#include "ferry/status.h"
#include "ferry/tensor.h"

namespace ferry {

struct LoadOptions {
  Limits limits = {};
  // Bytes of tensors that reading may allocate, besides what stays a view of the file; 0: 80 % of
  // the machine's or the cgroup's memory.
  uint64_t memory_limit_bytes = 0;
  // False reads the file into memory instead of mapping it.
  bool map = true;
  // Refuses what the standard forbids even where Ferry knows what is meant: nodes out of order,
  // names that shadow others, types that a version did not have, stated shapes that cannot be.
  bool strict = false;
  // The folder of external data. Empty: that of the model file; for models from memory external
  // data is refused.
  std::string external_folder = {};
  // External data by location name, looked at before any file. Borrowed until the last Model and
  // Session of it are gone.
  std::map<std::string, std::span<const std::byte>> external_buffers = {};
};

// One dimension of an input or output: a size, or an expression over named sizes.
struct DimInfo {
  int64_t size = -1;   // -1 when it is not fixed
  std::string symbol;  // "N", "2*H", "" when it is fixed
};

struct ValueInfo {
  std::string name;
  std::string type;  // "f32[N,3,H,W]", "seq(i64[...])"
  bool is_tensor = true;
  DType dtype = DType::kUndefined;
  bool has_rank = false;
  std::vector<DimInfo> dims;
  bool optional = false;  // an input with a default (an overridable initializer)
};

struct ModelMetadata {
  std::string producer_name, producer_version, domain, doc, graph_name;
  int64_t ir_version = 0, model_version = 0;
  std::map<std::string, int64_t> opsets;
  std::map<std::string, std::string> properties;
};

class FERRY_API Model {
 public:
  // Reads an ONNX file, with its external data from beneath the file's folder or
  // `options.external_folder`, or from `options.external_buffers`.
  // Errors: kIoError          the file cannot be read
  //         kInvalidModel     damaged, or against the specification; names the node
  //         kUnsupportedOp    operators or opsets not known, all of them listed
  //         kLimitExceeded    a limit of `options.limits`
  //         kOutOfMemory
  static Result<Model> load(const std::string& path, const LoadOptions& options = {});
  // The same from bytes, which are borrowed until the last Model and Session of it are gone, unless
  // `options.map` is false.
  static Result<Model> from_memory(std::span<const std::byte> bytes,
                                   const LoadOptions& options = {});

  const std::vector<ValueInfo>& inputs() const;
  const std::vector<ValueInfo>& outputs() const;
  const ModelMetadata& metadata() const;

  struct Impl;
  const std::shared_ptr<const Impl>& impl() const { return impl_; }

 private:
  explicit Model(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

}  // namespace ferry
