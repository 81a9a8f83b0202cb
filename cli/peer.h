// SPDX-License-Identifier: Apache-2.0
// onnxruntime in a Python process of its own, so that both engines can be timed in turns. It is
// stopped (SIGSTOP) while it is not asked for anything: its waiting threads must not take time from
// Ferry.
#pragma once

#include <sys/types.h>

#include <cstdio>
#include <string>
#include <vector>

#include "ferry/ferry.h"

namespace ferry::cli {

class Peer {
 public:
  // `python` is an interpreter; empty: $FERRY_PYTHON, $VIRTUAL_ENV/bin/python or python3.
  // Throws Error, with what to do when onnxruntime cannot be imported.
  Peer(const std::string& python, const std::string& model, const NamedValues& inputs, int threads);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  // Seconds of each of `count` runs.
  std::vector<double> run(size_t count);
  const std::string& version() const { return version_; }
  double load_seconds() const { return load_seconds_; }

 private:
  void start(const std::string& python, const std::vector<std::string>& arguments);
  std::string read_line();
  void stop();

  pid_t process_ = -1;
  FILE* to_ = nullptr;
  FILE* from_ = nullptr;
  std::string folder_, version_;
  double load_seconds_ = 0;
};

}  // namespace ferry::cli
