// SPDX-License-Identifier: Apache-2.0
// Loads the model named on the command line (y = relu(x + 1), made by make_model.py) and runs it once.
#include <cstdio>
#include <vector>

#include "ferry/ferry.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  auto model = ferry::Model::load(argv[1]);
  if (!model.ok()) {
    std::fprintf(stderr, "%s\n", model.status().to_string().c_str());
    return 1;
  }
  auto session = ferry::Session::create(*model, {.threads = 1});
  if (!session.ok()) {
    std::fprintf(stderr, "%s\n", session.status().to_string().c_str());
    return 1;
  }
  const std::vector<float> x = {-3, -1, 0, 2};
  auto input = ferry::Tensor::from<float>({2, 2}, x);
  auto outputs = session->run({{*input}});
  if (!outputs.ok()) {
    std::fprintf(stderr, "%s\n", outputs.status().to_string().c_str());
    return 1;
  }
  const auto y = (*outputs)[0].values<float>();
  const bool right = y.size() == 4 && y[0] == 0 && y[1] == 0 && y[2] == 1 && y[3] == 3;
  std::printf("%s\n", right ? "right" : "wrong values");
  return right ? 0 : 1;
}
