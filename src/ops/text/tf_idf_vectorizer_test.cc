// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

using Ints = std::vector<int64_t>;

OpTester tfidf(const char* mode, int64_t min, int64_t max, int64_t skip) {
  return OpTester("TfIdfVectorizer").attr("mode", std::string(mode)).attr("min_gram_length", min).attr("max_gram_length", max)
      .attr("max_skip_count", skip).attr("ngram_counts", Ints{0, 4}).attr("ngram_indexes", Ints{0, 1, 2, 3, 4, 5, 6})
      .attr("pool_int64s", Ints{2, 3, 5, 4, 5, 6, 7, 8, 6, 7});
}

TEST(TfIdfVectorizer, CountsAndWeights) {
  const Tensor x = tensor<int32_t>({12}, {1, 1, 3, 3, 3, 7, 8, 6, 7, 5, 6, 8});
  tfidf("TF", 2, 2, 0).input(x).expect(tensor<float>({7}, {0, 0, 0, 0, 1, 1, 1})).run();
  tfidf("TF", 1, 2, 0).input(x).expect(tensor<float>({7}, {0, 3, 1, 0, 1, 1, 1})).run();
  tfidf("TF", 1, 2, 5).input(x).expect(tensor<float>({7}, {0, 3, 1, 0, 1, 3, 1})).run();
  tfidf("IDF", 1, 1, 0).attr("weights", std::vector<float>{1, 2, 3, 4, 5, 6, 7}).input(x).expect(tensor<float>({7}, {0, 2, 3, 0, 0, 0, 0})).run();
  tfidf("TFIDF", 1, 1, 0).attr("weights", std::vector<float>{1, 2, 3, 4, 5, 6, 7}).input(tensor<int64_t>({2, 2}, {3, 3, 5, 9}))
      .expect(tensor<float>({2, 7}, {0, 4, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0})).run();
  tfidf("TF", 1, 1, 0).input(tensor<int64_t>({0}, {})).expect(tensor<float>({7}, {0, 0, 0, 0, 0, 0, 0})).run();
}

TEST(TfIdfVectorizer, StringsAndErrors) {
  OpTester("TfIdfVectorizer").attr("mode", std::string("TF")).attr("min_gram_length", int64_t{1}).attr("max_gram_length", int64_t{1})
      .attr("max_skip_count", int64_t{0}).attr("ngram_counts", Ints{0}).attr("ngram_indexes", Ints{1, 0})
      .attr("pool_strings", std::vector<std::string>{"a", "b"}).input(tensor<std::string>({3}, {"a", "c", "a"}))
      .expect(tensor<float>({2}, {0, 2})).run();
  tfidf("XX", 1, 1, 0).input(ints({1})).expect_error(Code::kInvalidModel, "mode is 'XX'").run();
  tfidf("TF", 2, 1, 0).input(ints({1})).expect_error(Code::kInvalidModel, "n-grams of 2 to 1").run();
  tfidf("TF", 1, 1, 0).attr("ngram_indexes", Ints{0}).input(ints({1})).expect_error(Code::kInvalidModel, "7 n-grams, ngram_indexes 1").run();
}

}  // namespace
}  // namespace ferry
