// SPDX-License-Identifier: Apache-2.0
// Where the time of a run goes, step by step, against the machine's roof.
#pragma once

#include <string>

#include "ferry/ferry.h"
#include "json.h"

namespace ferry::cli {

// One object per step: node, op, kernel, tactic, why_not (refused candidates), depth, ms, share,
// gflops, gbytes, of_flops and of_bytes (shares of the multiply-add and the DRAM read roof), bytes.
Json profile_steps(const Session& session, const std::vector<Value>& inputs,
                   const SymbolSizes& sizes, const MachineRoof& roof);
void print_profile(const Json& steps);
// The steps of all results of a report in Chrome's trace format, for chrome://tracing or
// ui.perfetto.dev. Throws Error: kIoError.
void write_trace(const std::string& path, const Json& report);

Json roof_json(const MachineRoof& roof);
void print_roofs(const Json& roofs);

}  // namespace ferry::cli
