// SPDX-License-Identifier: Apache-2.0
// What the verbs of the command share: how they are added, and how they fail.
//
// A verb throws ferry::Error; main prints it as "ferry <verb>: <status>" on stderr.
#pragma once

#include <fmt/core.h>

#include <string>
#include <utility>

#include "ferry/status.h"

namespace CLI {  // NOLINT(readability-identifier-naming): of CLI11
class App;
}

namespace ferry::cli {

enum ExitCode : int {
  kExitOk = 0,
  kExitError = 1,  // the model or an input is wrong, or a check failed
  kExitUsage = 2,  // the command line is wrong
};

// Each adds its subcommand; the callback stores the exit code in `code`.
void add_run(CLI::App& app, int& code);
void add_info(CLI::App& app, int& code);
void add_check(CLI::App& app, int& code);
void add_optimize(CLI::App& app, int& code);
void add_bench(CLI::App& app, int& code);

template <class... Args>
[[noreturn]] void fail(Code code, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(Status(code, fmt::format(format, std::forward<Args>(args)...)));
}

inline void check(const Status& status) {
  if (!status.ok()) throw Error(status);
}

}  // namespace ferry::cli
