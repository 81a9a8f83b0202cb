// SPDX-License-Identifier: Apache-2.0
// y = the parts of each string between delimiters, padded with empty strings to the largest number
// of parts; z = how many parts each has.
//   x: str [...]   y: str [..., parts]   z: i64 [...]
// ONNX StringSplit-20.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ferry {

struct StringSplit {
  std::string delimiter;            // empty: runs of white space, none at the ends
  std::optional<int64_t> maxsplit;  // the last part is what is left after that many splits
};

}  // namespace ferry
