// SPDX-License-Identifier: Apache-2.0
// y = whether the whole string matches `pattern` (RE2 syntax).
//   x: str   y: bool, shape of x
// ONNX RegexFullMatch-20. The engine is a library of its own that registers itself here.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ferry/status.h"

namespace ferry {

struct RegexFullMatch {
  std::string pattern;
};

// matches[i] = whether all of texts[i] matches. Errors: kInvalidArgument for a bad pattern.
using RegexEngine = Status (*)(const std::string& pattern, std::span<const std::string> texts,
                               bool* matches);
// What matches in each text, from left to right, the longest first.
using RegexFinder = Result<std::vector<std::vector<std::string_view>>> (*)(
    const std::string& pattern, std::span<const std::string_view> texts);
// Thread-safe. Without an engine the operators fail with kUnsupportedOp.
void set_regex_engine(RegexEngine engine, RegexFinder finder = nullptr);

// As RegexFinder.
Result<std::vector<std::vector<std::string_view>>> find_all(
    const std::string& pattern, std::span<const std::string_view> texts);

}  // namespace ferry
