// SPDX-License-Identifier: Apache-2.0
#include "ops/text/tf_idf_vectorizer.h"

#include <algorithm>
#include <map>

#include "ops/arguments.h"
#include "ops/registry.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

// Largest output that indexes may ask for: no vocabulary comes near it.
constexpr int64_t kMaxIndex = int64_t{1} << 32;

Result<int64_t> output_size(const TfIdfVectorizer& op) {
  int64_t size = 0;
  for (int64_t i : op.ngram_indexes) {
    if (i < 0 || i >= kMaxIndex) return invalid_model("ngram index {} outside [0, {})", i, kMaxIndex);
    size = std::max(size, i + 1);
  }
  return size;
}

Status check(const TfIdfVectorizer& op) {
  if (op.mode != "TF" && op.mode != "IDF" && op.mode != "TFIDF") {
    return invalid_model("mode is '{}', wanted is TF, IDF or TFIDF", op.mode);
  }
  if (op.min_gram_length < 1 || op.max_gram_length < op.min_gram_length || op.max_skip_count < 0 ||
      op.max_skip_count >= kMaxIndex) {
    return invalid_model("n-grams of {} to {} items with {} skips", op.min_gram_length,
                         op.max_gram_length, op.max_skip_count);
  }
  if (!op.weights.empty() && op.weights.size() != op.ngram_indexes.size()) {
    return invalid_model("{} weights for {} n-grams", op.weights.size(), op.ngram_indexes.size());
  }
  if (op.pool_int64s.empty() == op.pool_strings.empty()) {
    return invalid_model("wanted is one of pool_int64s and pool_strings");
  }
  const auto pool = static_cast<int64_t>(std::max(op.pool_int64s.size(), op.pool_strings.size()));
  int64_t grams = 0;
  for (size_t n = 0; n < op.ngram_counts.size(); ++n) {
    const int64_t begin = op.ngram_counts[n];
    const int64_t end = n + 1 < op.ngram_counts.size() ? op.ngram_counts[n + 1] : pool;
    if (begin < 0 || end < begin || end > pool || (end - begin) % static_cast<int64_t>(n + 1) != 0) {
      return invalid_model("ngram_counts [{}, {}) of a pool of {} hold no {}-grams", begin, end, pool, n + 1);
    }
    grams += (end - begin) / static_cast<int64_t>(n + 1);
  }
  if (grams != static_cast<int64_t>(op.ngram_indexes.size())) {
    return invalid_model("the pool has {} n-grams, ngram_indexes {}", grams, op.ngram_indexes.size());
  }
  return {};
}

Status infer(const TfIdfVectorizer& op, InferContext& c) {
  FERRY_RETURN_IF_ERROR(check(op));
  const TypeSet allowed = op.pool_strings.empty() ? types::kIndices : types::kString;
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, allowed, 1, 2));
  FERRY_ASSIGN_OR_RETURN(const int64_t size, output_size(op));
  std::optional<Shape> shape = x.shape;
  if (shape) shape->back() = size;
  c.set_tensor(0, DType::kFloat32, std::move(shape));
  return {};
}

template <class T>
using Pool = std::map<std::vector<T>, size_t>;  // n-gram to its place in ngram_indexes

template <class T>
Pool<T> make_pool(const TfIdfVectorizer& op, const std::vector<T>& items) {
  Pool<T> pool;
  size_t gram = 0;
  for (size_t n = 1; n <= op.ngram_counts.size(); ++n) {
    const auto begin = static_cast<size_t>(op.ngram_counts[n - 1]);
    const size_t end = n < op.ngram_counts.size() ? static_cast<size_t>(op.ngram_counts[n]) : items.size();
    const auto length = static_cast<int64_t>(n);
    for (size_t i = begin; i + n <= end; i += n, ++gram) {
      if (length < op.min_gram_length || length > op.max_gram_length) continue;
      pool.emplace(std::vector<T>(items.begin() + static_cast<std::ptrdiff_t>(i),
                                  items.begin() + static_cast<std::ptrdiff_t>(i + n)), gram);
    }
  }
  return pool;
}

template <class T>
Status count_row(const TfIdfVectorizer& op, EvalContext& c, const Pool<T>& pool,
                 const std::vector<T>& row, float* y) {
  const auto n = static_cast<int64_t>(row.size());
  const int64_t longest = std::min<int64_t>(op.max_gram_length, static_cast<int64_t>(op.ngram_counts.size()));
  for (int64_t skip = 1; skip <= std::min(op.max_skip_count + 1, std::max<int64_t>(n, 1)); ++skip) {
    // Single items do not depend on the distance.
    const int64_t shortest = skip == 1 ? op.min_gram_length : std::max<int64_t>(op.min_gram_length, 2);
    for (int64_t begin = 0; begin < n; ++begin) {
      if (begin % 1024 == 0) FERRY_RETURN_IF_ERROR(c.poll());
      std::vector<T> gram;
      for (int64_t k = begin; k < n && static_cast<int64_t>(gram.size()) < longest; k += skip) {
        gram.push_back(row[static_cast<size_t>(k)]);
        if (static_cast<int64_t>(gram.size()) < shortest) continue;
        const auto found = pool.find(gram);
        if (found != pool.end()) y[op.ngram_indexes[found->second]] += 1;
      }
    }
  }
  return {};
}

// Counts to what the mode wants.
void weigh(const TfIdfVectorizer& op, float* y) {
  if (op.mode == "TF") return;
  for (size_t k = 0; k < op.ngram_indexes.size(); ++k) {
    float& v = y[op.ngram_indexes[k]];
    const float weight = op.weights.empty() ? 1 : op.weights[k];
    v = op.mode == "IDF" ? (v > 0 ? weight : 0) : v * weight;
  }
}

template <class T, class From>
Status run(const TfIdfVectorizer& op, EvalContext& c, const std::vector<T>& items, Tensor& y) {
  const Tensor& x = c.input(0);
  const Pool<T> pool = make_pool(op, items);
  const int64_t n = x.dims().back(), m = y.dims().back();
  std::fill_n(y.data<float>(), y.count(), 0.0f);
  for (int64_t r = 0; r < (x.rank() == 2 ? x.dim(0) : 1); ++r) {
    const From* from = x.data<From>() + r * n;
    FERRY_RETURN_IF_ERROR(count_row(op, c, pool, std::vector<T>(from, from + n), y.data<float>() + r * m));
    weigh(op, y.data<float>() + r * m);
  }
  return {};
}

Status eval(const TfIdfVectorizer& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_RETURN_IF_ERROR(check(op));
  if (x.rank() < 1 || x.rank() > 2) return shape_mismatch("x is {}, wanted is rank 1 or 2", x.describe());
  Dims dims = x.dims();
  FERRY_ASSIGN_OR_RETURN(dims.back(), output_size(op));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, DType::kFloat32, dims));
  if (x.dtype() == DType::kString) return run<std::string, std::string>(op, c, op.pool_strings, y);
  if (x.dtype() == DType::kInt32) return run<int64_t, int32_t>(op, c, op.pool_int64s, y);
  return run<int64_t, int64_t>(op, c, op.pool_int64s, y);
}

}  // namespace

void register_tf_idf_vectorizer(OpRegistry& r) {
  using V = TfIdfVectorizer;
  r.op<V>("TfIdfVectorizer").since(9).required("mode", &V::mode)
      .required("min_gram_length", &V::min_gram_length)
      .required("max_gram_length", &V::max_gram_length)
      .required("max_skip_count", &V::max_skip_count).required("ngram_counts", &V::ngram_counts)
      .required("ngram_indexes", &V::ngram_indexes).attr("pool_int64s", &V::pool_int64s)
      .attr("pool_strings", &V::pool_strings).attr("weights", &V::weights)
      .infer(infer).reference(eval);
}

}  // namespace ferry
