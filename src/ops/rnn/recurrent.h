// SPDX-License-Identifier: Apache-2.0
// One recurrent layer over a sequence, forwards, backwards or both: the simple RNN, GRU and LSTM.
// With g gates (RNN: 1; GRU: z r h; LSTM: i o f c), D directions:
//   x: [T, N, I]  w: [D, g H, I]  r: [D, g H, H]  b: [D, 2 g H] (w's, then r's)
//   sequence_lens: i32 [N]  initial_h, initial_c: [D, N, H]  p: [D, 3 H] (LSTM peepholes i o f)
//   y: [T, D, N, H], zero past a sequence's end   y_h, y_c: [D, N, H]      f16 bf16 f32 f64
// layout 1 puts N first: x [N, T, I], y [N, T, D, H], states [N, D, H].
// ONNX RNN-22, GRU-22, LSTM-22.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ferry/status.h"

namespace ferry {

enum class RecurrentKind : uint8_t { kRnn, kGru, kLstm };

struct Recurrent {
  RecurrentKind kind = RecurrentKind::kRnn;
  std::string direction = "forward";     // or reverse, bidirectional
  std::optional<int64_t> hidden_size;    // absent: as r has it
  std::vector<std::string> activations;  // per direction: RNN f; GRU f g; LSTM f g h
  std::vector<float> activation_alpha;   // one for each activation that takes it, in order
  std::vector<float> activation_beta;
  std::optional<float> clip;  // bound of the activations' inputs
  int64_t layout = 0;
  bool linear_before_reset = false;  // GRU: apply r to h before the reset gate
  bool input_forget = false;         // LSTM: forget = 1 - input

  int64_t gates() const {
    return kind == RecurrentKind::kRnn ? 1 : kind == RecurrentKind::kGru ? 3 : 4;
  }
  int64_t directions() const { return direction == "bidirectional" ? 2 : 1; }
};

enum class ActivationKind : uint8_t {
  kRelu,
  kTanh,
  kSigmoid,
  kAffine,
  kLeakyRelu,
  kThresholdedRelu,
  kScaledTanh,
  kHardSigmoid,
  kElu,
  kSoftsign,
  kSoftplus,
};

struct Activation {
  ActivationKind kind = ActivationKind::kTanh;
  double alpha = 0, beta = 0;

  double operator()(double x) const;
};

// The activations of each direction, defaults filled in: [direction][function].
// Errors: kInvalidModel for unknown names or wrong counts.
Result<std::vector<std::vector<Activation>>> recurrent_activations(const Recurrent& op);

}  // namespace ferry
