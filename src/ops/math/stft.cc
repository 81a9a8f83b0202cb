// SPDX-License-Identifier: Apache-2.0
#include "ops/math/stft.h"

#include "ops/arguments.h"
#include "ops/math/fft.h"
#include "ops/registry.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

Status check_parts(const Stft& op, const Dim& parts) {
  const bool bad = parts.is_constant() && !parts.is_constant(1) && !parts.is_constant(2);
  if (bad) return shape_mismatch("the last axis of x is {}, wanted is 1 or 2", parts.to_string());
  if (op.onesided && parts.is_constant(2))
    return shape_mismatch("a onesided transform takes a real x");
  return {};
}

std::optional<Dim> known_scalar(const InferContext& c, size_t i) {
  const auto known = c.known(i);
  return known && known->size() == 1 ? std::optional<Dim>((*known)[0]) : std::nullopt;
}

Status infer(const Stft& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, types::kFloating, 3, 3));
  for (size_t i : {size_t{1}, size_t{3}}) {
    if (i == 3 && !c.has_input(3)) continue;
    FERRY_RETURN_IF_ERROR(c.tensor(i, types::kIndices, 0, 1).status());
    FERRY_RETURN_IF_ERROR(check_scalar(c, i));
  }
  std::optional<Dim> length;
  if (c.has_input(3)) {
    length = known_scalar(c, 3);
  } else if (c.has_input(2)) {
    if (c.type(2).has_rank() && c.type(2).rank() == 1) length = (*c.type(2).shape)[0];
  } else if (x.shape) {
    length = (*x.shape)[1];
  }
  if (c.has_input(2)) {
    FERRY_ASSIGN_OR_RETURN(const Type window, c.tensor(2, types::kFloating, 1, 1));
    FERRY_RETURN_IF_ERROR(c.same_dtype(0, 2));
    if (length && window.shape && Dim::known_different(*length, (*window.shape)[0])) {
      return shape_mismatch("window is {}, frame_length {}", window.to_string(),
                            length->to_string());
    }
  }
  Shape shape = c.fresh_shape(0, 4);
  if (x.shape) {
    FERRY_RETURN_IF_ERROR(check_parts(op, (*x.shape)[2]));
    shape[0] = (*x.shape)[0];
    const auto step = known_scalar(c, 1);
    if (length && step && step->lower_bound() > 0) {
      shape[1] = floor_div((*x.shape)[1] - *length, *step) + 1;
    }
  }
  if (length) shape[2] = op.onesided ? floor_div(*length, 2) + 1 : *length;
  shape[3] = 2;
  c.set_tensor(0, x.dtype, std::move(shape));
  return {};
}

template <class T>
Status run(EvalContext& c, int64_t step, int64_t length, Tensor& y) {
  const Tensor& x = c.input(0);
  const T* window = c.has_input(2) ? c.input(2).data<T>() : nullptr;
  const int64_t samples = x.dim(1), parts = x.dim(2), frames = y.dim(1), bins = y.dim(2);
  FERRY_ASSIGN_OR_RETURN(Fft fft, Fft::make(c, length, false));
  FERRY_ASSIGN_OR_RETURN(FftLine in, FftLine::make(c, length));
  FERRY_ASSIGN_OR_RETURN(FftLine out, FftLine::make(c, length));
  T* to = y.data<T>();
  PollEvery polls(c);
  for (int64_t b = 0; b < x.dim(0); ++b) {
    for (int64_t f = 0; f < frames; ++f) {
      const T* from = x.data<T>() + (b * samples + f * step) * parts;
      for (int64_t i = 0; i < length; ++i) {
        FERRY_RETURN_IF_ERROR(polls.spend(4));
        const auto at = [&](int64_t k) {
          return static_cast<double>(static_cast<compute_t<T>>(from[i * parts + k]));
        };
        const double w =
            window == nullptr ? 1 : static_cast<double>(static_cast<compute_t<T>>(window[i]));
        in[static_cast<size_t>(i)] = {w * at(0), parts == 2 ? w * at(1) : 0};
      }
      FERRY_RETURN_IF_ERROR(fft.run(polls, in.data(), out.data()));
      for (int64_t k = 0; k < bins; ++k) {
        FERRY_RETURN_IF_ERROR(polls.spend(4));
        *to++ = T(static_cast<compute_t<T>>(out[static_cast<size_t>(k)].real()));
        *to++ = T(static_cast<compute_t<T>>(out[static_cast<size_t>(k)].imag()));
      }
    }
  }
  return {};
}

Status eval(const Stft& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  if (x.rank() != 3) return shape_mismatch("x is {}, wanted is rank 3", x.describe());
  FERRY_RETURN_IF_ERROR(check_parts(op, x.dim(2)));
  FERRY_ASSIGN_OR_RETURN(const int64_t step, read_int(c.input(1), "frame_step"));
  int64_t length = x.dim(1);
  if (c.has_input(3)) {
    FERRY_ASSIGN_OR_RETURN(length, read_int(c.input(3), "frame_length"));
  } else if (c.has_input(2)) {
    length = c.input(2).count();
  }
  if (step < 1 || length < 1 || length > x.dim(1)) {
    return invalid_argument("frames of {} every {} samples of {}", length, step, x.dim(1));
  }
  if (c.has_input(2) && c.input(2).count() != length) {
    return shape_mismatch("window is {}, frame_length {}", c.input(2).describe(), length);
  }
  const Dims dims = {x.dim(0), (x.dim(1) - length) / step + 1,
                     op.onesided ? length / 2 + 1 : length, 2};
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), dims));
  if (y.count() == 0) return {};
  return visit_floating(x.dtype(), [&]<class T>(TypeTag<T>) { return run<T>(c, step, length, y); });
}

}  // namespace

void register_stft(OpRegistry& r) {
  r.op<Stft>("STFT")
      .since(17)
      .inputs(2, 4)
      .attr("onesided", &Stft::onesided)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
