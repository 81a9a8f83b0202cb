// SPDX-License-Identifier: Apache-2.0
#include "onnx/opsets.h"

#include "base/status.h"

namespace ferry::onnx {
namespace {

struct KnownDomain {
  std::string_view domain;
  int newest;
};
constexpr KnownDomain kKnownDomains[] = {{"", kNewestOpset},      {"ai.onnx.ml", kNewestMlOpset},
                                         {"ai.onnx.training", 1}, {"ai.onnx.preview.training", 1},
                                         {"ai.onnx.preview", 1},  {"com.microsoft", 1}};

}  // namespace

std::string full_name(std::string_view domain, std::string_view op_type) {
  domain = canonical_domain(domain);
  return domain.empty() ? std::string(op_type) : fmt::format("{}.{}", domain, op_type);
}

Result<Opsets> Opsets::from(const std::vector<OpsetImport>& imports, int64_t ir_version) {
  Opsets opsets;
  for (const OpsetImport& import : imports) {
    const std::string domain(canonical_domain(import.domain));
    const std::string shown = domain.empty() ? "ai.onnx" : domain;
    if (import.version < 1) {
      return invalid_model("the model imports version {} of domain {}, wanted is 1 or more",
                           import.version, shown);
    }
    for (const KnownDomain& known : kKnownDomains) {
      if (known.domain == domain && import.version > known.newest) {
        return unsupported_op(
            "the model imports opset {} of {}; the newest that this build knows is {}. Export with "
            "an older opset or update Ferry",
            import.version, shown, known.newest);
      }
    }
    const auto [it, fresh] = opsets.versions_.emplace(domain, import.version);
    if (!fresh && it->second != import.version) {
      return invalid_model("the model imports versions {} and {} of domain {}", it->second,
                           import.version, shown);
    }
  }
  // Files of IR versions 1 and 2 had no imports; they mean opset 1.
  if (ir_version < 3) opsets.versions_.emplace("", 1);
  return opsets;
}

int Opsets::version(std::string_view domain) const {
  domain = canonical_domain(domain);
  if (const auto it = versions_.find(domain); it != versions_.end()) {
    return static_cast<int>(std::min<int64_t>(it->second, INT32_MAX));
  }
  for (const KnownDomain& known : kKnownDomains) {
    if (known.domain == domain) return known.newest;
  }
  return 1;
}

}  // namespace ferry::onnx
