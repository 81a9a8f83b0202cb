// SPDX-License-Identifier: Apache-2.0
// A progress bar on a terminal's stderr; nothing in a pipe.
#pragma once

#include <cstddef>
#include <string>

namespace ferry::cli {

class Progress {
 public:
  explicit Progress(std::string what);
  ~Progress();  // wipes the bar
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  // `share` in [0, 1].
  void show(double share);

 private:
  std::string what_;
  bool on_;
  int last_ = -1;
};

}  // namespace ferry::cli
