// SPDX-License-Identifier: Apache-2.0
#include "ops/nn/batch_normalization.h"

#include <cmath>

#include "ops/nn/parameters.h"
#include "ops/poll_every.h"
#include "ops/registry.h"
#include "tensor/better_known.h"

namespace ferry {
namespace {

Status infer(const BatchNormalization& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, types::kFloating, 1));
  for (size_t i = 1; i < 5; ++i) {
    FERRY_ASSIGN_OR_RETURN(const Type t, c.tensor(i, types::kFloating, 1, 1));
    if (!x.has_rank() || !t.has_rank()) continue;
    const Dim channels = x.rank() == 1 ? Dim(1) : (*x.shape)[1];
    if (Dim::known_different(channels, (*t.shape)[0])) {
      return shape_mismatch("input {} is {}, wanted is one value per channel of x {}", i,
                            t.to_string(), x.to_string());
    }
  }
  if (!op.training_mode && (c.has_output(1) || c.has_output(2))) {
    return invalid_model("running statistics are outputs only in training mode");
  }
  c.set_type(0, x);
  Dim channels = Dim::invalid();
  if (x.has_rank() && x.rank() > 1) channels = (*x.shape)[1];
  for (size_t i = 1; i < 5; ++i) {
    if (c.type(i).has_rank()) channels = better_known(channels, (*c.type(i).shape)[0]);
  }
  for (size_t i : {1, 2}) {
    const Dim size = channels.is_invalid() ? c.fresh_dim(i, 0) : channels;
    c.set_tensor(i, c.type(i + 2).dtype, Shape{size});
  }
  return {};
}

// Mean and population variance of each channel.
template <class T>
Status statistics(EvalContext& c, const T* x, int64_t batch, int64_t channels, int64_t inner,
                  WorkingArray<double>& means, WorkingArray<double>& vars) {
  const double count = double(batch) * double(inner);
  PollEvery polls(c);
  for (int64_t ch = 0; ch < channels; ++ch) {
    const auto each = [&](auto&& f) -> Status {
      for (int64_t n = 0; n < batch && inner > 0; ++n) {
        FERRY_RETURN_IF_ERROR(polls.spend(2 * inner));
        const T* row = x + (n * channels + ch) * inner;
        for (int64_t i = 0; i < inner; ++i) f(double(compute_t<T>(row[i])));
      }
      return {};
    };
    double sum = 0, squares = 0;
    FERRY_RETURN_IF_ERROR(each([&](double v) { sum += v; }));
    const double mean = sum / count;
    FERRY_RETURN_IF_ERROR(each([&](double v) { squares += (v - mean) * (v - mean); }));
    means[static_cast<size_t>(ch)] = mean;
    vars[static_cast<size_t>(ch)] = squares / count;
  }
  return {};
}

Status store_running(const BatchNormalization& op, size_t output, const Tensor& old_values,
                     const WorkingArray<double>& old, const WorkingArray<double>& current,
                     EvalContext& c) {
  if (!c.has_output(output)) return {};
  FERRY_ASSIGN_OR_RETURN(Tensor t, c.output(output, old_values.dtype(), old_values.dims()));
  const double momentum = double(op.momentum);
  return visit_floating(t.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    return in_ranges(c, t.count(), 4, [&](int64_t from, int64_t to) {
      for (auto i = static_cast<size_t>(from); i < static_cast<size_t>(to); ++i) {
        t.data<T>()[i] =
            T(static_cast<compute_t<T>>(old[i] * momentum + current[i] * (1 - momentum)));
      }
    });
  });
}

Status eval(const BatchNormalization& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  if (x.rank() < 1) return shape_mismatch("x is {}, wanted is rank 1 or more", x.describe());
  const int64_t batch = x.dim(0), channels = x.rank() == 1 ? 1 : x.dim(1);
  const int64_t inner = x.rank() == 1 ? 1 : x.dims().count(2, x.rank());
  FERRY_ASSIGN_OR_RETURN(const auto scale, channel_values(c, c.input(1), channels, "scale"));
  FERRY_ASSIGN_OR_RETURN(const auto bias, channel_values(c, c.input(2), channels, "B"));
  FERRY_ASSIGN_OR_RETURN(auto mean, channel_values(c, c.input(3), channels, "input_mean"));
  FERRY_ASSIGN_OR_RETURN(auto var, channel_values(c, c.input(4), channels, "input_var"));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
  return visit_floating(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    if (op.training_mode) {
      const auto old_mean = mean, old_var = var;
      FERRY_ASSIGN_OR_RETURN(mean, WorkingArray<double>::make(c, channels));
      FERRY_ASSIGN_OR_RETURN(var, WorkingArray<double>::make(c, channels));
      FERRY_RETURN_IF_ERROR(statistics(c, x.data<T>(), batch, channels, inner, mean, var));
      FERRY_RETURN_IF_ERROR(store_running(op, 1, c.input(3), old_mean, mean, c));
      FERRY_RETURN_IF_ERROR(store_running(op, 2, c.input(4), old_var, var, c));
    }
    if (y.count() == 0) return {};
    const T* px = x.data<T>();
    T* py = y.data<T>();
    PollEvery polls(c);
    for (int64_t n = 0; n < batch; ++n) {
      for (size_t ch = 0; ch < scale.size(); ++ch) {
        FERRY_RETURN_IF_ERROR(polls.spend(2 * inner));
        const double factor = scale[ch] / std::sqrt(var[ch] + double(op.epsilon));
        for (int64_t i = 0; i < inner; ++i, ++px, ++py) {
          *py = T(static_cast<compute_t<T>>((double(compute_t<T>(*px)) - mean[ch]) * factor +
                                            bias[ch]));
        }
      }
    }
    return {};
  });
}

}  // namespace

void register_batch_normalization(OpRegistry& r) {
  using Norm = BatchNormalization;
  r.op<Norm>("BatchNormalization")
      .since(15)
      .inputs(5)
      .outputs(1, 3)
      .attr("epsilon", &Norm::epsilon)
      .attr("momentum", &Norm::momentum)
      .attr("training_mode", &Norm::training_mode)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
