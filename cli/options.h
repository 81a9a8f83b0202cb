// SPDX-License-Identifier: Apache-2.0
// Options that several verbs take, under one name each.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "ferry/ferry.h"

namespace CLI {  // NOLINT(readability-identifier-naming): of CLI11
class App;
}

namespace ferry::cli {

// How a session is made: --threads, --accuracy, --prefer, --memory-limit, ...
struct EngineOptions {
  std::string accuracy = "fast", prefer = "speed";
  std::string memory_limit, cache_limit, max_fold_bytes, max_fold_bytes_per_value;
  std::vector<std::string> limits;
  bool no_optimize = false;
  SessionOptions session;

  void add_to(CLI::App& verb, bool with_threads = true);
  void add_load_to(CLI::App& verb);  // what only reading takes; part of add_to
  SessionOptions get() const;        // throws Error
  LoadOptions get_load() const;      // throws Error
};

// Sizes of named dims: --dim N=1, --shape input=1x3x224x224.
struct ShapeOptions {
  std::vector<std::string> dims, shapes;
  void add_to(CLI::App& verb);
};

// "name=rest"; throws CLI::ValidationError naming `option`.
std::pair<std::string, std::string> split_assignment(const std::string& option,
                                                     const std::string& text);
std::vector<std::string> split(const std::string& text, char at);
// "512M", "2GiB", "1000000" in bytes, `least` or more.
uint64_t parse_bytes(const std::string& option, const std::string& text, uint64_t least = 1);

// Checks for options: "" or what is wrong with the text.
std::string check_whole_number(const std::string& text);  // of 64 bits without a sign
std::string check_seconds(const std::string& text);       // 0 to 3600
std::string check_not_empty(const std::string& text);

// With `flag` an option beside those of `allowed` means nothing. Throws CLI::ValidationError that
// names it and says `why`.
void allow_only(const CLI::App& verb, const std::string& flag,
                std::initializer_list<std::string_view> allowed, const std::string& why);

// The sizes that the user gave to the dims of `model`'s inputs; others are absent. Throws Error
// when a shape contradicts the model.
SymbolSizes given_sizes(const Model& model, const ShapeOptions& options);
// The same with a size for every symbol: 1 for batches, 224 for heights and widths of pictures, 16
// for others. `assumed` lists those that the user did not give, as "N=1".
SymbolSizes all_sizes(const Model& model, const ShapeOptions& options,
                      std::vector<std::string>& assumed);

// Concrete dims of an input; -1 where not even a rank is known is an error.
Dims dims_at(const ValueInfo& input, const SymbolSizes& sizes);

// "f32[N,3,H,W]" plus the default's mark.
std::string value_text(const ValueInfo& value);

}  // namespace ferry::cli
