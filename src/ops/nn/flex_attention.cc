// SPDX-License-Identifier: Apache-2.0
#include "ops/nn/flex_attention.h"

#include <algorithm>
#include <cmath>

#include "ops/nn/head_rows.h"
#include "ops/registry.h"
#include "ops/working_array.h"
#include "tensor/better_known.h"

namespace ferry {
namespace {

constexpr size_t kScoreMod = 0, kProbMod = 1;

Result<DType> score_type(const FlexAttention& op, DType q) {
  if (!op.softmax_precision) return q == DType::kFloat64 ? q : DType::kFloat32;
  const int64_t p = *op.softmax_precision;
  if (p < 0 || p >= kNumDTypes || !types::kFloating.contains(static_cast<DType>(p))) {
    return invalid_model("attribute 'softmax_precision' is {}, wanted is a floating type", p);
  }
  return static_cast<DType>(p);
}

Status infer_modifier(size_t index, const char* name, const Type& scores, InferContext& c) {
  GraphValue input;
  input.type = scores;
  FERRY_ASSIGN_OR_RETURN(const auto outputs, c.infer_body(index, {input}));
  if (outputs.size() != 1 || !outputs[0].type.is_tensor() ||
      outputs[0].type.dtype != scores.dtype) {
    return invalid_model("{} makes {}, wanted is one {}", name,
                         outputs.size() == 1 ? outputs[0].type.to_string()
                                             : fmt::format("{} outputs", outputs.size()),
                         scores.to_string());
  }
  return {};
}

Status infer(const FlexAttention& op, InferContext& c) {
  for (size_t i = 0; i < 3; ++i) {
    FERRY_RETURN_IF_ERROR(c.tensor(i, types::kFloating, 4, 4).status());
    FERRY_RETURN_IF_ERROR(c.same_dtype(0, i));
  }
  const Type &q = c.type(0), &k = c.type(1), &v = c.type(2);
  FERRY_ASSIGN_OR_RETURN(const DType precision, score_type(op, q.dtype));
  Shape y = c.fresh_shape(0, 4), scores = c.fresh_shape(1, 4);
  if (q.has_rank()) {
    for (size_t a = 0; a < 3; ++a) y[a] = scores[a] = (*q.shape)[a];
  }
  if (k.has_rank()) scores[3] = (*k.shape)[2];
  if (v.has_rank()) y[3] = (*v.shape)[3];
  if (q.has_rank() && k.has_rank() && v.has_rank()) {
    const Shape &a = *q.shape, &b = *k.shape, &d = *v.shape;
    if (Dim::known_different(a[0], b[0]) || Dim::known_different(b[0], d[0]) ||
        Dim::known_different(b[1], d[1]) || Dim::known_different(b[2], d[2]) ||
        Dim::known_different(a[3], b[3])) {
      return shape_mismatch("q is {}, k {} and v {}, which do not fit together", q.to_string(),
                            k.to_string(), v.to_string());
    }
  }
  for (const Type* t : {&k, &v}) {
    if (t->has_rank()) y[0] = scores[0] = better_known(y[0], (*t->shape)[0]);
  }
  const Type score = Type::tensor(precision, scores);
  FERRY_RETURN_IF_ERROR(infer_modifier(kScoreMod, "score_mod", score, c));
  FERRY_RETURN_IF_ERROR(infer_modifier(kProbMod, "prob_mod", score, c));
  c.set_tensor(0, q.dtype, std::move(y));
  return {};
}

Status modify(size_t index, const char* name, Tensor& scores, EvalContext& c) {
  std::vector<Value> outputs;
  FERRY_RETURN_IF_ERROR(c.run_body(index, {Value(scores)}, outputs).with_context(name));
  if (outputs.size() != 1 || !outputs[0].is_tensor() ||
      outputs[0].tensor().dtype() != scores.dtype() ||
      !(outputs[0].tensor().dims() == scores.dims())) {
    return shape_mismatch("{} makes {}, wanted is {}", name,
                          outputs.empty() ? "nothing" : outputs[0].describe(), scores.describe());
  }
  scores = outputs[0].tensor();
  return {};
}

struct Sizes {
  int64_t batch, heads, kv_heads, queries, keys, width, value_width;

  int64_t kv(int64_t row) const {
    return row / heads * kv_heads + row % heads / (heads / kv_heads);
  }
};

Result<Sizes> check_sizes(const Tensor& q, const Tensor& k, const Tensor& v) {
  const bool ranks = q.rank() == 4 && k.rank() == 4 && v.rank() == 4;
  const bool fits = ranks && q.dim(0) == k.dim(0) && q.dim(0) == v.dim(0) && k.dim(1) == v.dim(1) &&
                    k.dim(2) == v.dim(2) && q.dim(3) == k.dim(3) && k.dim(1) > 0 &&
                    q.dim(1) % k.dim(1) == 0;
  if (!fits) {
    return shape_mismatch("q is {}, k {} and v {}, which do not fit together", q.describe(),
                          k.describe(), v.describe());
  }
  return Sizes{q.dim(0), q.dim(1), k.dim(1), q.dim(2), k.dim(2), q.dim(3), v.dim(3)};
}

Status multiply(const FlexAttention& op, const Sizes& s, const Tensor& q, const Tensor& k,
                Tensor& scores, EvalContext& c) {
  const double scale = op.scale ? double(*op.scale) : 1 / std::sqrt(double(s.width));
  std::vector<double> q_row(static_cast<size_t>(s.width));
  FERRY_ASSIGN_OR_RETURN(auto out, WorkingArray<double>::make(c, s.keys));
  FERRY_ASSIGN_OR_RETURN(auto rows, WorkingArray<double>::make(c, s.keys * s.width));
  PollEvery polls(c);
  for (int64_t r = 0; r < s.batch * s.heads; ++r) {
    FERRY_RETURN_IF_ERROR(
        load_rows(polls, k, s.kv(r) * s.keys * s.width, s.keys * s.width, rows.data()));
    for (int64_t i = r * s.queries; i < (r + 1) * s.queries; ++i) {
      load_row(q, i * s.width, s.width, q_row.data());
      for (int64_t j = 0; j < s.keys; ++j) {
        FERRY_RETURN_IF_ERROR(polls.spend(8 + s.width));
        double sum = 0;
        for (int64_t d = 0; d < s.width; ++d)
          sum += q_row[size_t(d)] * rows[size_t(j * s.width + d)];
        out[size_t(j)] = sum * scale;
      }
      store_row(scores, i * s.keys, s.keys, out.data());
    }
  }
  return {};
}

Status softmax(const Sizes& s, const Tensor& scores, Tensor& probs, EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(auto row, WorkingArray<double>::make(c, s.keys));
  PollEvery polls(c);
  for (int64_t i = 0; i < s.batch * s.heads * s.queries && s.keys > 0; ++i) {
    FERRY_RETURN_IF_ERROR(polls.spend(32 * s.keys));
    FERRY_RETURN_IF_ERROR(load_rows(polls, scores, i * s.keys, s.keys, row.data()));
    const double top = *std::max_element(row.begin(), row.end());
    double sum = 0;
    for (double& v : row) sum += v = std::exp(v - top);
    for (double& v : row) v /= sum;
    store_row(probs, i * s.keys, s.keys, row.data());
  }
  return {};
}

Status combine(const Sizes& s, const Tensor& probs, const Tensor& v, Tensor& y, EvalContext& c) {
  std::vector<double> out(static_cast<size_t>(s.value_width));
  FERRY_ASSIGN_OR_RETURN(auto p, WorkingArray<double>::make(c, s.keys));
  FERRY_ASSIGN_OR_RETURN(auto rows, WorkingArray<double>::make(c, s.keys * s.value_width));
  PollEvery polls(c);
  for (int64_t r = 0; r < s.batch * s.heads; ++r) {
    FERRY_RETURN_IF_ERROR(
        load_rows(polls, v, s.kv(r) * s.keys * s.value_width, s.keys * s.value_width, rows.data()));
    for (int64_t i = r * s.queries; i < (r + 1) * s.queries; ++i) {
      load_row(probs, i * s.keys, s.keys, p.data());
      std::fill(out.begin(), out.end(), 0.0);
      for (size_t j = 0; j < p.size(); ++j) {
        FERRY_RETURN_IF_ERROR(polls.spend(4 + s.value_width));
        for (size_t d = 0; d < out.size(); ++d) out[d] += p[j] * rows[j * out.size() + d];
      }
      store_row(y, i * s.value_width, s.value_width, out.data());
    }
  }
  return {};
}

Status eval(const FlexAttention& op, EvalContext& c) {
  const Tensor &q = c.input(0), &k = c.input(1), &v = c.input(2);
  FERRY_ASSIGN_OR_RETURN(const Sizes s, check_sizes(q, k, v));
  FERRY_ASSIGN_OR_RETURN(const DType precision, score_type(op, q.dtype()));
  const Dims dims{s.batch, s.heads, s.queries, s.keys};
  FERRY_ASSIGN_OR_RETURN(Tensor scores, Tensor::allocate(precision, dims, c.budget()));
  FERRY_RETURN_IF_ERROR(multiply(op, s, q, k, scores, c));
  FERRY_RETURN_IF_ERROR(modify(kScoreMod, "score_mod", scores, c));
  FERRY_ASSIGN_OR_RETURN(Tensor probs, Tensor::allocate(precision, dims, c.budget()));
  FERRY_RETURN_IF_ERROR(softmax(s, scores, probs, c));
  FERRY_RETURN_IF_ERROR(modify(kProbMod, "prob_mod", probs, c));
  FERRY_ASSIGN_OR_RETURN(Tensor y,
                         c.output(0, q.dtype(), {s.batch, s.heads, s.queries, s.value_width}));
  return combine(s, probs, v, y, c);
}

}  // namespace

void register_flex_attention(OpRegistry& r) {
  r.op<FlexAttention>("ai.onnx.preview.FlexAttention")
      .since(1)
      .inputs(3)
      .attr("scale", &FlexAttention::scale)
      .attr("softmax_precision", &FlexAttention::softmax_precision)
      .body("score_mod")
      .body("prob_mod")
      .bodies_default_to_identity()
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
