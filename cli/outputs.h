// SPDX-License-Identifier: Apache-2.0
// The outputs of a run: summaries and files.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ferry/ferry.h"
#include "inputs.h"
#include "json.h"

namespace ferry::cli {

using OrderedValues = std::vector<std::pair<std::string, Value>>;

// Name, type, smallest, largest and mean number; how many are NaN or infinite.
Json summarize(const std::string& name, const Value& value);
std::string summary_text(const Json& summary);

// Writes to `path` by its extension: a picture (of the only output that is one), .npz with all
// outputs, .npy with the only one, else a folder with one .npy each. `notes` says what was written
// and how. `picture` is what `asked` became. Throws Error.
void write_outputs(const std::string& path, const OrderedValues& outputs,
                   const PictureOptions& picture, const InputOptions& asked,
                   std::vector<std::string>& notes);

}  // namespace ferry::cli
