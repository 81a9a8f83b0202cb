// SPDX-License-Identifier: Apache-2.0
// Engines in turns: short rounds in which each has its share, so that a busy moment hits all.
#pragma once

#include <string>
#include <vector>

#include "ferry/ferry.h"
#include "json.h"

namespace ferry::cli {

struct BenchJob {
  std::string model, python, torch;
  std::vector<std::string> peers;        // of peer_choices()
  std::vector<std::string> input_order;  // names in the model's order
  SessionOptions session;
  double seconds = 3;  // per engine
};

// Times Ferry and the peers at session.threads threads, one process each. Throws Error when Ferry
// or no peer at all can run the model; that one of several cannot is told in the report.
//
//   {threads, isa, latency, load_ms, first_run_ms, memory, peers: [{name, version, precision,
//   error,
//    right, latency, speedup, speedup_p10, speedup_p90, rounds, memory, ...} or {name, failure}]}
//
// `speedup` is the median over the rounds of the peer's time by Ferry's.
Json bench_rounds(const BenchJob& job, const NamedValues& inputs);

// The largest relative difference to Ferry's outputs at which a peer counts as right.
inline constexpr double kRightError = 1e-3;

}  // namespace ferry::cli
