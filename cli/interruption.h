// SPDX-License-Identifier: Apache-2.0
// While an Interruption lives, SIGINT, SIGTERM and SIGHUP end what goes on by an exception, so that
// temporary files go; with it the process ends of the signal, as it would have.
#pragma once

#include <csignal>
#include <exception>

namespace ferry::cli {

struct Interrupted : std::exception {
  const char* what() const noexcept override { return "interrupted"; }
};

class Interruption {
 public:
  Interruption();  // one at a time
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  // Throws Interrupted when a signal has come.
  static void check();
  // For a child process: signals end it again.
  static void reset() noexcept;

 private:
  static constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};
  struct sigaction before_[3] = {};
};

}  // namespace ferry::cli
