// SPDX-License-Identifier: Apache-2.0
// Lower and upper case of UTF-8 text, for the letters whose case is one code point to one:
// Latin (with Latin-1 and Latin Extended-A), Greek and Cyrillic. Other text stays as it is.
#pragma once

#include <string>
#include <string_view>

namespace ferry {

enum class LetterCase { kLower, kUpper };

std::string change_case(std::string_view text, LetterCase to);

}  // namespace ferry
