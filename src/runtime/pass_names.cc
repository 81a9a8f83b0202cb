// SPDX-License-Identifier: Apache-2.0
#include "runtime/pass_names.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "base/nearest.h"
#include "base/status.h"
#include "passes/pipelines.h"
#include "plan/strips.h"

namespace ferry {

Status check_passes_off(const std::vector<std::string>& off) {
  const char* environment = std::getenv("FERRY_PASSES_OFF");
  if (off.empty() && environment == nullptr) return {};
  std::vector<std::string> known = {std::string(kStripsName)};
  for (const auto& pipeline : {standard_pipeline(), engine_pipeline()}) {
    for (const Pass& pass : pipeline) known.emplace_back(pass.name);
  }
  const auto check = [&](const char* who, const std::string& name) -> Status {
    if (std::find(known.begin(), known.end(), name) != known.end()) return {};
    return invalid_argument("{}: there is no pass '{}'{}", who, name, did_you_mean(name, known));
  };
  for (const std::string& name : off) FERRY_RETURN_IF_ERROR(check("passes_off", name));
  std::stringstream words(environment == nullptr ? "" : environment);
  for (std::string word; std::getline(words, word, ',');) {
    FERRY_RETURN_IF_ERROR(check("the environment's FERRY_PASSES_OFF", word));
  }
  return {};
}

}  // namespace ferry
