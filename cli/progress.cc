// SPDX-License-Identifier: Apache-2.0
#include "progress.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace ferry::cli {
namespace {
constexpr int kCells = 30;
}

Progress::Progress(std::string what) : what_(std::move(what)), on_(isatty(STDERR_FILENO) != 0) {
  show(0);
}

Progress::~Progress() {
  if (on_) fmt::print(stderr, "\r\033[K");
}

void Progress::show(double share) {
  const int percent = static_cast<int>(std::clamp(share, 0.0, 1.0) * 100);
  if (!on_ || percent == last_) return;
  last_ = percent;
  const int full = percent * kCells / 100;
  fmt::print(stderr, "\r{} [{:#<{}}{: <{}}] {:3} %", what_, "", full, "", kCells - full, percent);
  std::fflush(stderr);
}

}  // namespace ferry::cli
