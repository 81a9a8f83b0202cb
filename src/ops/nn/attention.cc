// SPDX-License-Identifier: Apache-2.0
#include "ops/nn/attention.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <optional>

#include "ops/nn/head_rows.h"
#include "ops/registry.h"
#include "ops/working_array.h"
#include "tensor/better_known.h"

namespace ferry {
namespace {

constexpr size_t kMask = 3, kPastKey = 4, kPastValue = 5, kNonpad = 6;

Status check_attrs(const Attention& op) {
  for (const auto& [name, value] : {std::pair("left_window_size", op.left_window_size),
                                    std::pair("right_window_size", op.right_window_size)}) {
    if (value < -1) {
      return invalid_model("attribute '{}' is {}, wanted is at least -1", name, value);
    }
  }
  if (op.qk_matmul_output_mode < 0 || op.qk_matmul_output_mode > 3) {
    return invalid_model("attribute 'qk_matmul_output_mode' is {}, wanted is 0 to 3",
                         op.qk_matmul_output_mode);
  }
  if (op.softmax_precision) {
    const int64_t p = *op.softmax_precision;
    if (p < 0 || p >= kNumDTypes || !types::kFloating.contains(static_cast<DType>(p))) {
      return invalid_model("attribute 'softmax_precision' is {}, wanted is a floating type", p);
    }
  }
  return {};
}

// Batch, heads, length and width of an input as dims.
struct HeadDims {
  Dim batch, heads, length, width;
};
Result<HeadDims> head_dims(const Type& t, std::optional<int64_t> heads, const char* name) {
  const Shape& s = *t.shape;
  if (s.size() == 4) {
    if (heads && Dim::known_different(s[1], *heads)) {
      return shape_mismatch("{} is {}, the attribute says {} heads", name, t.to_string(), *heads);
    }
    return HeadDims{s[0], s[1], s[2], s[3]};
  }
  if (!heads || *heads < 1) {
    return invalid_model("{} is {}, which needs the attributes 'q_num_heads' and 'kv_num_heads'",
                         name, t.to_string());
  }
  if (s[2].is_constant() && s[2].constant() % *heads != 0) {
    return shape_mismatch("{} is {}, which does not divide into {} heads", name, t.to_string(),
                          *heads);
  }
  return HeadDims{s[0], Dim(*heads), s[1], floor_div(s[2], Dim(*heads))};
}

Status check_inputs(InferContext& c) {
  for (size_t i = 0; i < 3; ++i) {
    FERRY_RETURN_IF_ERROR(c.tensor(i, types::kFloating, 3, 4).status());
  }
  FERRY_RETURN_IF_ERROR(c.same_dtype(0, 1));
  if (c.has_input(kMask)) {
    FERRY_RETURN_IF_ERROR(c.tensor(kMask, types::kNumeric | types::kBool, 1, 4).status());
  }
  if (c.has_input(kPastKey) != c.has_input(kPastValue)) {
    return invalid_model("past_key and past_value are wanted together");
  }
  if (c.has_output(1) != c.has_output(2)) {
    return invalid_model("present_key and present_value are wanted together");
  }
  if (c.has_input(kPastKey)) {
    FERRY_RETURN_IF_ERROR(c.tensor(kPastKey, types::kFloating, 4, 4).status());
    FERRY_RETURN_IF_ERROR(c.tensor(kPastValue, types::kFloating, 4, 4).status());
    FERRY_RETURN_IF_ERROR(c.same_dtype(1, kPastKey));
    FERRY_RETURN_IF_ERROR(c.same_dtype(2, kPastValue));
    if (c.has_input(kNonpad)) {
      return invalid_model("nonpad_kv_seqlen does not go together with past_key");
    }
  }
  if (c.has_input(kNonpad)) {
    FERRY_RETURN_IF_ERROR(c.tensor(kNonpad, {DType::kInt64}, 1, 1).status());
  }
  return {};
}

// What q, k and v, and their pasts, say together; parts of those of unknown rank are invalid.
struct Known {
  HeadDims q, k, v;
  Dim total;  // keys, those of the past included
};

Status check_fit(const InferContext& c, const HeadDims& q, const HeadDims& k, const HeadDims& v) {
  if (Dim::known_different(q.width, k.width) || Dim::known_different(k.length, v.length) ||
      Dim::known_different(k.heads, v.heads) || Dim::known_different(q.batch, k.batch)) {
    return shape_mismatch("q is {}, k {} and v {}, which do not fit together",
                          c.type(0).to_string(), c.type(1).to_string(), c.type(2).to_string());
  }
  for (const auto& [index, heads] : {std::pair(kPastKey, k), std::pair(kPastValue, v)}) {
    const Type& before = c.type(index);
    if (!before.has_rank()) continue;
    if (Dim::known_different((*before.shape)[0], heads.batch) ||
        Dim::known_different((*before.shape)[1], heads.heads) ||
        Dim::known_different((*before.shape)[3], heads.width)) {
      return shape_mismatch("input {} is {}, which k {} and v {} do not continue", index,
                            before.to_string(), c.type(1).to_string(), c.type(2).to_string());
    }
  }
  return {};
}

// Sizes that are equal whenever it runs become the one that is known best.
void share(const InferContext& c, Known& s) {
  for (const auto& [index, heads] : {std::pair(kPastKey, &s.k), std::pair(kPastValue, &s.v)}) {
    const Type& before = c.type(index);
    if (!before.has_rank()) continue;
    heads->batch = better_known(heads->batch, (*before.shape)[0]);
    heads->heads = better_known(heads->heads, (*before.shape)[1]);
    heads->width = better_known(heads->width, (*before.shape)[3]);
  }
  const Dim batch = better_known(better_known(s.q.batch, s.k.batch), s.v.batch);
  s.q.batch = s.k.batch = s.v.batch = batch;
  s.k.heads = s.v.heads = better_known(s.k.heads, s.v.heads);
  s.k.length = s.v.length = better_known(s.k.length, s.v.length);
  s.k.width = better_known(s.k.width, s.q.width);
}

Status infer(const Attention& op, InferContext& c) {
  FERRY_RETURN_IF_ERROR(check_attrs(op));
  FERRY_RETURN_IF_ERROR(check_inputs(c));
  constexpr std::array names = {"q", "k", "v"};
  Known s;
  const std::array<HeadDims*, 3> all = {&s.q, &s.k, &s.v};
  std::optional<size_t> rank;
  for (size_t i = 0; i < 3; ++i) {
    const Type& t = c.type(i);
    *all[i] = {Dim::invalid(), Dim::invalid(), Dim::invalid(), Dim::invalid()};
    if (!t.has_rank()) continue;
    if (rank.value_or(t.rank()) != t.rank()) {
      return shape_mismatch("q is {}, k {} and v {}; wanted are equal ranks", c.type(0).to_string(),
                            c.type(1).to_string(), c.type(2).to_string());
    }
    rank = t.rank();
    FERRY_ASSIGN_OR_RETURN(*all[i],
                           head_dims(t, i == 0 ? op.q_num_heads : op.kv_num_heads, names[i]));
  }
  FERRY_RETURN_IF_ERROR(check_fit(c, s.q, s.k, s.v));
  share(c, s);
  s.total = s.k.length;
  if (c.has_input(kPastKey)) {
    const Type& past = c.type(kPastKey);
    s.total = past.has_rank() ? (*past.shape)[2] + s.k.length : Dim::invalid();
  }
  const auto set = [&](size_t output, DType type, Shape shape) {
    for (size_t a = 0; a < shape.size(); ++a) {
      if (shape[a].is_invalid()) shape[a] = c.fresh_dim(output, a);
    }
    c.set_tensor(output, type, std::move(shape));
  };
  if (!rank) {
    c.set_tensor(0, c.type(0).dtype, std::nullopt);
  } else {
    set(0, c.type(0).dtype,
        *rank == 4 ? Shape{s.q.batch, s.q.heads, s.q.length, s.v.width}
                   : Shape{s.q.batch, s.q.length, s.q.heads * s.v.width});
  }
  set(1, c.type(1).dtype, {s.k.batch, s.k.heads, s.total, s.k.width});
  set(2, c.type(2).dtype, {s.v.batch, s.v.heads, s.total, s.v.width});
  set(3, c.type(0).dtype, {s.q.batch, s.q.heads, s.q.length, s.total});
  return {};
}

// Past and new rows as one dense [B, H, P + L, D].
Result<Tensor> concatenate(const Tensor* past, const Tensor& rows, const HeadLayout& from,
                           const char* name, EvalContext& c) {
  int64_t before = 0;
  if (past != nullptr) {
    if (past->rank() != 4 || past->dim(0) != from.batch || past->dim(1) != from.heads ||
        past->dim(3) != from.width || past->dtype() != rows.dtype()) {
      return shape_mismatch("past {} is {}, which does not continue {}", name, past->describe(),
                            rows.describe());
    }
    before = past->dim(2);
  }
  FERRY_ASSIGN_OR_RETURN(
      Tensor all,
      Tensor::allocate(rows.dtype(), {from.batch, from.heads, before + from.length, from.width},
                       c.budget()));
  const auto size = static_cast<size_t>(dtype_bits(rows.dtype()) / 8);
  const size_t row = size * static_cast<size_t>(from.width);
  if (row == 0) return all;
  auto* to = static_cast<char*>(all.raw());
  const auto* old = past != nullptr ? static_cast<const char*>(past->raw()) : nullptr;
  const auto* fresh = static_cast<const char*>(rows.raw());
  for (int64_t b = 0; b < from.batch; ++b) {
    for (int64_t h = 0; h < from.heads; ++h) {
      const size_t bytes = row * static_cast<size_t>(before);
      if (bytes > 0) {
        std::memcpy(to, old, bytes);
        old += bytes;
        to += bytes;
      }
      for (int64_t s = 0; s < from.length; ++s, to += row) {
        std::memcpy(to, fresh + static_cast<size_t>(from.row(b, h, s)) * size, row);
      }
    }
  }
  return all;
}

// What is added to the scores, row by row.
class Bias {
 public:
  Status init(const Attention& op, const HeadLayout& q, int64_t total, int64_t past,
              EvalContext& c) {
    op_ = &op;
    total_ = total;
    length_ = q.length;
    past_ = past;
    if (c.has_input(kNonpad)) {
      nonpad_ = &c.input(kNonpad);
      if (nonpad_->rank() != 1 || nonpad_->dim(0) != q.batch) {
        return shape_mismatch("nonpad_kv_seqlen is {}, wanted is [{}]", nonpad_->describe(),
                              q.batch);
      }
      for (int64_t n : nonpad_->elements<int64_t>()) {
        if (n < 0 || n > total) {
          return invalid_argument("nonpad_kv_seqlen holds {}, wanted is 0 to {}", n, total);
        }
      }
    }
    if (!c.has_input(kMask)) return {};
    mask_ = &c.input(kMask);
    return init_mask({q.batch, q.heads, q.length});
  }

  // The bias of one row; false when no key may be attended.
  bool row(int64_t b, int64_t h, int64_t i, double* bias) const {
    std::fill_n(bias, total_, 0.0);
    if (mask_ != nullptr) {
      load_mask(b * strides_[0] + h * strides_[1] + i * strides_[2], bias);
      std::fill(bias + width_, bias + total_, -INFINITY);
    }
    const int64_t valid = nonpad_ != nullptr ? nonpad_->data<int64_t>()[b] : total_;
    const int64_t position = i + (nonpad_ != nullptr ? valid - length_ : past_);
    bool any = false;
    for (int64_t j = 0; j < total_; ++j) {
      const bool hidden = j >= valid || (op_->is_causal && j > position) ||
                          (op_->left_window_size >= 0 && position - j > op_->left_window_size) ||
                          (op_->right_window_size >= 0 && j - position > op_->right_window_size);
      if (hidden) bias[j] = -INFINITY;
      any = any || bias[j] != -INFINITY;
    }
    return any;
  }

 private:
  Status init_mask(const Dims& wanted) {
    const size_t rank = mask_->rank();
    bool fits = rank >= 1 && rank <= 4 && mask_->dims().back() <= total_;
    int64_t stride = fits ? mask_->dims().back() : 0;
    width_ = stride;
    for (size_t k = 0; fits && k + 1 < rank; ++k) {
      const int64_t d = mask_->dim(rank - 2 - k), w = wanted[2 - k];
      fits = d == 1 || d == w;
      strides_[2 - k] = d == 1 ? 0 : stride;
      stride *= d;
    }
    if (fits) return {};
    return shape_mismatch("attn_mask is {}, which does not broadcast to [{},{},{},{}]",
                          mask_->describe(), wanted[0], wanted[1], wanted[2], total_);
  }
  void load_mask(int64_t at, double* bias) const {
    if (mask_->dtype() == DType::kBool) {
      for (int64_t j = 0; j < width_; ++j) {
        bias[j] = mask_->data<bool>()[at + j] ? 0 : -INFINITY;
      }
      return;
    }
    (void)visit_numeric(mask_->dtype(), [&]<class T>(TypeTag<T>) -> Status {
      for (int64_t j = 0; j < width_; ++j) {
        bias[j] = static_cast<double>(compute_t<T>(mask_->data<T>()[at + j]));
      }
      return {};
    });
  }

  const Attention* op_ = nullptr;
  const Tensor *mask_ = nullptr, *nonpad_ = nullptr;
  Dims strides_ = {0, 0, 0};  // of the mask: batch, head, query
  int64_t total_ = 0, length_ = 0, past_ = 0, width_ = 0;
};

// Rounds every intermediate result of 16-bit attention as the operator's definition in terms of
// others does; wider types are not rounded.
class Rounding {
 public:
  explicit Rounding(DType type) : type_(type) {}
  double operator()(double v) const {
    if (type_ == DType::kFloat16) return double(float(half(static_cast<float>(v))));
    if (type_ == DType::kBFloat16) return double(float(bfloat16(static_cast<float>(v))));
    return v;
  }

 private:
  DType type_;
};

// Scores of one query row to probabilities; keeps what `mode` asks for in `shown`. `wide` is the
// type of the softmax, `narrow` that of the operands.
void softmax_row(const Attention& op, Rounding narrow, Rounding wide, double* scores,
                 const double* bias, bool any, int64_t n, double* shown) {
  const auto show = [&](int64_t mode) {
    if (op.qk_matmul_output_mode == mode) std::copy_n(scores, n, shown);
  };
  show(0);
  const double cap = double(op.softcap);
  for (int64_t j = 0; cap > 0 && j < n; ++j) {
    scores[j] = narrow(cap * narrow(std::tanh(narrow(scores[j] / cap))));
  }
  show(1);
  double top = -INFINITY, sum = 0;
  bool nan = false;
  for (int64_t j = 0; j < n; ++j) {
    scores[j] = narrow(scores[j] + bias[j]);
    top = std::max(top, scores[j]);
    nan = nan || std::isnan(scores[j]);
  }
  show(2);
  const bool keep_nan = op.empty_rows == EmptyRows::kNaN;
  if (!keep_nan && (!any || (top == -INFINITY && !nan))) {
    std::fill_n(scores, n, 0.0);
  } else {
    for (int64_t j = 0; j < n; ++j) sum += scores[j] = wide(std::exp(wide(scores[j] - top)));
    for (int64_t j = 0; j < n; ++j) scores[j] = narrow(wide(scores[j] / wide(sum)));
    if (op.empty_rows == EmptyRows::kZero && std::isnan(sum)) std::fill_n(scores, n, 0.0);
  }
  show(3);
}

struct Operands {
  const Tensor &q, &keys, &values;
  HeadLayout q_at, y_at;
  int64_t kv_heads, total, value_width;
};

Status attend(const Attention& op, const Operands& o, const Bias& bias, Tensor& y, Tensor& shown,
              EvalContext& c) {
  const HeadLayout& qd = o.q_at;
  const int64_t width = qd.width, group = qd.heads / o.kv_heads;
  // The standard's function body computes it in float, whatever the type of the inputs.
  const float scale = op.scale ? *op.scale : 1 / std::sqrt(static_cast<float>(width));
  const Rounding narrow(o.q.dtype());
  const Rounding wide(op.softmax_precision ? static_cast<DType>(*op.softmax_precision)
                                           : o.q.dtype());
  // Both factors of a product carry the root of the scale, so that neither overflows.
  const double root = narrow(static_cast<double>(std::sqrt(std::fabs(scale))));
  const double sign = scale < 0 ? -1 : 1;
  using Numbers = WorkingArray<double>;
  FERRY_ASSIGN_OR_RETURN(Numbers k, Numbers::make(c, o.total * width));
  FERRY_ASSIGN_OR_RETURN(Numbers v, Numbers::make(c, o.total * o.value_width));
  FERRY_ASSIGN_OR_RETURN(Numbers scores, Numbers::make(c, o.total));
  FERRY_ASSIGN_OR_RETURN(Numbers row_bias, Numbers::filled(c, o.total, 0));
  FERRY_ASSIGN_OR_RETURN(Numbers row_shown, Numbers::filled(c, o.total, 0));
  std::vector<double> q(static_cast<size_t>(width)), out(static_cast<size_t>(o.value_width));
  PollEvery polls(c);
  for (int64_t b = 0; b < qd.batch; ++b) {
    for (int64_t h = 0; h < qd.heads; ++h) {
      const int64_t kv = b * o.kv_heads + h / group;
      if (h % group == 0) {
        FERRY_RETURN_IF_ERROR(
            load_rows(polls, o.keys, kv * o.total * width, o.total * width, k.data()));
        FERRY_RETURN_IF_ERROR(in_pieces(polls, o.total * width, 4, [&](int64_t from, int64_t to) {
          for (int64_t x = from; x < to; ++x) k[size_t(x)] = narrow(k[size_t(x)] * root);
        }));
        FERRY_RETURN_IF_ERROR(load_rows(polls, o.values, kv * o.total * o.value_width,
                                        o.total * o.value_width, v.data()));
      }
      for (int64_t i = 0; i < qd.length; ++i) {
        load_row(o.q, qd.row(b, h, i), width, q.data());
        for (double& x : q) x = narrow(x * root);
        for (int64_t j = 0; j < o.total; ++j) {
          FERRY_RETURN_IF_ERROR(polls.spend(32 + width + o.value_width));
          double sum = 0;
          for (int64_t d = 0; d < width; ++d) sum += q[size_t(d)] * k[size_t(j * width + d)];
          scores[size_t(j)] = narrow(sum * sign);
        }
        const bool any = bias.row(b, h, i, row_bias.data());
        softmax_row(op, narrow, wide, scores.data(), row_bias.data(), any, o.total,
                    row_shown.data());
        if (shown.defined()) {
          store_row(shown, ((b * qd.heads + h) * qd.length + i) * o.total, o.total,
                    row_shown.data());
        }
        std::fill(out.begin(), out.end(), 0.0);
        for (int64_t j = 0; j < o.total; ++j) {
          // A masked value contributes nothing, whatever it is.
          if (scores[size_t(j)] == 0 && row_bias[size_t(j)] == -INFINITY) continue;
          for (size_t d = 0; d < out.size(); ++d) {
            out[d] += scores[size_t(j)] * v[size_t(j) * out.size() + d];
          }
        }
        store_row(y, o.y_at.row(b, h, i), o.value_width, out.data());
      }
    }
  }
  return {};
}

Status eval(const Attention& op, EvalContext& c) {
  const Tensor &q = c.input(0), &k = c.input(1), &v = c.input(2);
  FERRY_ASSIGN_OR_RETURN(const HeadLayouts at, attention_layouts(op, q, k, v));
  const HeadLayout &qd = at.q, &kd = at.k, &vd = at.v;
  const Tensor* past_key = c.has_input(kPastKey) ? &c.input(kPastKey) : nullptr;
  const Tensor* past_value = c.has_input(kPastValue) ? &c.input(kPastValue) : nullptr;
  FERRY_ASSIGN_OR_RETURN(const Tensor keys, concatenate(past_key, k, kd, "key", c));
  FERRY_ASSIGN_OR_RETURN(const Tensor values, concatenate(past_value, v, vd, "value", c));
  if (keys.dim(2) != values.dim(2)) {
    return shape_mismatch("past_key and past_value have {} and {} rows", past_key->dim(2),
                          past_value->dim(2));
  }
  if (c.has_output(1)) FERRY_RETURN_IF_ERROR(c.set_output(1, keys));
  if (c.has_output(2)) FERRY_RETURN_IF_ERROR(c.set_output(2, values));
  const int64_t total = keys.dim(2);
  const Dims y_dims = q.rank() == 4 ? Dims{qd.batch, qd.heads, qd.length, vd.width}
                                    : Dims{qd.batch, qd.length, qd.heads * vd.width};
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, q.dtype(), y_dims));
  Tensor shown;
  if (c.has_output(3)) {
    FERRY_ASSIGN_OR_RETURN(shown, c.output(3, q.dtype(), {qd.batch, qd.heads, qd.length, total}));
  }
  Bias bias;
  FERRY_RETURN_IF_ERROR(bias.init(op, qd, total, total - kd.length, c));
  if (qd.batch == 0 || qd.heads == 0 || qd.length == 0) return {};
  return attend(op, {q, keys, values, qd, at.y, kd.heads, total, vd.width}, bias, y, shown, c);
}

}  // namespace

void register_attention(OpRegistry& r) {
  r.op<Attention>("Attention")
      .since(25)
      .inputs(3, 7)
      .outputs(1, 4)
      .attr("is_causal", &Attention::is_causal)
      .attr("kv_num_heads", &Attention::kv_num_heads)
      .attr("left_window_size", &Attention::left_window_size)
      .attr("q_num_heads", &Attention::q_num_heads)
      .attr("qk_matmul_output_mode", &Attention::qk_matmul_output_mode)
      .attr("right_window_size", &Attention::right_window_size)
      .attr("scale", &Attention::scale)
      .attr("softcap", &Attention::softcap)
      .attr("softmax_precision", &Attention::softmax_precision)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
