// SPDX-License-Identifier: Apache-2.0
// Regular expressions in RE2's syntax (no back-references or look-around; time linear in the text).
//
// Threads: one Regex may be used from several threads at once. Copies share the compiled program.
#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "ferry/status.h"

namespace ferry {

class Regex {
 public:
  // Pattern and texts are UTF-8.
  // Errors: kInvalidArgument  a bad pattern; the message quotes it and says what is wrong
  //         kUnsupportedType  a build without FERRY_CODEC
  static Result<Regex> compile(std::string_view pattern);

  // Whether the whole of `text` matches, not only a part of it.
  bool full_match(std::string_view text) const;
  // The first match at or after `from`, the longest of those that begin there; an empty view with
  // no data when there is none.
  std::string_view find(std::string_view text, size_t from) const;

 private:
  struct Program;
  explicit Regex(std::shared_ptr<const Program> program) : program_(std::move(program)) {}
  std::shared_ptr<const Program> program_;
};

}  // namespace ferry
