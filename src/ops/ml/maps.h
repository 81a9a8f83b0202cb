// SPDX-License-Identifier: Apache-2.0
// Between tensors and maps.
//   ZipMap          x: f32 [n, classes]   y: a sequence of n maps from label to score
//   DictVectorizer  x: a map   y: [1, vocabulary], the value of each word of the vocabulary, or 0
//   CastMap         x: a map from i64   y: [1, n], its values in the order of their keys (DENSE), or
//                   at their keys (SPARSE), as f32, i64 or str
// ai.onnx.ml versions 1.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ferry {

struct ZipMap {
  std::vector<int64_t> classlabels_int64s;
  std::vector<std::string> classlabels_strings;
};

struct DictVectorizer {
  std::vector<int64_t> int64_vocabulary;
  std::vector<std::string> string_vocabulary;
};

struct CastMap {
  std::string cast_to = "TO_FLOAT";  // TO_FLOAT, TO_STRING, TO_INT64
  std::string map_form = "DENSE";    // DENSE, SPARSE
  int64_t max_map = 1;               // length of a SPARSE output
};

}  // namespace ferry
