// SPDX-License-Identifier: Apache-2.0
// super_resolution MODEL INPUT OUTPUT: what `ferry run MODEL --image INPUT --output OUTPUT` does.
#include <cstdio>
#include <exception>

#include "ferry/ferry.h"

int main(int argc, char** argv) try {
  if (argc != 4) {
    std::fputs("usage: super_resolution MODEL INPUT OUTPUT\n", stderr);
    return 2;
  }
  // value() throws ferry::Error where there is none; ok() and status() serve without exceptions.
  const auto model = ferry::Model::load(argv[1]).value();
  const auto session = ferry::Session::create(model).value();
  const auto picture = ferry::read_picture(argv[2]).value();
  const auto outputs = session.run({{model.inputs()[0].name, picture.tensor}}).value();
  const auto& result = outputs.at(model.outputs()[0].name).tensor();
  if (const auto status = ferry::write_picture(argv[3], result); !status.ok()) {
    throw ferry::Error(status);
  }
  std::printf("%s -> %s\n", picture.tensor.describe().c_str(), result.describe().c_str());
} catch (const std::exception& error) {
  std::fprintf(stderr, "super_resolution: %s\n", error.what());
  return 1;
}
