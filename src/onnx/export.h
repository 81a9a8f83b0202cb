// SPDX-License-Identifier: Apache-2.0
// Writes a graph as an ONNX model.
//
// The model imports the lowest opset, from 20 on, in which every node means what the graph says, so
// that other runtimes can read it. Attributes at their defaults are left out.
#pragma once

#include <string>

#include "ir/graph.h"

namespace ferry::onnx {

struct ExportOptions {
  // Weights go to a file beside the model. Always so when the model would pass 2 GB, which no
  // protocol buffer may.
  bool external_data = false;
  // Smaller tensors stay inside the model.
  uint64_t min_external_bytes = 1024;
  // Name of that file; empty: the model's name with ".data" appended.
  std::string external_name = {};
  bool value_info = true;                   // types of intermediate values
  std::vector<Type> declared_outputs = {};  // what the file says of the model's outputs
  int64_t opset = 0;                        // of ai.onnx; 0: the lowest that does, from 20 on
};

// Errors: kLimitExceeded    over 2 GB (export_file writes external data)
//         kInvalidArgument  an operator that has no ONNX form, or none at `opset`: names the node
Result<std::string> export_bytes(const Graph& graph, const ModelInfo& info,
                                 const ExportOptions& options = {});
// Files are written beside their place and then moved there, weights first; an old model at `path`
// is never seen beside new weights. Errors: the same, and kIoError.
Status export_file(const Graph& graph, const ModelInfo& info, const std::string& path,
                   const ExportOptions& options = {});

}  // namespace ferry::onnx
