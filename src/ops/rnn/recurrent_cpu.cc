// SPDX-License-Identifier: Apache-2.0
// LSTM, GRU and RNN in fp32: one product for the inputs of all time steps, then one with the packed
// recurrent weights per step.
#include <algorithm>
#include <cstring>

#include "base/status.h"
#include "kernels/rnn/rnn.h"
#include "ops/rnn/recurrent.h"
#include "ops_cpu/matrix_product.h"
#include "ops_cpu/parallel.h"
#include "tensor/size.h"

namespace ferry {
namespace {

constexpr size_t kBias = 3, kLengths = 4, kInitialH = 5, kInitialC = 6, kPeepholes = 7;

struct Biases {
  std::vector<float> input;      // added to x's product
  std::vector<float> recurrent;  // of a GRU that resets last
};

struct Direction {
  PackedMatrix input, recurrent, candidate;  // candidate: of a GRU that resets first
  Biases bias;
};

// What a run reads of a direction: packed matrices, and biases.
struct Weights {
  const float *input, *recurrent, *candidate;
  const Biases* bias;
};

// The work of one direction of a run; sizes as in ops/rnn/recurrent.h.
struct Sizes {
  int64_t length, batch, input, hidden;
};

// In all directions `gate`, if the operator has gates, and `state` for the rest.
bool has_activations(const Recurrent& op, ActivationKind gate, ActivationKind state) {
  const auto activations = recurrent_activations(op);
  if (!activations.ok()) return false;
  for (const auto& functions : *activations) {
    for (size_t i = 0; i < functions.size(); ++i) {
      const bool is_gate = i == 0 && op.kind != RecurrentKind::kRnn;
      if (functions[i].kind != (is_gate ? gate : state)) return false;
    }
  }
  return true;
}
bool is_relu(const Recurrent& op) {
  return op.kind == RecurrentKind::kRnn &&
         has_activations(op, ActivationKind::kRelu, ActivationKind::kRelu);
}

class RecurrentKernel final : public StepKernel {
 public:
  RecurrentKernel(const KernelRequest& request, const Recurrent& op)
      : gemm_(gemm_kernels(request.isa)),
        cells_(rnn_kernels(request.isa)),
        op_(op),
        resets_first_(op.kind == RecurrentKind::kGru && !op.linear_before_reset),
        is_relu_(is_relu(op)) {}

  Status pack(const KernelRequest& request) {
    const Tensor &w = *request.constant(1), &r = *request.constant(2);
    const Tensor* b = request.constant(kBias);
    set_sizes(w.dims(), r.dims());
    for (int64_t d = 0; d < op_.directions(); ++d) {
      Direction dir;
      const auto columns = [&](const Part& p) {
        return MatrixView{
            .k = p.k, .n = p.n, .row_stride = 1, .col_stride = p.k, .begin = p.row * p.k};
      };
      FERRY_ASSIGN_OR_RETURN(dir.input, pack_matrix(request, 1, gemm_, columns(input(d))));
      FERRY_ASSIGN_OR_RETURN(dir.recurrent, pack_matrix(request, 2, gemm_, columns(recurrent(d))));
      if (resets_first_) {
        FERRY_ASSIGN_OR_RETURN(dir.candidate,
                               pack_matrix(request, 2, gemm_, columns(candidate(d))));
      }
      if (b != nullptr) set_bias(b->data<float>(), d, dir.bias);
      packed_bytes_ += dir.input.bytes() + dir.recurrent.bytes() + dir.candidate.bytes();
      directions_.push_back(std::move(dir));
    }
    return {};
  }
  // Instead, for weights or a bias that each run is given.
  void compute_weights(const Dims& w, const Dims& r) {
    set_sizes(w, r);
    computed_ = true;
  }

  std::string name() const override {
    if (op_.kind == RecurrentKind::kRnn) return "rnn_f32";
    return op_.kind == RecurrentKind::kLstm ? "lstm_f32" : "gru_f32";
  }
  std::string tactic() const override { return computed_ ? "weights are packed by each run" : ""; }
  bool reads_input(size_t i) const override { return i == 0 || i >= kLengths || computed_; }
  size_t packed_bytes() const override { return packed_bytes_; }

  Status run(StepContext& c) const override {
    const Tensor& x = c.input(0);
    if (x.rank() != 3 || x.dim(2) != input_) {
      return shape_mismatch("x is {}, wanted are {} elements at each step", x.describe(), input_);
    }
    const Sizes s{x.dim(0), x.dim(1), x.dim(2), hidden_};
    // Where only the last state is wanted no output bounds the sizes.
    const int64_t sizes[] = {s.length, s.batch, 2 * gates_ + 2 * hidden_};
    FERRY_RETURN_IF_ERROR(checked_size_bytes(DType::kFloat32, sizes).status());
    const int64_t directions = op_.directions(), state = s.batch * hidden_;
    const bool lstm = op_.kind == RecurrentKind::kLstm;
    Tensor out[3];
    const Dims state_dims{directions, s.batch, hidden_};
    for (size_t i = 0; i < (lstm ? 3u : 2u); ++i) {
      if (!c.has_output(i)) continue;
      FERRY_ASSIGN_OR_RETURN(
          out[i], c.output(i, DType::kFloat32,
                           i == 0 ? Dims{s.length, directions, s.batch, hidden_} : state_dims));
    }
    if (state == 0) return {};
    FERRY_RETURN_IF_ERROR(check_given(c));
    FERRY_ASSIGN_OR_RETURN(const int32_t* lengths, lengths_of(c, s));
    // Gates of all steps, the states, what a step computes on the way, and weights of one
    // direction.
    const int64_t gates = s.length * s.batch * op_.gates() * hidden_;
    const int64_t per_step = s.batch * op_.gates() * hidden_;
    const int64_t floats = gates + 2 * state + per_step;
    FERRY_RETURN_IF_ERROR(
        c.reserve_scratch(1, (round_up(floats) + given_floats()) * int64_t{sizeof(float)}));
    auto* g = c.scratch<float>(0);
    float *h = g + gates, *cell = h + state, *work = cell + state;
    std::memset(work, 0, static_cast<size_t>(per_step) * sizeof(float));
    Biases given;
    for (int64_t d = 0; d < directions; ++d) {
      FERRY_RETURN_IF_ERROR(start(c, kInitialH, state_dims, d, h));
      FERRY_RETURN_IF_ERROR(start(c, kInitialC, state_dims, d, cell));
      Weights dir = computed_ ? Weights{} : packed(d);
      if (computed_) {
        FERRY_ASSIGN_OR_RETURN(dir, given_weights(c, d, g + round_up(floats), given));
      }
      project(c.team(), s, dir, x.data<float>(), g);
      const bool reverse = d == 1 || op_.direction == "reverse";
      for (int64_t k = 0; k < s.length; ++k) {
        FERRY_RETURN_IF_ERROR(c.poll());
        const int64_t t = reverse ? s.length - 1 - k : k;
        const auto is_over = [&](int64_t i) { return lengths != nullptr && t >= lengths[i]; };
        step(c.team(), s, dir, g + t * per_step, h, cell, work, is_over);
        if (!out[0].defined()) continue;
        float* y = out[0].data<float>() + (t * directions + d) * state;
        std::memcpy(y, h, static_cast<size_t>(state) * sizeof(float));
        for (int64_t i = 0; lengths != nullptr && i < s.batch; ++i) {
          if (is_over(i)) std::fill_n(y + i * hidden_, hidden_, 0.0f);
        }
      }
      for (size_t i = 1; i < 3; ++i) {
        if (!out[i].defined()) continue;
        std::memcpy(out[i].data<float>() + d * state, i == 1 ? h : cell,
                    static_cast<size_t>(state) * sizeof(float));
      }
    }
    return {};
  }

 private:
  // Columns of a product: rows of w or r, which have k elements each.
  struct Part {
    int64_t row, k, n;
  };
  Part input(int64_t d) const { return {d * gates_, input_, gates_}; }
  Part recurrent(int64_t d) const {
    return {d * gates_, hidden_, resets_first_ ? 2 * hidden_ : gates_};
  }
  Part candidate(int64_t d) const { return {d * gates_ + 2 * hidden_, hidden_, hidden_}; }

  void set_sizes(const Dims& w, const Dims& r) {
    hidden_ = r[2];
    input_ = w[2];
    gates_ = op_.gates() * hidden_;
  }

  // `b`: of all directions.
  void set_bias(const float* b, int64_t d, Biases& bias) const {
    b += d * 2 * gates_;
    bias.input.assign(b, b + gates_);
    const float* r = b + gates_;
    const bool apart = op_.kind == RecurrentKind::kGru && op_.linear_before_reset;
    const int64_t joined = apart ? 2 * hidden_ : gates_;
    for (int64_t i = 0; i < joined; ++i) bias.input[static_cast<size_t>(i)] += r[i];
    if (!apart) return;
    bias.recurrent.assign(static_cast<size_t>(gates_), 0.0f);
    std::copy(r + joined, r + gates_, bias.recurrent.begin() + joined);
  }

  Weights packed(int64_t d) const {
    const Direction& dir = directions_[static_cast<size_t>(d)];
    return {dir.input.data(), dir.recurrent.data(), resets_first_ ? dir.candidate.data() : nullptr,
            &dir.bias};
  }

  static int64_t round_up(int64_t floats) { return (floats + 15) / 16 * 16; }
  int64_t packed_floats(const Part& p) const { return round_up(gemm_packed_size(gemm_, p.k, p.n)); }
  int64_t given_floats() const {
    if (!computed_) return 0;
    return packed_floats(input(0)) + packed_floats(recurrent(0)) +
           (resets_first_ ? packed_floats(candidate(0)) : 0);
  }
  // Packs what the run was given for direction d to `to`.
  Result<Weights> given_weights(StepContext& c, int64_t d, float* to, Biases& bias) const {
    const auto pack = [&](size_t in, const Part& p) -> Result<const float*> {
      const float* from = c.input(in).data<float>() + p.row * p.k;
      for (int64_t n = 0; n < p.n; n += gemm_.nr) {
        FERRY_RETURN_IF_ERROR(c.poll());
        gemm_.pack_b(from, 1, p.k, p.k, p.n, n, std::min<int64_t>(p.n, n + gemm_.nr), 0, p.k, to);
      }
      const float* packed = to;
      to += packed_floats(p);
      return packed;
    };
    Weights w{};
    FERRY_ASSIGN_OR_RETURN(w.input, pack(1, input(d)));
    FERRY_ASSIGN_OR_RETURN(w.recurrent, pack(2, recurrent(d)));
    if (resets_first_) {
      FERRY_ASSIGN_OR_RETURN(w.candidate, pack(2, candidate(d)));
    }
    if (c.has_input(kBias)) set_bias(c.input(kBias).data<float>(), d, bias);
    w.bias = &bias;
    return w;
  }
  // Sizes that were known of types may turn out others.
  Status check_given(const StepContext& c) const {
    if (!computed_) return {};
    const int64_t directions = op_.directions();
    const auto check = [&](size_t in, const char* name, const Dims& wanted) -> Status {
      if (!c.has_input(in) || c.input(in).dims() == wanted) return {};
      return shape_mismatch("{} is {}, wanted is {}", name, c.input(in).describe(),
                            wanted.to_string());
    };
    FERRY_RETURN_IF_ERROR(check(1, "W", {directions, gates_, input_}));
    FERRY_RETURN_IF_ERROR(check(2, "R", {directions, gates_, hidden_}));
    return check(kBias, "B", {directions, 2 * gates_});
  }

  // One per sequence; null where all are as long as x.
  static Result<const int32_t*> lengths_of(const StepContext& c, const Sizes& s) {
    if (!c.has_input(kLengths)) return static_cast<const int32_t*>(nullptr);
    const Tensor& t = c.input(kLengths);
    if (!(t.dims() == Dims{s.batch})) {
      return shape_mismatch("sequence_lens is {}, wanted is [{}]", t.describe(), s.batch);
    }
    const auto* lengths = t.data<int32_t>();
    for (int64_t i = 0; i < s.batch; ++i) {
      if (lengths[i] >= 0 && lengths[i] <= s.length) continue;
      return invalid_argument("sequence_lens[{}] is {}, wanted is at least 0 and at most {}", i,
                              lengths[i], s.length);
    }
    return lengths;
  }

  static Status start(StepContext& c, size_t input, const Dims& dims, int64_t d, float* state) {
    const int64_t n = dims[1] * dims[2];
    if (!c.has_input(input)) {
      std::memset(state, 0, static_cast<size_t>(n) * sizeof(float));
      return {};
    }
    const Tensor& t = c.input(input);
    if (!(t.dims() == dims)) {
      return shape_mismatch("{} is {}, wanted is {}",
                            input == kInitialH ? "initial_h" : "initial_c", t.describe(),
                            dims.to_string());
    }
    std::memcpy(state, t.data<float>() + d * n, static_cast<size_t>(n) * sizeof(float));
    return {};
  }

  // x W^T + bias for all steps.
  void project(Team& team, const Sizes& s, const Weights& dir, const float* x, float* g) const {
    GemmArgs args;
    args.m = s.length * s.batch;
    args.k = s.input;
    args.n = gates_;
    args.a = x;
    args.lda = s.input;
    args.packed_b = dir.input;
    args.c = g;
    args.ldc = args.n;
    args.bias = dir.bias->input.empty() ? nullptr : dir.bias->input.data();
    run_product(gemm_, team, args);
  }

  // C = A b, or C += A b, for b of n columns; `ldc` floats from row to row of C.
  void multiply(Team& team, const Sizes& s, const float* a, const float* b, int64_t n, float* c,
                int64_t ldc, const float* bias, bool accumulate) const {
    GemmArgs args;
    args.m = s.batch;
    args.k = hidden_;
    args.n = n;
    args.a = a;
    args.lda = hidden_;
    args.packed_b = b;
    args.c = c;
    args.ldc = ldc;
    args.bias = bias;
    args.accumulate = accumulate;
    run_product(gemm_, team, args);
  }

  // Sequences that are over keep their state.
  template <class Over>
  void step(Team& team, const Sizes& s, const Weights& dir, float* g, float* h, float* cell,
            float* work, const Over& is_over) const {
    const int64_t n = hidden_, row = gates_;
    const auto each = [&](auto&& f) {
      parallel_range(team, s.batch, s.batch * n >= kMinParallelValues,
                     [&](int64_t from, int64_t to, int) {
                       for (int64_t i = from; i < to; ++i) {
                         if (!is_over(i)) f(i);
                       }
                     });
    };
    if (op_.kind == RecurrentKind::kRnn) {
      multiply(team, s, h, dir.recurrent, row, g, row, nullptr, true);
      each([&](int64_t i) {
        const float* x = g + i * row;
        if (!is_relu_) return cells_.plain(x, h + i * n, n);
        std::transform(x, x + n, h + i * n, [](float v) { return v > 0 ? v : 0.0f; });
      });
    } else if (op_.kind == RecurrentKind::kLstm) {
      multiply(team, s, h, dir.recurrent, row, g, row, nullptr, true);
      each([&](int64_t i) { cells_.lstm(g + i * row, cell + i * n, h + i * n, n); });
    } else if (resets_first_) {
      multiply(team, s, h, dir.recurrent, 2 * n, g, row, nullptr, true);
      each([&](int64_t i) { cells_.gru_reset(g + i * row, h + i * n, work + i * n, n); });
      multiply(team, s, work, dir.candidate, n, g + 2 * n, row, nullptr, true);
      each([&](int64_t i) { cells_.gru_finish(g + i * row, h + i * n, n); });
    } else {
      const std::vector<float>& bias = dir.bias->recurrent;
      multiply(team, s, h, dir.recurrent, row, work, row, bias.empty() ? nullptr : bias.data(),
               false);
      each([&](int64_t i) { cells_.gru_linear(g + i * row, work + i * row, h + i * n, n); });
    }
  }

  const GemmKernels& gemm_;
  const RnnKernels& cells_;
  Recurrent op_;
  bool resets_first_, is_relu_;
  bool computed_ = false;
  int64_t hidden_ = 0, input_ = 0, gates_ = 0;  // gates: of all of a step
  std::vector<Direction> directions_;
  size_t packed_bytes_ = 0;
};

Result<KernelOffer> make(const KernelRequest& request) {
  const Recurrent& op = *request.node.op.as<Recurrent>();
  const auto no = [](const char* why) { return KernelOffer(std::string(why)); };
  if (request.type(0).dtype != DType::kFloat32) return no("not f32");
  if (request.has_input(kPeepholes)) return no("peepholes");
  if (op.clip || op.input_forget || op.layout != 0) return no("clip, input_forget or layout");
  if (!is_relu(op) && !has_activations(op, ActivationKind::kSigmoid, ActivationKind::kTanh)) {
    return no("other activations");
  }
  const auto dims = [&](size_t i) {
    const Type& t = request.type(i);
    return t.has_rank() ? constant_dims(*t.shape) : std::nullopt;
  };
  const auto w = dims(1), r = dims(2);
  if (!w || !r || w->size() != 3 || r->size() != 3) return no("sizes of weights are not known");
  const int64_t h = (*r)[2], gates = op.gates() * h;
  const bool biased = request.has_input(kBias);
  const bool sizes = h > 0 && *w == Dims{op.directions(), gates, (*w)[2]} &&
                     *r == Dims{op.directions(), gates, h} &&
                     (!biased || dims(kBias) == Dims{op.directions(), 2 * gates});
  const Type& x = request.type(0);
  if (!sizes || !x.has_rank() || x.rank() != 3 || !(*x.shape)[2].is_constant((*w)[2])) {
    return no("sizes are not known to agree");
  }
  auto kernel = std::make_unique<RecurrentKernel>(request, op);
  const bool constant = request.constant(1) != nullptr && request.constant(2) != nullptr &&
                        (!biased || request.constant(kBias) != nullptr);
  if (constant) {
    FERRY_RETURN_IF_ERROR(kernel->pack(request));
  } else {
    kernel->compute_weights(*w, *r);
  }
  return KernelOffer(std::move(kernel));
}

}  // namespace

void register_recurrent_cpu(KernelRegistry& r) {
  r.add("LSTM", "lstm_f32", make);
  r.add("GRU", "gru_f32", make);
  r.add("RNN", "rnn_f32", make);
}

}  // namespace ferry
