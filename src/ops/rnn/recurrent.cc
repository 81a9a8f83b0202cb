// SPDX-License-Identifier: Apache-2.0
#include "ops/rnn/recurrent.h"

#include <algorithm>
#include <cmath>

#include "ops/in_ranges.h"
#include "ops/nn/parameters.h"
#include "ops/poll_every.h"
#include "ops/registry.h"

namespace ferry {

double Activation::operator()(double x) const {
  switch (kind) {
    case ActivationKind::kRelu:
      return x > 0 ? x : 0;
    case ActivationKind::kTanh:
      return std::tanh(x);
    case ActivationKind::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case ActivationKind::kAffine:
      return alpha * x + beta;
    case ActivationKind::kLeakyRelu:
      return x >= 0 ? x : alpha * x;
    case ActivationKind::kThresholdedRelu:
      return x >= alpha ? x : 0;
    case ActivationKind::kScaledTanh:
      return alpha * std::tanh(beta * x);
    case ActivationKind::kHardSigmoid:
      return std::clamp(alpha * x + beta, 0.0, 1.0);
    case ActivationKind::kElu:
      return x >= 0 ? x : alpha * std::expm1(x);
    case ActivationKind::kSoftsign:
      return x / (1 + std::fabs(x));
    case ActivationKind::kSoftplus:
      return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
  }
  return x;
}

namespace {

struct ActivationName {
  std::string_view name;
  ActivationKind kind;
  bool takes_alpha, takes_beta;
  double alpha, beta;  // defaults
};
constexpr ActivationName kActivations[] = {
    {"relu", ActivationKind::kRelu, false, false, 0, 0},
    {"tanh", ActivationKind::kTanh, false, false, 0, 0},
    {"sigmoid", ActivationKind::kSigmoid, false, false, 0, 0},
    {"affine", ActivationKind::kAffine, true, true, 1, 0},
    {"leakyrelu", ActivationKind::kLeakyRelu, true, false, 0.01f, 0},
    {"thresholdedrelu", ActivationKind::kThresholdedRelu, true, false, 1, 0},
    {"scaledtanh", ActivationKind::kScaledTanh, true, true, 1, 1},
    {"hardsigmoid", ActivationKind::kHardSigmoid, true, true, 0.2f, 0.5},
    {"elu", ActivationKind::kElu, true, false, 1, 0},
    {"softsign", ActivationKind::kSoftsign, false, false, 0, 0},
    {"softplus", ActivationKind::kSoftplus, false, false, 0, 0},
};

size_t functions_per_direction(RecurrentKind kind) {
  return kind == RecurrentKind::kRnn ? 1 : kind == RecurrentKind::kGru ? 2 : 3;
}

}  // namespace

Result<std::vector<std::vector<Activation>>> recurrent_activations(const Recurrent& op) {
  const size_t per = functions_per_direction(op.kind);
  const auto directions = static_cast<size_t>(op.directions());
  std::vector<std::string> names = op.activations;
  if (names.empty()) {
    for (size_t d = 0; d < directions; ++d) {
      if (op.kind != RecurrentKind::kRnn) names.push_back("Sigmoid");
      if (op.kind == RecurrentKind::kLstm) names.push_back("Tanh");
      names.push_back("Tanh");
    }
  }
  // The schema's own default of RNN names two functions for any direction.
  if (names.size() < per * directions ||
      (op.kind != RecurrentKind::kRnn && names.size() != per * directions)) {
    return invalid_model("attribute 'activations' has {} names, wanted are {}", names.size(),
                         per * directions);
  }
  size_t alphas = 0, betas = 0;
  std::vector<std::vector<Activation>> out(directions);
  for (size_t i = 0; i < per * directions; ++i) {
    std::string name = names[i];
    for (char& ch : name) ch = static_cast<char>(ch >= 'A' && ch <= 'Z' ? ch - 'A' + 'a' : ch);
    const auto* known = std::find_if(std::begin(kActivations), std::end(kActivations),
                                     [&](const ActivationName& a) { return a.name == name; });
    if (known == std::end(kActivations)) {
      return invalid_model("attribute 'activations' names '{}', which is no activation", names[i]);
    }
    Activation a{known->kind, known->alpha, known->beta};
    if (known->takes_alpha && alphas < op.activation_alpha.size()) {
      a.alpha = double(op.activation_alpha[alphas++]);
    }
    if (known->takes_beta && betas < op.activation_beta.size()) {
      a.beta = double(op.activation_beta[betas++]);
    }
    out[i / per].push_back(a);
  }
  return out;
}

namespace {

Status check_attrs(const Recurrent& op) {
  if (op.direction != "forward" && op.direction != "reverse" && op.direction != "bidirectional") {
    return invalid_model(
        "attribute 'direction' is '{}', wanted is forward, reverse or bidirectional", op.direction);
  }
  if (op.layout != 0 && op.layout != 1) {
    return invalid_model("attribute 'layout' is {}, wanted is 0 or 1", op.layout);
  }
  return recurrent_activations(op).status();
}

// Positions of the optional inputs; 0: the operator has none.
constexpr size_t kBias = 3, kLengths = 4, kInitialH = 5, kInitialC = 6, kPeepholes = 7;

Status infer(const Recurrent& op, InferContext& c) {
  FERRY_RETURN_IF_ERROR(check_attrs(op));
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, types::kFloating, 3, 3));
  FERRY_ASSIGN_OR_RETURN(const Type w, c.tensor(1, types::kFloating, 3, 3));
  FERRY_ASSIGN_OR_RETURN(const Type r, c.tensor(2, types::kFloating, 3, 3));
  for (size_t i = 1; i < c.num_inputs(); ++i) {
    if (i == kLengths) {
      if (c.has_input(i)) {
        FERRY_RETURN_IF_ERROR(c.tensor(i, TypeSet{DType::kInt32}, 1, 1).status());
      }
      continue;
    }
    FERRY_RETURN_IF_ERROR(c.same_dtype(0, i));
  }
  Dim hidden = op.hidden_size ? Dim(*op.hidden_size) : r.has_rank() ? (*r.shape)[2] : Dim();
  if (!op.hidden_size && !r.has_rank()) hidden = c.fresh_dim(0, 3);
  if (r.has_rank() && Dim::known_different((*r.shape)[2], hidden)) {
    return shape_mismatch("r is {}, attribute 'hidden_size' is {}", r.to_string(),
                          hidden.to_string());
  }
  if (w.has_rank() && Dim::known_different((*w.shape)[1], hidden * Dim(op.gates()))) {
    return shape_mismatch("w is {}, wanted are {} rows of gates", w.to_string(),
                          (hidden * Dim(op.gates())).to_string());
  }
  const Dim directions = op.directions();
  Dim length = c.fresh_dim(0, op.layout == 0 ? 0 : 1),
      batch = c.fresh_dim(0, op.layout == 0 ? 2 : 0);
  if (x.has_rank()) {
    length = (*x.shape)[op.layout == 0 ? 0 : 1];
    batch = (*x.shape)[op.layout == 0 ? 1 : 0];
  }
  const Shape state =
      op.layout == 0 ? Shape{directions, batch, hidden} : Shape{batch, directions, hidden};
  c.set_tensor(0, x.dtype,
               op.layout == 0 ? Shape{length, directions, batch, hidden}
                              : Shape{batch, length, directions, hidden});
  c.set_tensor(1, x.dtype, state);
  if (op.kind == RecurrentKind::kLstm) c.set_tensor(2, x.dtype, state);
  return {};
}

struct Sizes {
  int64_t length, batch, input, hidden, directions, gates;
};

// The input as doubles, checked against `wanted`; zeros when absent.
Result<WorkingArray<double>> operand(EvalContext& c, size_t i, const Dims& wanted,
                                     const char* name) {
  if (!c.has_input(i)) {
    FERRY_ASSIGN_OR_RETURN(auto zeros, WorkingArray<double>::make(c, wanted.count()));
    FERRY_RETURN_IF_ERROR(in_ranges(c, wanted.count(), 1, [&](int64_t from, int64_t to) {
      std::fill(zeros.data() + from, zeros.data() + to, 0.0);
    }));
    return zeros;
  }
  const Tensor& t = c.input(i);
  if (!(t.dims() == wanted)) {
    return shape_mismatch("{} is {}, wanted is {}", name, t.describe(), wanted.to_string());
  }
  return as_doubles(c, t);
}

// y += m x for a row-major matrix.
Status add_product(PollEvery& polls, const double* m, const double* x, double* y, int64_t rows,
                   int64_t cols) {
  for (int64_t i = 0; i < rows; ++i, m += cols) {
    FERRY_RETURN_IF_ERROR(polls.spend(8 + cols));
    double sum = 0;
    for (int64_t k = 0; k < cols; ++k) sum += m[k] * x[k];
    y[i] += sum;
  }
  return {};
}

// One direction's weights and one sequence's state.
struct Cell {
  const Recurrent& op;
  const std::vector<Activation>& act;
  int64_t input, hidden;
  const double *w, *r, *b, *p;
  std::vector<double> h, c, gates, scratch;
  PollEvery* polls;

  double bounded(double v) const {
    if (!op.clip) return v;
    const double limit = std::fabs(double(*op.clip));
    return v > limit ? limit : v < -limit ? -limit : v;
  }
  // Gate `g` of w x + w's bias and, from `r_from` on, r h + r's bias is in `gates`.
  Status linear(const double* x, int64_t gates_with_r) {
    const int64_t n = op.gates() * hidden;
    for (int64_t i = 0; i < n; ++i) gates[size_t(i)] = b[i];
    FERRY_RETURN_IF_ERROR(add_product(*polls, w, x, gates.data(), n, input));
    const int64_t m = gates_with_r * hidden;
    for (int64_t i = 0; i < m; ++i) gates[size_t(i)] += b[n + i];
    return add_product(*polls, r, h.data(), gates.data(), m, hidden);
  }
  Status step(const double* x);
  Status step_rnn(const double* x);
  Status step_gru(const double* x);
  Status step_lstm(const double* x);
};

Status Cell::step_rnn(const double* x) {
  FERRY_RETURN_IF_ERROR(linear(x, 1));
  for (size_t i = 0; i < h.size(); ++i) h[i] = act[0](bounded(gates[i]));
  return {};
}

Status Cell::step_gru(const double* x) {
  FERRY_RETURN_IF_ERROR(linear(x, 2));
  const size_t n = h.size();
  double *z = gates.data(), *reset = z + n, *candidate = z + 2 * n;
  for (size_t i = 0; i < 2 * n; ++i) gates[i] = act[0](bounded(gates[i]));
  const double* rh = r + 2 * hidden * hidden;
  const double* rb = b + (3 + 2) * hidden;
  if (op.linear_before_reset) {
    for (size_t i = 0; i < n; ++i) scratch[i] = rb[i];
    FERRY_RETURN_IF_ERROR(add_product(*polls, rh, h.data(), scratch.data(), hidden, hidden));
    for (size_t i = 0; i < n; ++i) candidate[i] += reset[i] * scratch[i];
  } else {
    for (size_t i = 0; i < n; ++i) scratch[i] = reset[i] * h[i];
    for (size_t i = 0; i < n; ++i) candidate[i] += rb[i];
    FERRY_RETURN_IF_ERROR(add_product(*polls, rh, scratch.data(), candidate, hidden, hidden));
  }
  for (size_t i = 0; i < n; ++i) {
    h[i] = (1 - z[i]) * act[1](bounded(candidate[i])) + z[i] * h[i];
  }
  return {};
}

Status Cell::step_lstm(const double* x) {
  FERRY_RETURN_IF_ERROR(linear(x, 4));
  const size_t n = h.size();
  const double *gi = gates.data(), *go = gi + n, *gf = gi + 2 * n, *gc = gi + 3 * n;
  for (size_t i = 0; i < n; ++i) {
    const double in = act[0](bounded(gi[i] + p[i] * c[i]));
    const double forget = op.input_forget ? 1 - in : act[0](bounded(gf[i] + p[2 * n + i] * c[i]));
    c[i] = forget * c[i] + in * act[1](bounded(gc[i]));
    h[i] = act[0](bounded(go[i] + p[n + i] * c[i])) * act[2](c[i]);
  }
  return {};
}

Status Cell::step(const double* x) {
  switch (op.kind) {
    case RecurrentKind::kRnn:
      return step_rnn(x);
    case RecurrentKind::kGru:
      return step_gru(x);
    case RecurrentKind::kLstm:
      return step_lstm(x);
  }
  return {};
}

Result<Sizes> check_sizes(const Recurrent& op, EvalContext& c) {
  const Tensor &x = c.input(0), &w = c.input(1), &r = c.input(2);
  if (x.rank() != 3 || w.rank() != 3 || r.rank() != 3) {
    return shape_mismatch("x is {}, w {}, r {}; wanted is rank 3", x.describe(), w.describe(),
                          r.describe());
  }
  Sizes s{x.dim(op.layout == 0 ? 0 : 1),
          x.dim(op.layout == 0 ? 1 : 0),
          x.dim(2),
          r.dim(2),
          op.directions(),
          op.gates()};
  // The tensors exist, so that their sizes do not overflow when they are as wanted.
  if (s.hidden > INT32_MAX || (op.hidden_size && *op.hidden_size != s.hidden)) {
    return shape_mismatch("r is {}, attribute 'hidden_size' is {}", r.describe(),
                          op.hidden_size.value_or(-1));
  }
  const Dims want_w{s.directions, s.gates * s.hidden, s.input};
  const Dims want_r{s.directions, s.gates * s.hidden, s.hidden};
  if (!(w.dims() == want_w) || !(r.dims() == want_r)) {
    return shape_mismatch("w is {} and r {}, wanted are {} and {}", w.describe(), r.describe(),
                          want_w.to_string(), want_r.to_string());
  }
  return s;
}

Result<std::vector<int64_t>> sequence_lengths(EvalContext& c, const Sizes& s) {
  std::vector<int64_t> lengths(static_cast<size_t>(s.batch), s.length);
  if (!c.has_input(kLengths)) return lengths;
  const Tensor& t = c.input(kLengths);
  if (t.rank() != 1 || t.dim(0) != s.batch) {
    return shape_mismatch("sequence_lens is {}, wanted is [{}]", t.describe(), s.batch);
  }
  for (size_t n = 0; n < lengths.size(); ++n) {
    lengths[n] = t.data<int32_t>()[n];
    if (lengths[n] < 0 || lengths[n] > s.length) {
      return invalid_argument("sequence_lens[{}] is {}, wanted is at least 0 and at most {}", n,
                              lengths[n], s.length);
    }
  }
  return lengths;
}

template <class T>
void store(const std::vector<double>& from, T* to) {
  for (size_t i = 0; i < from.size(); ++i) to[i] = T(static_cast<compute_t<T>>(from[i]));
}

Status eval(const Recurrent& op, EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(const auto activations, recurrent_activations(op));
  FERRY_ASSIGN_OR_RETURN(const Sizes s, check_sizes(op, c));
  FERRY_ASSIGN_OR_RETURN(const auto lengths, sequence_lengths(c, s));
  const bool batch_first = op.layout == 1, lstm = op.kind == RecurrentKind::kLstm;
  const Dims state =
      batch_first ? Dims{s.batch, s.directions, s.hidden} : Dims{s.directions, s.batch, s.hidden};
  FERRY_ASSIGN_OR_RETURN(const auto x, as_doubles(c, c.input(0)));
  FERRY_ASSIGN_OR_RETURN(const auto w, as_doubles(c, c.input(1)));
  FERRY_ASSIGN_OR_RETURN(const auto r, as_doubles(c, c.input(2)));
  FERRY_ASSIGN_OR_RETURN(const auto b,
                         operand(c, kBias, Dims{s.directions, 2 * s.gates * s.hidden}, "b"));
  FERRY_ASSIGN_OR_RETURN(const auto h0, operand(c, kInitialH, state, "initial_h"));
  FERRY_ASSIGN_OR_RETURN(const auto c0, operand(c, kInitialC, state, "initial_c"));
  FERRY_ASSIGN_OR_RETURN(const auto p,
                         operand(c, kPeepholes, Dims{s.directions, 3 * s.hidden}, "p"));
  const DType type = c.input(0).dtype();
  Tensor y, y_h, y_c;
  if (c.has_output(0)) {
    FERRY_ASSIGN_OR_RETURN(y,
                           c.output(0, type,
                                    batch_first ? Dims{s.batch, s.length, s.directions, s.hidden}
                                                : Dims{s.length, s.directions, s.batch, s.hidden}));
  }
  if (c.has_output(1)) {
    FERRY_ASSIGN_OR_RETURN(y_h, c.output(1, type, state));
  }
  if (lstm && c.has_output(2)) {
    FERRY_ASSIGN_OR_RETURN(y_c, c.output(2, type, state));
  }
  return visit_floating(type, [&]<class T>(TypeTag<T>) -> Status {
    PollEvery polls(c);
    if (y.defined()) std::fill_n(y.data<T>(), y.count(), T(0.0f));
    for (int64_t d = 0; d < s.directions; ++d) {
      const bool reverse = d == 1 || op.direction == "reverse";
      for (int64_t n = 0; n < s.batch; ++n) {
        const int64_t at = (batch_first ? n * s.directions + d : d * s.batch + n) * s.hidden;
        const auto width = static_cast<size_t>(s.hidden);
        Cell cell{op,
                  activations[size_t(d)],
                  s.input,
                  s.hidden,
                  w.data() + d * s.gates * s.hidden * s.input,
                  r.data() + d * s.gates * s.hidden * s.hidden,
                  b.data() + d * 2 * s.gates * s.hidden,
                  p.data() + d * 3 * s.hidden,
                  {h0.data() + at, h0.data() + at + s.hidden},
                  {c0.data() + at, c0.data() + at + s.hidden},
                  std::vector<double>(width * size_t(s.gates)),
                  std::vector<double>(width),
                  &polls};
        const int64_t length = lengths[size_t(n)];
        for (int64_t k = 0; k < length; ++k) {
          const int64_t t = reverse ? length - 1 - k : k;
          const double* from =
              x.data() + (batch_first ? n * s.length + t : t * s.batch + n) * s.input;
          FERRY_RETURN_IF_ERROR(cell.step(from));
          if (!y.defined()) continue;
          const int64_t row = batch_first ? (n * s.length + t) * s.directions + d
                                          : (t * s.directions + d) * s.batch + n;
          store(cell.h, y.data<T>() + row * s.hidden);
        }
        if (y_h.defined()) store(cell.h, y_h.data<T>() + at);
        if (y_c.defined()) store(cell.c, y_c.data<T>() + at);
      }
    }
    return {};
  });
}

OpBuilder<Recurrent> recurrent(OpRegistry& r, const char* name, RecurrentKind kind) {
  Recurrent defaults;
  defaults.kind = kind;
  auto b = r.op<Recurrent>(name, defaults);
  b.since(22)
      .inputs(3, kind == RecurrentKind::kLstm ? 8 : 6)
      .outputs(0, kind == RecurrentKind::kLstm ? 3 : 2)
      .attr("direction", &Recurrent::direction)
      .attr("hidden_size", &Recurrent::hidden_size)
      .attr("activations", &Recurrent::activations)
      .attr("activation_alpha", &Recurrent::activation_alpha)
      .attr("activation_beta", &Recurrent::activation_beta)
      .attr("clip", &Recurrent::clip)
      .attr("layout", &Recurrent::layout)
      .infer(infer)
      .reference(eval);
  return b;
}

}  // namespace

void register_recurrent(OpRegistry& r) {
  recurrent(r, "RNN", RecurrentKind::kRnn);
  recurrent(r, "GRU", RecurrentKind::kGru)
      .attr("linear_before_reset", &Recurrent::linear_before_reset);
  recurrent(r, "LSTM", RecurrentKind::kLstm).attr("input_forget", &Recurrent::input_forget);
}

}  // namespace ferry
