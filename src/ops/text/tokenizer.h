// SPDX-License-Identifier: Apache-2.0
// y = the words of each string, padded with `pad_value` to the largest number of words.
//   x: str [n] or [batch, n]   y: str, shape of x and [words]
// com.microsoft.Tokenizer, as scikit-learn's converters write it for their vectorizers. Words are
// what matches `tokenexp`, or what lies between matches of one of `separators`, applied in turn;
// one empty separator makes every character a word. Shorter words than `mincharnum` characters are
// left out. `mark` puts a word of the character 2 first and one of the character 3 last.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ferry {

struct Tokenizer {
  int64_t mark = 0;
  std::string pad_value;
  std::string tokenexp;
  std::vector<std::string> separators;
  int64_t mincharnum = 0;
};

}  // namespace ferry
