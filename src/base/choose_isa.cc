// SPDX-License-Identifier: Apache-2.0
#include "base/choose_isa.h"

#include <cstdlib>

#include "base/status.h"

namespace ferry {
namespace {

Result<Isa> level_named(std::string_view who, std::string_view name, Isa best, const char* cap) {
  if (name.empty()) return best;
  for (const Isa level : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512}) {
    if (isa_name(level) != name) continue;
    if (level <= best) return level;
    return invalid_argument("{} is '{}', which is more than {}; wanted at most '{}'", who, name,
                            cap, isa_name(best));
  }
  return invalid_argument("{} is '{}'; wanted 'scalar', 'avx2' or 'avx512'", who, name);
}

}  // namespace

Result<Isa> choose_isa(std::string_view name) {
  const Isa probed = cpu_info().isa;
  const char* environment = std::getenv("FERRY_ISA");
  FERRY_ASSIGN_OR_RETURN(const Isa best, level_named("the environment's FERRY_ISA",
                                                     environment == nullptr ? "" : environment,
                                                     probed, "this machine has"));
  return level_named("isa", name, best, best < probed ? "FERRY_ISA allows" : "this machine has");
}

}  // namespace ferry
