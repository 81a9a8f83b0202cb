// SPDX-License-Identifier: Apache-2.0
// Ferry as one of the engines that take turns: what runs in its process.
#pragma once

#include <string>

#include "ferry/ferry.h"

namespace ferry::cli {

struct OwnJob {
  std::string model;
  SessionOptions session;
  const NamedValues* inputs = nullptr;
  std::string outputs;  // .npz that receives the outputs o0, o1, ...; empty: none
};

// Speaks the protocol of EngineProcess on stdin and stdout until stdin ends.
void serve_own(const OwnJob& job);

}  // namespace ferry::cli
