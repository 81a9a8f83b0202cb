// SPDX-License-Identifier: Apache-2.0
// The functions that a model file defines, by domain, name and overload; and which operators of
// the file nobody knows.
#pragma once

#include <map>
#include <string>

#include "onnx/opsets.h"
#include "onnx/wire.h"

namespace ferry::onnx {

class Functions {
 public:
  struct Function {
    const FunctionProto* proto = nullptr;
    Opsets opsets;
    std::vector<uint32_t> order;  // of proto->nodes
  };

  // Errors: kInvalidModel for two functions of one name, kUnsupportedOp for their opsets.
  static Result<Functions> from(const ModelProto& model);

  // The function that a node calls, or nullptr.
  const Function* find(const NodeProto& node) const;

 private:
  std::map<std::string, Function, std::less<>> functions_;
};

// Errors: kUnsupportedOp listing every operator that is neither registered, nor upgraded to one
// that is, nor a function, among the nodes that the model's graph reaches.
Status check_known_ops(const ModelProto& model, const Functions& functions);

}  // namespace ferry::onnx
