// SPDX-License-Identifier: Apache-2.0
// y = the strings of x that are no stop words, in lower or upper case on request; one empty string
// when none is left.
//   x: str [n] or [1, n]   y: str [m] or [1, m]
// Letters: Latin, Greek and Cyrillic, whatever the locale. ONNX StringNormalizer-10.
#pragma once

#include <string>
#include <vector>

namespace ferry {

struct StringNormalizer {
  std::string case_change_action = "NONE";  // NONE, LOWER, UPPER
  bool is_case_sensitive = false;           // of stop words
  std::string locale;                       // no effect
  std::vector<std::string> stopwords;
};

}  // namespace ferry
