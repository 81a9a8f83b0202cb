// SPDX-License-Identifier: Apache-2.0
// The program cache: what a session made of a model, kept in a folder for the next one.
#pragma once

#include <memory>
#include <string>

#include "base/cache_folder.h"
#include "ferry/session.h"
#include "plan/program_file.h"

namespace ferry {

struct CacheReport {
  std::string state = "off";  // as SessionReport::cache
  std::string file, reason;
  uint64_t bytes = 0;
};

class ProgramCache {
 public:
  // Null where the options and the environment want none. What is wrong with the folder is in the
  // report, and then nothing is found or written.
  static std::unique_ptr<ProgramCache> open(const SessionOptions& options);

  // Looks for the program of `source` (before passes) under these options; null when there is none
  // that is sound.
  std::unique_ptr<LoadedProgram> find(const Graph& source, const PlanOptions& plan,
                                      MemoryBudget* budget);
  // The program that was found was of no use after all.
  void reject(const Status& why);
  // Of what find() did not find: describe when it is planned (`graph` as it was before, with all
  // constants), write when its panels are packed.
  void describe(const Graph& graph, const Program& program, const PanelStore& panels);
  void write();

  const CacheReport& report() const { return report_; }

 private:
  explicit ProgramCache(const SessionOptions& options) : options_(options) {}

  SessionOptions options_;
  std::unique_ptr<CacheFolder> folder_;  // null when it cannot be used
  std::string key_, name_;
  bool found_ = false;  // a file of that name, of use or not
  std::unique_ptr<ProgramImage> image_;
  CacheReport report_;
};

}  // namespace ferry
