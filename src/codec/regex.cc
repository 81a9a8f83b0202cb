// SPDX-License-Identifier: Apache-2.0
#include "codec/regex.h"

#include <re2/re2.h>

#include "base/status.h"

namespace ferry {

struct Regex::Program {
  explicit Program(std::string_view pattern)
      : expression(re2::StringPiece(pattern.data(), pattern.size()), quiet(false)),
        longest(re2::StringPiece(pattern.data(), pattern.size()), quiet(true)) {}

  static RE2::Options quiet(bool longest) {
    RE2::Options options;
    options.set_log_errors(false);
    options.set_longest_match(longest);
    return options;
  }

  RE2 expression, longest;
};

Result<Regex> Regex::compile(std::string_view pattern) {
  auto program = std::make_shared<const Program>(pattern);
  if (!program->expression.ok()) {
    return invalid_argument("regular expression '{}': {}", pattern, program->expression.error());
  }
  return Regex(std::move(program));
}

bool Regex::full_match(std::string_view text) const {
  return RE2::FullMatch(re2::StringPiece(text.data(), text.size()), program_->expression);
}

std::string_view Regex::find(std::string_view text, size_t from) const {
  re2::StringPiece found;
  const re2::StringPiece whole(text.data(), text.size());
  if (!program_->longest.Match(whole, from, text.size(), RE2::UNANCHORED, &found, 1)) return {};
  return {found.data(), found.size()};
}

}  // namespace ferry
