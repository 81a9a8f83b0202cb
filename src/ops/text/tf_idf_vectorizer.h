// SPDX-License-Identifier: Apache-2.0
// y[ngram_indexes[k]] = how often n-gram k of the pool occurs in x, weighted.
//   x: i32, i64 or str; [n] or [batch, n]   y: f32 [m] or [batch, m], m = max(ngram_indexes) + 1
// The pool lists all 1-grams, then all 2-grams, ...; ngram_counts says where each length begins.
// Items of an n-gram may lie up to max_skip_count + 1 apart. ONNX TfIdfVectorizer-9.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ferry {

struct TfIdfVectorizer {
  std::string mode;  // TF: counts; IDF: weight where it occurs; TFIDF: counts times weights
  int64_t min_gram_length = 0, max_gram_length = 0, max_skip_count = 0;
  std::vector<int64_t> ngram_counts, ngram_indexes;
  std::vector<int64_t> pool_int64s;
  std::vector<std::string> pool_strings;
  std::vector<float> weights;  // empty: all 1
};

}  // namespace ferry
