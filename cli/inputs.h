// SPDX-License-Identifier: Apache-2.0
// The inputs of a run: tensors from files, a picture, random numbers for the rest.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ferry/ferry.h"
#include "options.h"
#include "verb.h"

namespace ferry::cli {

struct InputOptions {
  std::vector<std::string> files;  // "name=file" or "file"
  std::string image, image_input;
  std::string layout, order = "rgb", range = "0-1", rounding = "nearest";
  std::vector<float> mean, std;
  uint64_t seed = 0;
  ShapeOptions shapes;

  void add_to(CLI::App& verb);
  bool random_only() const { return files.empty() && image.empty(); }
  PictureOptions picture() const;  // what the options say; layout when given
  // Options of pictures where there are none are a mistake. Throws CLI::ValidationError.
  void refuse_unused(bool writes_picture) const;
  // --mean and --std have one number, or one for each channel of `who`. Throws Error.
  void check_channels(int64_t channels, const std::string& who) const;
  // ", mean 0.485,0.456,0.406, std 0.5"; "" without --mean and --std.
  std::string normalisation() const;
};

struct Inputs {
  NamedValues values;
  std::vector<std::string> notes;  // what was chosen, for people
  PictureOptions picture;          // of --image, after what the model asks for
};

// Throws Error, or CLI::ValidationError for contradicting options.
Inputs load_inputs(const Model& model, const InputOptions& options);

// In the order of the session's inputs; nothing where a default stands.
std::vector<Value> in_order(const Session& session, const NamedValues& named);
// The sizes that these inputs give to the named dims of the model.
SymbolSizes bound_sizes(const Model& model, const NamedValues& named);

}  // namespace ferry::cli
