// SPDX-License-Identifier: Apache-2.0
// Writes a loaded model as an ONNX file again: as it was read, or rewritten.
//
//   ferry::optimize(*model, "small.onnx", {.level = ferry::OptimizeLevel::kBasic});
//   ferry::optimize(*model, "old.onnx", {.opset = 13});
//
// What is written computes what the model computes; at kNone and kBasic bit for bit. Operators
// appear as Ferry runs them: functions inlined, old versions replaced by what means the same.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "ferry/model.h"
#include "ferry/session.h"
#include "ferry/status.h"

namespace ferry {

enum class OptimizeLevel : int {
  kNone = 0,   // the model as read
  kBasic = 1,  // less work, the same arithmetic: constants folded, identities and duplicates gone
  kAll = 2,    // every rewrite that a session makes
};

struct OptimizeOptions {
  OptimizeLevel level = OptimizeLevel::kAll;
  Accuracy accuracy = Accuracy::kFast;      // kExact leaves out rewrites that re-associate
  std::vector<std::string> passes_off = {};  // names of passes to leave out
  // Opset of ai.onnx to write; 0: the lowest that does, from 20 on.
  int64_t opset = 0;
  // Weights in a file beside the model; always so over 2 GB.
  bool external_data = false;
};

struct OptimizeReport {
  std::vector<SessionReport::Pass> passes;
  size_t nodes_before = 0, nodes_after = 0;  // bodies counted
};

// Errors: kInvalidArgument  a pass that does not exist, or an opset that does not have what a node
//                           says: names the node
//         kIoError, kOutOfMemory
FERRY_API Result<OptimizeReport> optimize(const Model& model, const std::string& path,
                                          const OptimizeOptions& options = {});
// The same to bytes. Errors: also kLimitExceeded  over 2 GB, or external data asked for
FERRY_API Result<std::string> optimize_to_bytes(const Model& model,
                                                const OptimizeOptions& options = {});

}  // namespace ferry
