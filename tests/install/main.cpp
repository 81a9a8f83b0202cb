// SPDX-License-Identifier: Apache-2.0
// Loads the model named on the command line (y = relu(x + 1), made by make_model.py) and runs it
// once.
#include <cstdio>

#include "ferry/ferry.h"

static int fail(const ferry::Status& status) {
  std::fprintf(stderr, "%s\n", status.to_string().c_str());
  return 1;
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  auto model = ferry::Model::load(argv[1]);
  if (!model.ok()) return fail(model.status());
  auto session = ferry::Session::create(*model, {.threads = 1});
  if (!session.ok()) return fail(session.status());

  const float x[] = {-3, -1, 0, 2};
  auto outputs = session->run({{"x", ferry::Tensor::borrow(ferry::DType::kFloat32, {2, 2}, x)}});
  if (!outputs.ok()) return fail(outputs.status());

  const auto y = outputs->at("y").tensor().elements<float>();
  const bool right = y.size() == 4 && y[0] == 0 && y[1] == 0 && y[2] == 1 && y[3] == 3;
  std::puts(right ? "right" : "wrong values");
  return right ? 0 : 1;
}
