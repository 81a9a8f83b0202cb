// SPDX-License-Identifier: Apache-2.0
// LSTM, GRU and RNN in fp32 with constant weights: one product for the inputs of all time steps,
// then one with the packed recurrent weights per step.
#include <algorithm>
#include <cstring>

#include "base/status.h"
#include "kernels/rnn/rnn.h"
#include "ops/rnn/recurrent.h"
#include "ops_cpu/matrix_product.h"
#include "ops_cpu/parallel.h"

namespace ferry {
namespace {

constexpr size_t kBias = 3, kLengths = 4, kInitialH = 5, kInitialC = 6, kPeepholes = 7;

struct Direction {
  PackedMatrix input, recurrent, candidate;  // candidate: of a GRU that resets first
  std::vector<float> bias;                   // added to x's product
  std::vector<float> recurrent_bias;         // of a GRU that resets last
};

// The work of one direction of a run; sizes as in ops/rnn/recurrent.h.
struct Sizes {
  int64_t length, batch, input, hidden;
};

class RecurrentKernel final : public StepKernel {
 public:
  RecurrentKernel(const KernelRequest& request, const Recurrent& op)
      : gemm_(gemm_kernels(request.isa)),
        cells_(rnn_kernels(request.isa)),
        op_(op),
        resets_first_(op.kind == RecurrentKind::kGru && !op.linear_before_reset) {}

  Status pack(const KernelRequest& request) {
    const Tensor &w = *request.constant(1), &r = *request.constant(2);
    const Tensor* b = request.constant(kBias);
    hidden_ = r.dim(2);
    const int64_t input = w.dim(2), gates = op_.gates() * hidden_;
    const int64_t before = resets_first_ ? 2 * hidden_ : gates;  // columns of the first product
    for (int64_t d = 0; d < op_.directions(); ++d) {
      Direction dir;
      // Rows of w and r, from the one at `row` on, as columns.
      const auto columns = [&](int64_t k, int64_t n, int64_t row) {
        return MatrixView{.k = k, .n = n, .row_stride = 1, .col_stride = k, .begin = row * k};
      };
      const int64_t row = d * gates;
      FERRY_ASSIGN_OR_RETURN(dir.input, pack_matrix(request, 1, gemm_, columns(input, gates, row)));
      FERRY_ASSIGN_OR_RETURN(dir.recurrent,
                             pack_matrix(request, 2, gemm_, columns(hidden_, before, row)));
      if (resets_first_) {
        FERRY_ASSIGN_OR_RETURN(
            dir.candidate, pack_matrix(request, 2, gemm_, columns(hidden_, hidden_, row + before)));
      }
      if (b != nullptr) set_bias(b->data<float>() + d * 2 * gates, gates, dir);
      packed_bytes_ += dir.input.bytes() + dir.recurrent.bytes() + dir.candidate.bytes();
      directions_.push_back(std::move(dir));
    }
    return {};
  }

  std::string name() const override {
    if (op_.kind == RecurrentKind::kRnn) return "rnn_f32";
    return op_.kind == RecurrentKind::kLstm ? "lstm_f32" : "gru_f32";
  }
  bool reads_input(size_t i) const override { return i == 0 || i >= kInitialH; }
  size_t packed_bytes() const override { return packed_bytes_; }

  Status run(StepContext& c) const override {
    const Tensor& x = c.input(0);
    const Sizes s{x.dim(0), x.dim(1), x.dim(2), hidden_};
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
    // Gates of all steps, the states, and what a step computes on the way.
    const int64_t gates = s.length * s.batch * op_.gates() * hidden_;
    const int64_t floats = gates + 2 * state + s.batch * op_.gates() * hidden_;
    FERRY_RETURN_IF_ERROR(c.reserve_scratch(1, floats * int64_t{sizeof(float)}));
    auto* g = c.scratch<float>(0);
    float *h = g + gates, *cell = h + state, *work = cell + state;
    for (int64_t d = 0; d < directions; ++d) {
      FERRY_RETURN_IF_ERROR(start(c, kInitialH, state_dims, d, h));
      FERRY_RETURN_IF_ERROR(start(c, kInitialC, state_dims, d, cell));
      const Direction& dir = directions_[static_cast<size_t>(d)];
      project(c.team(), s, dir, x.data<float>(), g);
      const bool reverse = d == 1 || op_.direction == "reverse";
      for (int64_t k = 0; k < s.length; ++k) {
        FERRY_RETURN_IF_ERROR(c.poll());
        const int64_t t = reverse ? s.length - 1 - k : k;
        step(c.team(), s, dir, g + t * s.batch * op_.gates() * hidden_, h, cell, work);
        if (out[0].defined()) {
          std::memcpy(out[0].data<float>() + (t * directions + d) * state, h,
                      static_cast<size_t>(state) * sizeof(float));
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
  void set_bias(const float* b, int64_t gates, Direction& dir) const {
    dir.bias.assign(b, b + gates);
    const float* r = b + gates;
    const bool apart = op_.kind == RecurrentKind::kGru && op_.linear_before_reset;
    const int64_t joined = apart ? 2 * hidden_ : gates;
    for (int64_t i = 0; i < joined; ++i) dir.bias[static_cast<size_t>(i)] += r[i];
    if (!apart) return;
    dir.recurrent_bias.assign(static_cast<size_t>(gates), 0.0f);
    std::copy(r + joined, r + gates, dir.recurrent_bias.begin() + joined);
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
  void project(Team& team, const Sizes& s, const Direction& dir, const float* x, float* g) const {
    GemmArgs args;
    args.m = s.length * s.batch;
    args.k = s.input;
    args.n = dir.input.n;
    args.a = x;
    args.lda = s.input;
    args.packed_b = dir.input.data();
    args.c = g;
    args.ldc = args.n;
    args.bias = dir.bias.empty() ? nullptr : dir.bias.data();
    run_product(gemm_, team, args);
  }

  // C = A b, or C += A b; `ldc` floats from row to row of C.
  void multiply(Team& team, const Sizes& s, const float* a, const PackedMatrix& b, float* c,
                int64_t ldc, const float* bias, bool accumulate) const {
    GemmArgs args;
    args.m = s.batch;
    args.k = hidden_;
    args.n = b.n;
    args.a = a;
    args.lda = hidden_;
    args.packed_b = b.data();
    args.c = c;
    args.ldc = ldc;
    args.bias = bias;
    args.accumulate = accumulate;
    run_product(gemm_, team, args);
  }

  void step(Team& team, const Sizes& s, const Direction& dir, float* g, float* h, float* cell,
            float* work) const {
    const int64_t n = hidden_, row = op_.gates() * n;
    const auto each = [&](auto&& f) {
      parallel_range(team, s.batch, s.batch * n >= kMinParallelValues,
                     [&](int64_t from, int64_t to, int) {
                       for (int64_t i = from; i < to; ++i) f(i);
                     });
    };
    if (op_.kind == RecurrentKind::kRnn) {
      multiply(team, s, h, dir.recurrent, g, row, nullptr, true);
      each([&](int64_t i) { cells_.plain(g + i * row, h + i * n, n); });
    } else if (op_.kind == RecurrentKind::kLstm) {
      multiply(team, s, h, dir.recurrent, g, row, nullptr, true);
      each([&](int64_t i) { cells_.lstm(g + i * row, cell + i * n, h + i * n, n); });
    } else if (resets_first_) {
      multiply(team, s, h, dir.recurrent, g, row, nullptr, true);
      each([&](int64_t i) { cells_.gru_reset(g + i * row, h + i * n, work + i * n, n); });
      multiply(team, s, work, dir.candidate, g + 2 * n, row, nullptr, true);
      each([&](int64_t i) { cells_.gru_finish(g + i * row, h + i * n, n); });
    } else {
      const float* bias = dir.recurrent_bias.empty() ? nullptr : dir.recurrent_bias.data();
      multiply(team, s, h, dir.recurrent, work, row, bias, false);
      each([&](int64_t i) { cells_.gru_linear(g + i * row, work + i * row, h + i * n, n); });
    }
  }

  const GemmKernels& gemm_;
  const RnnKernels& cells_;
  Recurrent op_;
  bool resets_first_;
  int64_t hidden_ = 0;
  std::vector<Direction> directions_;
  size_t packed_bytes_ = 0;
};

bool default_activations(const Recurrent& op) {
  const auto activations = recurrent_activations(op);
  if (!activations.ok()) return false;
  for (const auto& functions : *activations) {
    for (size_t i = 0; i < functions.size(); ++i) {
      const bool gate = i == 0 && op.kind != RecurrentKind::kRnn;
      const auto wanted = gate ? ActivationKind::kSigmoid : ActivationKind::kTanh;
      if (functions[i].kind != wanted) return false;
    }
  }
  return true;
}

Result<KernelOffer> make(const KernelRequest& request) {
  const Recurrent& op = *request.node.op.as<Recurrent>();
  const auto no = [](const char* why) { return KernelOffer(std::string(why)); };
  if (request.type(0).dtype != DType::kFloat32) return no("not f32");
  const Tensor *w = request.constant(1), *r = request.constant(2), *b = request.constant(kBias);
  if (w == nullptr || r == nullptr) return no("weights are not constant");
  if (request.has_input(kBias) && b == nullptr) return no("bias is not constant");
  if (request.has_input(kLengths)) return no("sequences of different lengths");
  if (request.has_input(kPeepholes)) return no("peepholes");
  if (op.clip || op.input_forget || op.layout != 0) return no("clip, input_forget or layout");
  if (!default_activations(op)) return no("other activations");
  const int64_t h = r->rank() == 3 ? r->dim(2) : -1, gates = op.gates() * h;
  const bool sizes = h > 0 && w->rank() == 3 &&
                     w->dims() == Dims{op.directions(), gates, w->dim(2)} &&
                     r->dims() == Dims{op.directions(), gates, h} &&
                     (b == nullptr || b->dims() == Dims{op.directions(), 2 * gates});
  const Type& x = request.type(0);
  if (!sizes || !x.has_rank() || x.rank() != 3 || !(*x.shape)[2].is_constant(w->dim(2))) {
    return no("sizes are not known to agree");
  }
  auto kernel = std::make_unique<RecurrentKernel>(request, op);
  FERRY_RETURN_IF_ERROR(kernel->pack(request));
  return KernelOffer(std::move(kernel));
}

}  // namespace

void register_recurrent_cpu(KernelRegistry& r) {
  r.add("LSTM", "lstm_f32", make);
  r.add("GRU", "gru_f32", make);
  r.add("RNN", "rnn_f32", make);
}

}  // namespace ferry
