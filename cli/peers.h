// SPDX-License-Identifier: Apache-2.0
// The engines that `ferry bench --vs` compares with. Each runs in a Python process
// (cli/peers/worker.py, which this binary holds).
#pragma once

#include <string>
#include <vector>

#include "ferry/ferry.h"

namespace ferry::cli {

// What --vs takes: names, of which "openvino" stands for its default and its f32 mode, "torch" for
// eager and compiled.
std::vector<std::string> peer_choices();
std::vector<std::string> expand_peers(const std::vector<std::string>& names);

struct PeerJob {
  std::string engine, model;
  int threads = 1;
  std::string data;    // a folder that holds inputs.npz and reference.npz
  std::string folder;  // the peer's own
  std::vector<std::string> input_names;
  std::string torch;   // "module:function" that makes the PyTorch module, or empty
  std::string python;  // interpreter; empty: $FERRY_PYTHON, $VIRTUAL_ENV/bin/python or python3
};

// Becomes the peer's process: returns only when the interpreter cannot be started.
void become_peer(const PeerJob& job);
std::string peer_interpreter(const std::string& python);

}  // namespace ferry::cli
