// SPDX-License-Identifier: Apache-2.0
// Reads an ONNX model: decodes, inlines functions, upgrades every operator to its newest version,
// validates, and infers types. What comes out knows one version of each operator.
//
// Initializers become constants, views of the mapped file where alignment allows. An initializer
// that is also a graph input (IR version 4 and later) stays an input with a constant value that
// callers may override.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>

#include "base/allocator.h"
#include "ferry/limits.h"
#include "ir/graph.h"
#include "onnx/external_data.h"

namespace ferry::onnx {

struct ImportOptions {
  Limits limits = {};
  MemoryBudget* budget = nullptr;  // null: one of the default size
  bool map = true;                 // false: files are read into memory
  // False: large constants view the file wherever they lie in it, and whoever computes with them
  // calls align_constants() on a copy of the graph first.
  bool align_large = true;
  // Refuses what the standard forbids even where Ferry knows what is meant (conformity.h).
  bool strict = false;
  // Where external data lies; empty: beside the file, and nowhere for a model given as bytes.
  std::string external_folder = {};
  // External data given by name; looked at before any folder.
  std::map<std::string, OwnedBytes, std::less<>> external_buffers = {};
};

struct ImportedModel {
  std::unique_ptr<Graph> graph;
  ModelInfo info;
  std::vector<Type> declared_outputs;  // as in the file: advice, which inference does not use
  uint64_t file_bytes = 0;             // of the model, and of external data that it reads
};

// Errors: kIoError          the file or its external data cannot be read
//         kInvalidModel     not ONNX, damaged, or against the specification
//         kUnsupportedOp    operators, domains or opsets that are not known: all are listed
//         kUnsupportedType  element types that are not known
//         kLimitExceeded, kOutOfMemory
Result<ImportedModel> import_file(const std::string& path, const ImportOptions& options = {});
// `owner` keeps `bytes` alive and lets tensors view them; null: they are copied.
Result<ImportedModel> import_bytes(std::span<const std::byte> bytes, std::shared_ptr<void> owner,
                                   const ImportOptions& options = {});

}  // namespace ferry::onnx
