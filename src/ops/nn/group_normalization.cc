// SPDX-License-Identifier: Apache-2.0
#include "ops/nn/group_normalization.h"

#include <cmath>

#include "ops/in_pieces.h"
#include "ops/nn/parameters.h"
#include "ops/registry.h"

namespace ferry {
namespace {

Status check_groups(int64_t channels, int64_t groups) {
  if (groups >= 0 && (groups == 0 || channels % groups == 0)) return {};
  return invalid_model("{} channels do not divide into {} groups", channels, groups);
}

size_t channel_axis(const GroupNormalization& op, size_t rank) {
  return op.channels_last ? rank - 1 : 1;
}

Status infer(const GroupNormalization& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, types::kFloating, 2));
  if (op.num_groups < 1 && c.op().is("GroupNormalization")) {
    return invalid_model("attribute 'num_groups' is {}, wanted is at least 1", op.num_groups);
  }
  const Dim* channels = x.has_rank() ? &(*x.shape)[channel_axis(op, x.rank())] : nullptr;
  if (channels != nullptr && channels->is_constant()) {
    FERRY_RETURN_IF_ERROR(check_groups(channels->constant(), op.num_groups));
  }
  for (size_t i = 1; i < 3; ++i) {
    FERRY_ASSIGN_OR_RETURN(const Type t, c.tensor(i, types::kFloating, 1, 1));
    FERRY_RETURN_IF_ERROR(c.same_dtype(0, i));
    if (channels != nullptr && t.has_rank() && Dim::known_different(*channels, (*t.shape)[0])) {
      return shape_mismatch("input {} is {}, wanted is one value per channel of x {}", i,
                            t.to_string(), x.to_string());
    }
  }
  c.set_type(0, x);
  return {};
}

// One group of one sample, and how far its channels and positions lie apart.
struct Layout {
  int64_t channels, inner, channel_stride, inner_stride;
};

template <class T>
Status normalize_group(PollEvery& polls, const T* x, T* y, const Layout& l, double epsilon,
                       const double* scale, const double* bias) {
  using C = compute_t<T>;
  // Calls f(channel, first, end) for offsets of positions that lie inner_stride apart.
  const auto each = [&](auto f) -> Status {
    for (int64_t ch = 0; ch < l.channels; ++ch) {
      FERRY_RETURN_IF_ERROR(in_pieces(polls, l.inner, 4, [&](int64_t from, int64_t to) {
        const int64_t at = ch * l.channel_stride;
        f(ch, at + from * l.inner_stride, at + to * l.inner_stride);
      }));
    }
    return {};
  };
  const auto count = double(l.channels * l.inner);
  const int64_t step = l.inner_stride;
  double sum = 0, squares = 0;
  FERRY_RETURN_IF_ERROR(each([&](int64_t, int64_t at, int64_t end) {
    double part = sum;
    for (; at < end; at += step) part += double(C(x[at]));
    sum = part;
  }));
  const double mean = sum / count;
  FERRY_RETURN_IF_ERROR(each([&](int64_t, int64_t at, int64_t end) {
    double part = squares;
    for (; at < end; at += step) part += (double(C(x[at])) - mean) * (double(C(x[at])) - mean);
    squares = part;
  }));
  const double factor = 1 / std::sqrt(squares / count + epsilon);
  return each([&](int64_t ch, int64_t at, int64_t end) {
    for (; at < end; at += step) {
      y[at] = T(static_cast<C>((double(C(x[at])) - mean) * factor * scale[ch] + bias[ch]));
    }
  });
}

Status eval(const GroupNormalization& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  if (x.rank() < 2) return shape_mismatch("x is {}, wanted is rank 2 or more", x.describe());
  const int64_t channels = x.dim(channel_axis(op, x.rank()));
  const int64_t inner =
      op.channels_last ? x.dims().count(1, x.rank() - 1) : x.dims().count(2, x.rank());
  FERRY_RETURN_IF_ERROR(check_groups(channels, op.num_groups));
  FERRY_ASSIGN_OR_RETURN(const auto scale, channel_values(c, c.input(1), channels, "scale"));
  FERRY_ASSIGN_OR_RETURN(const auto bias, channel_values(c, c.input(2), channels, "bias"));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
  const int64_t groups = op.num_groups == 0 ? channels : op.num_groups;
  const int64_t per_group = groups == 0 ? 0 : channels / groups;
  if (x.count() == 0) return {};
  Layout layout{per_group, inner, inner, 1};
  if (op.channels_last) layout.channel_stride = 1, layout.inner_stride = channels;
  return visit_floating(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    PollEvery polls(c);
    for (int64_t n = 0; n < x.dim(0); ++n) {
      for (int64_t g = 0; g < groups; ++g) {
        const int64_t at = n * channels * inner + g * per_group * layout.channel_stride;
        FERRY_RETURN_IF_ERROR(normalize_group(polls, x.data<T>() + at, y.data<T>() + at, layout,
                                              double(op.epsilon), scale.data() + g * per_group,
                                              bias.data() + g * per_group));
      }
    }
    return {};
  });
}

}  // namespace

void register_group_normalization(OpRegistry& r) {
  using Norm = GroupNormalization;
  r.op<Norm>("GroupNormalization")
      .since(21)
      .inputs(3)
      .required("num_groups", &Norm::num_groups)
      .attr("epsilon", &Norm::epsilon)
      .attr("stash_type", &Norm::stash_type)
      .infer(infer)
      .reference(eval);
  r.op<Norm>("InstanceNormalization")
      .since(22)
      .inputs(3)
      .attr("epsilon", &Norm::epsilon)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
