// SPDX-License-Identifier: Apache-2.0
// One engine in a process of its own, so that engines can be timed in turns. It is stopped
// (SIGSTOP) while it is not asked for anything: its waiting threads must not take time from the
// others.
//
// The protocol is lines. The process says first that it is ready (a JSON object); then it answers a
// number N with the seconds of N runs, and "memory" with its resident bytes. Waiting for an answer
// throws Interrupted (interruption.h).
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "json.h"

namespace ferry::cli {

class EngineProcess {
 public:
  // Forks. The child runs `body` with its stdin and stdout connected to this object, then exits.
  EngineProcess(std::string name, const std::function<void()>& body);
  ~EngineProcess();  // ends the process
  EngineProcess(const EngineProcess&) = delete;
  EngineProcess& operator=(const EngineProcess&) = delete;

  // Its first line; the process is stopped from here on. Throws Error: it ended, or took too long.
  Json ready();
  // Seconds of each of `count` runs, after one that is not counted: the caches held other things.
  std::vector<double> run(size_t count);
  Json memory();

 private:
  Json ask(const std::string& line);
  Json read_line(double patience_seconds);
  void signal_group(int signal) const;
  void stop();

  std::string name_, buffered_;
  pid_t process_ = -1;
  int to_ = -1, from_ = -1;
};

}  // namespace ferry::cli
