// SPDX-License-Identifier: Apache-2.0
#include "peers.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "json.h"

namespace ferry::cli {

extern const char* const kPeerWorker;  // generated from peers/worker.py

std::vector<std::string> peer_choices() {
  return {"onnxruntime", "openvino", "openvino-f32", "ncnn", "torch", "torch-compile"};
}

std::vector<std::string> expand_peers(const std::vector<std::string>& names) {
  std::vector<std::string> all;
  const auto add = [&](const std::string& name) {
    if (std::find(all.begin(), all.end(), name) == all.end()) all.push_back(name);
  };
  for (const std::string& name : names) {
    add(name);
    if (name == "openvino") add("openvino-f32");
    if (name == "torch") add("torch-compile");
  }
  return all;
}

std::string peer_interpreter(const std::string& python) {
  if (!python.empty()) return python;
  if (const char* named = std::getenv("FERRY_PYTHON"); named != nullptr && *named != '\0')
    return named;
  if (const char* venv = std::getenv("VIRTUAL_ENV"); venv != nullptr && *venv != '\0') {
    return std::string(venv) + "/bin/python";
  }
  return "python3";
}

void become_peer(const PeerJob& job) {
  const Json config = {{"engine", job.engine},
                       {"model", job.model},
                       {"threads", job.threads},
                       {"inputs", job.data + "/inputs.npz"},
                       {"reference", job.data + "/reference.npz"},
                       {"input_names", job.input_names},
                       {"torch", job.torch},
                       {"folder", job.folder}};
  std::string python = peer_interpreter(job.python), flag = "-c", program = kPeerWorker;
  std::string text = config.dump(-1, ' ', false, Json::error_handler_t::replace);
  char* words[] = {python.data(), flag.data(), program.data(), text.data(), nullptr};
  // Engines that read these when they are loaded take as many threads as Ferry does.
  const std::string threads = std::to_string(job.threads);
  setenv("OMP_NUM_THREADS", threads.c_str(), 1);
  setenv("MKL_NUM_THREADS", threads.c_str(), 1);
  execvp(words[0], words);
}

}  // namespace ferry::cli
