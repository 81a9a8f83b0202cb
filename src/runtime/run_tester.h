// SPDX-License-Identifier: Apache-2.0
// RunTester: a small graph, run by an engine in many ways and compared with the interpreter.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "passes/pass_tester.h"
#include "runtime/engine.h"

namespace ferry {

class RunTester : public PassTester {
 public:
  // The graph as an engine; made on the first call. Passes are off unless `optimize`.
  Engine& engine(const SessionOptions& options = {.threads = 1, .optimize = false});
  // Inputs in which symbol s is sizes[s]; floats in [-1, 1), other types 0, 1, 2, ...
  std::vector<Value> inputs(const std::map<std::string, int64_t>& sizes = {});
  // Runs the engine twice (and once more into the memory of the first run's outputs) and the
  // interpreter; all must agree.
  void check(const std::map<std::string, int64_t>& sizes = {}, double tolerance = 0);
  // Kernels of the steps of the engine, in order, joined by blanks; "view" for skipped ones.
  std::string steps();
  // The place of a value of the engine's program, found by name.
  const Slot& slot(const std::string& name);
  // Gives a value a name.
  ValueId named(ValueId v, const std::string& name);

 private:
  std::unique_ptr<Engine> engine_;
};

}  // namespace ferry
