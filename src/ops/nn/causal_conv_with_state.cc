// SPDX-License-Identifier: Apache-2.0
#include "ops/nn/causal_conv_with_state.h"

#include <algorithm>
#include <cmath>

#include "ops/nn/head_rows.h"
#include "ops/nn/parameters.h"
#include "ops/poll_every.h"
#include "ops/registry.h"
#include "tensor/better_known.h"

namespace ferry {
namespace {

using Causal = CausalConvWithState;

Status infer(const Causal& op, InferContext& c) {
  if (op.activation != "none" && op.activation != "silu" && op.activation != "swish") {
    return invalid_model("attribute 'activation' is '{}', wanted is none, silu or swish",
                         op.activation);
  }
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, types::kFloating, 3, 3));
  FERRY_ASSIGN_OR_RETURN(const Type w, c.tensor(1, types::kFloating, 3, 3));
  if (c.has_input(2)) FERRY_RETURN_IF_ERROR(c.tensor(2, types::kFloating, 1, 1).status());
  if (c.has_input(3)) FERRY_RETURN_IF_ERROR(c.tensor(3, types::kFloating, 3, 3).status());
  for (size_t i = 1; i < 4; ++i) FERRY_RETURN_IF_ERROR(c.same_dtype(0, i));
  c.set_type(0, x);
  Shape state = x.has_rank() ? *x.shape : c.fresh_shape(1, 3);
  if (x.has_rank() && w.has_rank()) {
    if (Dim::known_different((*x.shape)[1], (*w.shape)[0]) ||
        Dim::known_different((*w.shape)[1], 1)) {
      return shape_mismatch(
          "input is {} and weight {}, wanted are one filter of depth 1 per channel", x.to_string(),
          w.to_string());
    }
    if (c.type(2).has_rank() && Dim::known_different((*c.type(2).shape)[0], (*x.shape)[1])) {
      return shape_mismatch("bias is {} for the channels of {}", c.type(2).to_string(),
                            x.to_string());
    }
    state[1] = better_known(state[1], (*w.shape)[0]);
    state[2] = (*w.shape)[2] - Dim(1);
    for (size_t a = 0; c.type(3).has_rank() && a < 3; ++a) {
      if (!Dim::known_different((*c.type(3).shape)[a], state[a])) continue;
      return shape_mismatch("past_state is {}, wanted is {}", c.type(3).to_string(),
                            to_string(state));
    }
    if (c.type(3).has_rank()) state = better_known(std::move(state), *c.type(3).shape);
  } else {
    if (w.has_rank()) state[1] = better_known(state[1], (*w.shape)[0]);
    state[2] = w.has_rank() ? (*w.shape)[2] - Dim(1) : c.fresh_dim(1, 2);
  }
  c.set_tensor(1, x.dtype, std::move(state));
  return {};
}

Status eval(const Causal& op, EvalContext& c) {
  const Tensor &x = c.input(0), &w = c.input(1);
  if (x.rank() != 3 || w.rank() != 3 || w.dim(0) != x.dim(1) || w.dim(1) != 1 || w.dim(2) < 1) {
    return shape_mismatch("input is {} and weight {}, wanted are one filter of depth 1 per channel",
                          x.describe(), w.describe());
  }
  const int64_t batch = x.dim(0), channels = x.dim(1), length = x.dim(2);
  const int64_t taps = w.dim(2), before = taps - 1;
  WorkingArray<double> bias;
  if (c.has_input(2)) {
    FERRY_ASSIGN_OR_RETURN(bias, channel_values(c, c.input(2), channels, "bias"));
  }
  const Dims state{batch, channels, before};
  if (c.has_input(3) && !(c.input(3).dims() == state)) {
    return shape_mismatch("past_state is {}, wanted is {}", c.input(3).describe(),
                          state.to_string());
  }
  FERRY_ASSIGN_OR_RETURN(const auto weights, as_doubles(c, w));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
  FERRY_ASSIGN_OR_RETURN(Tensor present, c.output(1, x.dtype(), state));
  if (batch == 0 || channels == 0) return {};
  FERRY_ASSIGN_OR_RETURN(auto padded, WorkingArray<double>::make(c, before + length));
  FERRY_ASSIGN_OR_RETURN(auto out, WorkingArray<double>::make(c, length));
  PollEvery polls(c);
  for (int64_t row = 0; row < batch * channels; ++row) {
    std::fill_n(padded.begin(), before, 0.0);
    if (c.has_input(3)) load_row(c.input(3), row * before, before, padded.data());
    load_row(x, row * length, length, padded.data() + before);
    const int64_t ch = row % channels;
    for (int64_t i = 0; i < length; ++i) {
      FERRY_RETURN_IF_ERROR(polls.spend(taps + 32));
      double sum = bias.empty() ? 0 : bias[size_t(ch)];
      for (int64_t k = 0; k < taps; ++k)
        sum += padded[size_t(i + k)] * weights[size_t(ch * taps + k)];
      out[size_t(i)] = op.activation == "none" ? sum : sum / (1 + std::exp(-sum));
    }
    store_row(y, row * length, length, out.data());
    store_row(present, row * before, before, padded.data() + length);
  }
  return {};
}

}  // namespace

void register_causal_conv_with_state(OpRegistry& r) {
  r.op<Causal>("CausalConvWithState")
      .since(27)
      .inputs(2, 4)
      .outputs(1, 2)
      .attr("activation", &Causal::activation)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
