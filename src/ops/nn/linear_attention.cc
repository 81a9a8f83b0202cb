// SPDX-License-Identifier: Apache-2.0
#include "ops/nn/linear_attention.h"

#include <algorithm>
#include <cmath>

#include "ops/nn/head_rows.h"
#include "ops/nn/parameters.h"
#include "ops/poll_every.h"
#include "ops/registry.h"
#include "tensor/better_known.h"

namespace ferry {
namespace {

constexpr size_t kPast = 3, kDecay = 4, kBeta = 5;

Status check_attrs(const LinearAttention& op) {
  const std::string& rule = op.update_rule;
  if (rule != "linear" && rule != "gated" && rule != "delta" && rule != "gated_delta") {
    return invalid_model(
        "attribute 'update_rule' is '{}', wanted is linear, gated, delta or gated_delta", rule);
  }
  if (op.q_num_heads < 1 || op.kv_num_heads < 1 || op.q_num_heads % op.kv_num_heads != 0) {
    return invalid_model("{} query heads for {} key heads, wanted is a positive multiple",
                         op.q_num_heads, op.kv_num_heads);
  }
  return {};
}

Status check_gate(const LinearAttention& op, bool wanted, bool given, const char* name) {
  if (wanted == given) return {};
  return invalid_model("update rule '{}' {} the input {}", op.update_rule,
                       wanted ? "needs" : "does not take", name);
}

// Heads share the last axis evenly, those of q and k of one width.
Status check_widths(const LinearAttention& op, const InferContext& c, const Dim& dk) {
  for (size_t i = 0; i < 3; ++i) {
    const Type& t = c.type(i);
    const int64_t heads = i == 0 ? op.q_num_heads : op.kv_num_heads;
    if (!t.has_rank() || !(*t.shape)[2].is_constant()) continue;
    if ((*t.shape)[2].constant() % heads == 0) continue;
    return shape_mismatch("input {} is {}, its last axis is not {} heads of one width", i,
                          t.to_string(), heads);
  }
  const Type &k = c.type(1), &decay = c.type(kDecay);
  const Dim heads(op.kv_num_heads);
  if (k.has_rank() && Dim::known_different((*k.shape)[2], heads * dk)) {
    return shape_mismatch("k is {} for q {}: heads are {} wide, {} of them wanted", k.to_string(),
                          c.type(0).to_string(), dk.to_string(), op.kv_num_heads);
  }
  if (decay.has_rank() && Dim::known_different((*decay.shape)[2], heads) &&
      Dim::known_different((*decay.shape)[2], heads * dk)) {
    return shape_mismatch("decay is {}, its last axis has {} or {} elements", decay.to_string(),
                          op.kv_num_heads, (heads * dk).to_string());
  }
  return {};
}

Status infer(const LinearAttention& op, InferContext& c) {
  FERRY_RETURN_IF_ERROR(check_attrs(op));
  FERRY_RETURN_IF_ERROR(check_gate(op, op.is_gated(), c.has_input(kDecay), "decay"));
  FERRY_RETURN_IF_ERROR(check_gate(op, op.is_delta(), c.has_input(kBeta), "beta"));
  for (size_t i : {0, 1, 2, 4, 5}) {
    if (i > 2 && !c.has_input(i)) continue;
    FERRY_RETURN_IF_ERROR(c.tensor(i, types::kFloating, 3, 3).status());
    FERRY_RETURN_IF_ERROR(c.same_dtype(0, i));
  }
  if (c.has_input(kPast)) {
    FERRY_RETURN_IF_ERROR(c.tensor(kPast, types::kFloating, 4, 4).status());
  }
  const Type &q = c.type(0), &v = c.type(2);
  const DType state = c.has_input(kPast) ? c.type(kPast).dtype : q.dtype;
  const Type& past = c.type(kPast);
  Dim batch = c.fresh_dim(0, 0), length = c.fresh_dim(0, 1);
  for (size_t i : {0, 1, 2, 4, 5}) {
    if (!c.type(i).has_rank()) continue;
    batch = better_known(batch, (*c.type(i).shape)[0]);
    length = better_known(length, (*c.type(i).shape)[1]);
  }
  Dim key_width = c.fresh_dim(1, 2), value_width = c.fresh_dim(1, 3);
  const auto learn = [](Dim& width, const Type& t, int64_t heads) {
    if (t.has_rank()) width = better_known(width, floor_div((*t.shape)[2], Dim(heads)));
  };
  learn(key_width, q, op.q_num_heads);
  learn(key_width, c.type(1), op.kv_num_heads);
  learn(value_width, v, op.kv_num_heads);
  if (past.has_rank()) {
    batch = better_known(batch, (*past.shape)[0]);
    key_width = better_known(key_width, (*past.shape)[2]);
    value_width = better_known(value_width, (*past.shape)[3]);
  }
  c.set_tensor(0, q.dtype, Shape{batch, length, Dim(op.q_num_heads) * value_width});
  c.set_tensor(1, state, Shape{batch, Dim(op.kv_num_heads), key_width, value_width});
  if (!q.has_rank() || !v.has_rank()) return {};
  const Dim dk = floor_div((*q.shape)[2], Dim(op.q_num_heads));
  const Dim dv = floor_div((*v.shape)[2], Dim(op.kv_num_heads));
  // Batch and length are those of q.
  for (size_t i : {1, 2, 4, 5}) {
    const Type& t = c.type(i);
    if (!t.has_rank()) continue;
    if (Dim::known_different((*t.shape)[0], (*q.shape)[0]) ||
        Dim::known_different((*t.shape)[1], (*q.shape)[1])) {
      return shape_mismatch("input {} is {} for q {}", i, t.to_string(), q.to_string());
    }
  }
  FERRY_RETURN_IF_ERROR(check_widths(op, c, dk));
  const Shape held = {(*q.shape)[0], Dim(op.kv_num_heads), dk, dv};
  for (size_t a = 0; past.has_rank() && a < 4; ++a) {
    if (!Dim::known_different((*past.shape)[a], held[a])) continue;
    return shape_mismatch("past state is {}, wanted is {}", past.to_string(), to_string(held));
  }
  const Type& beta = c.type(kBeta);
  if (beta.has_rank() && Dim::known_different((*beta.shape)[2], 1) &&
      Dim::known_different((*beta.shape)[2], op.kv_num_heads)) {
    return shape_mismatch("beta is {}, its last axis has 1 or {} elements", beta.to_string(),
                          op.kv_num_heads);
  }
  return {};
}

struct Gates {
  WorkingArray<double> decay, beta;
  int64_t decay_width = 0, beta_width = 0;  // of the last axis
};

Result<Gates> load_gates(const LinearAttention& op, const HeadLayout& k, EvalContext& c) {
  Gates g;
  const auto load = [&](size_t i, int64_t other_width, WorkingArray<double>& to,
                        int64_t& width) -> Status {
    if (!c.has_input(i)) return {};
    const Tensor& t = c.input(i);
    const bool fits = t.rank() == 3 && t.dim(0) == k.batch && t.dim(1) == k.length &&
                      (t.dim(2) == k.heads || t.dim(2) == other_width);
    if (!fits) {
      return shape_mismatch("input {} is {}, wanted is [{},{},{}] or [{},{},{}]", i, t.describe(),
                            k.batch, k.length, k.heads, k.batch, k.length, other_width);
    }
    width = t.dim(2);
    FERRY_ASSIGN_OR_RETURN(to, as_doubles(c, t));
    return {};
  };
  FERRY_RETURN_IF_ERROR(check_gate(op, op.is_gated(), c.has_input(kDecay), "decay"));
  FERRY_RETURN_IF_ERROR(check_gate(op, op.is_delta(), c.has_input(kBeta), "beta"));
  FERRY_RETURN_IF_ERROR(load(kDecay, k.heads * k.width, g.decay, g.decay_width));
  FERRY_RETURN_IF_ERROR(load(kBeta, 1, g.beta, g.beta_width));
  return g;
}

// One step of one key head: updates `state` ([Dk, Dv]).
void update(double* state, const double* k, const double* v, int64_t dk, int64_t dv,
            const double* decay, bool decay_per_key, const double* beta,
            std::vector<double>& change) {
  for (int64_t i = 0; decay != nullptr && i < dk; ++i) {
    const double factor = std::exp(decay[decay_per_key ? i : 0]);
    for (int64_t j = 0; j < dv; ++j) state[i * dv + j] *= factor;
  }
  for (int64_t j = 0; j < dv; ++j) change[size_t(j)] = v[j];
  if (beta != nullptr) {
    for (int64_t i = 0; i < dk; ++i) {
      for (int64_t j = 0; j < dv; ++j) change[size_t(j)] -= state[i * dv + j] * k[i];
    }
    for (double& x : change) x *= *beta;
  }
  for (int64_t i = 0; i < dk; ++i) {
    for (int64_t j = 0; j < dv; ++j) state[i * dv + j] += k[i] * change[size_t(j)];
  }
}

Status eval(const LinearAttention& op, EvalContext& c) {
  const Tensor &query = c.input(0), &key = c.input(1), &value = c.input(2);
  FERRY_ASSIGN_OR_RETURN(const HeadLayout q, head_layout(query, op.q_num_heads, "query"));
  FERRY_ASSIGN_OR_RETURN(const HeadLayout k, head_layout(key, op.kv_num_heads, "key"));
  FERRY_ASSIGN_OR_RETURN(const HeadLayout v, head_layout(value, op.kv_num_heads, "value"));
  if (query.rank() != 3 || key.rank() != 3 || value.rank() != 3 || q.batch != k.batch ||
      q.batch != v.batch || q.length != k.length || q.length != v.length || q.width != k.width) {
    return shape_mismatch("query is {}, key {} and value {}, which do not fit together",
                          query.describe(), key.describe(), value.describe());
  }
  FERRY_ASSIGN_OR_RETURN(const Gates gates, load_gates(op, k, c));
  const Dims state_dims{k.batch, k.heads, k.width, v.width};
  if (c.has_input(kPast) && !(c.input(kPast).dims() == state_dims)) {
    return shape_mismatch("past_state is {}, wanted is {}", c.input(kPast).describe(),
                          state_dims.to_string());
  }
  FERRY_ASSIGN_OR_RETURN(Tensor y,
                         c.output(0, query.dtype(), {q.batch, q.length, q.heads * v.width}));
  const DType state_type = c.has_input(kPast) ? c.input(kPast).dtype() : query.dtype();
  FERRY_ASSIGN_OR_RETURN(Tensor present, c.output(1, state_type, state_dims));
  WorkingArray<double> states;
  if (c.has_input(kPast)) {
    FERRY_ASSIGN_OR_RETURN(states, as_doubles(c, c.input(kPast)));
  } else {
    FERRY_ASSIGN_OR_RETURN(states, WorkingArray<double>::filled(c, present.count(), 0));
  }
  const int64_t dk = k.width, dv = v.width, group = q.heads / k.heads;
  const double scale = op.scale != 0 ? double(op.scale) : 1 / std::sqrt(double(dk));
  PollEvery polls(c);
  const HeadLayout y_at = HeadLayout::packed(q.batch, q.heads, q.length, dv);
  std::vector<double> q_row(static_cast<size_t>(dk)), k_row = q_row;
  std::vector<double> v_row(static_cast<size_t>(dv)), change = v_row, out = v_row;
  for (int64_t b = 0; b < k.batch; ++b) {
    for (int64_t t = 0; t < k.length; ++t) {
      for (int64_t h = 0; h < k.heads; ++h) {
        FERRY_RETURN_IF_ERROR(polls.spend((3 + 2 * group) * dk * dv));
        double* state = states.data() + (b * k.heads + h) * dk * dv;
        load_row(key, k.row(b, h, t), dk, k_row.data());
        load_row(value, v.row(b, h, t), dv, v_row.data());
        const bool per_key = gates.decay_width != k.heads;
        const int64_t step = b * k.length + t;
        const double* decay = gates.decay.empty() ? nullptr
                                                  : gates.decay.data() + step * gates.decay_width +
                                                        h * (per_key ? dk : 1);
        const double* beta = gates.beta.empty() ? nullptr
                                                : gates.beta.data() + step * gates.beta_width +
                                                      (gates.beta_width == 1 ? 0 : h);
        update(state, k_row.data(), v_row.data(), dk, dv, decay, per_key, beta, change);
        for (int64_t qh = h * group; qh < (h + 1) * group; ++qh) {
          load_row(query, q.row(b, qh, t), dk, q_row.data());
          std::fill(out.begin(), out.end(), 0.0);
          for (int64_t i = 0; i < dk; ++i) {
            for (int64_t j = 0; j < dv; ++j)
              out[size_t(j)] += scale * q_row[size_t(i)] * state[i * dv + j];
          }
          store_row(y, y_at.row(b, qh, t), dv, out.data());
        }
      }
    }
  }
  store_row(present, 0, present.count(), states.data());
  return {};
}

}  // namespace

void register_linear_attention(OpRegistry& r) {
  r.op<LinearAttention>("LinearAttention")
      .since(27)
      .inputs(3, 6)
      .outputs(1, 2)
      .required("kv_num_heads", &LinearAttention::kv_num_heads)
      .required("q_num_heads", &LinearAttention::q_num_heads)
      .attr("chunk_size", &LinearAttention::chunk_size)
      .attr("scale", &LinearAttention::scale)
      .attr("update_rule", &LinearAttention::update_rule)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
