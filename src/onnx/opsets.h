// SPDX-License-Identifier: Apache-2.0
// Operator sets: which versions a model imports, and the newest that this build knows.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

#include "ferry/status.h"
#include "onnx/wire.h"

namespace ferry::onnx {

inline constexpr int kNewestIrVersion = 14;
inline constexpr int kNewestOpset = 28;
inline constexpr int kNewestMlOpset = 5;

// "ai.onnx" is the same domain as "".
inline std::string_view canonical_domain(std::string_view domain) {
  return domain == "ai.onnx" ? std::string_view() : domain;
}
// "Softmax", "com.microsoft.Gelu".
std::string full_name(std::string_view domain, std::string_view op_type);

class Opsets {
 public:
  // Errors: kUnsupportedOp for a version newer than known, kInvalidModel for versions under 1.
  static Result<Opsets> from(const std::vector<OpsetImport>& imports, int64_t ir_version);

  // The imported version of a domain; the newest known for one that is not imported.
  int version(std::string_view domain) const;
  const std::map<std::string, int64_t, std::less<>>& all() const { return versions_; }

 private:
  std::map<std::string, int64_t, std::less<>> versions_;
};

}  // namespace ferry::onnx
