// SPDX-License-Identifier: Apache-2.0
#include "ops/math/dft.h"

#include <algorithm>

#include "ops/arguments.h"
#include "ops/math/fft.h"
#include "ops/registry.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

// The last axis holds the complex parts.
Result<size_t> axis_of(int64_t axis, size_t rank) {
  FERRY_ASSIGN_OR_RETURN(const size_t a, normalize_axis(axis, rank));
  if (a + 1 == rank) return invalid_model("axis {} is that of the complex parts", axis);
  return a;
}

Dim output_size(const Dft& op, const Dim& length) {
  return op.onesided && !op.inverse ? floor_div(length, 2) + 1 : length;
}
Dim default_length(const Dft& op, const Dim& n) {
  return op.onesided && op.inverse ? (n - 1) * Dim(2) : n;
}

Status check_parts(const Dft& op, const Dim& parts) {
  const bool bad = parts.is_constant() && !parts.is_constant(1) && !parts.is_constant(2);
  if (bad) return shape_mismatch("the last axis of x is {}, wanted is 1 or 2", parts.to_string());
  if (op.onesided && parts.is_constant(op.inverse ? 1 : 2)) {
    return shape_mismatch("a onesided {} takes a {} x", op.inverse ? "inverse" : "transform",
                          op.inverse ? "complex" : "real");
  }
  return {};
}

Status infer(const Dft& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, types::kFloating, 2));
  for (size_t i = 1; i <= 2; ++i) {
    if (!c.has_input(i)) continue;
    FERRY_RETURN_IF_ERROR(c.tensor(i, types::kIndices, 0, 1).status());
    FERRY_RETURN_IF_ERROR(check_scalar(c, i));
  }
  if (!x.shape) {
    c.set_tensor(0, x.dtype, std::nullopt);
    return {};
  }
  FERRY_RETURN_IF_ERROR(check_parts(op, x.shape->back()));
  Shape shape = *x.shape;
  const auto axis = c.has_input(2) ? c.constant_ints(2) : std::vector<int64_t>{-2};
  if (!axis || axis->size() != 1) {
    // A whole transform of the length that is there changes no size, whatever the axis.
    if (op.onesided || c.has_input(1)) shape = c.fresh_shape(0, x.rank());
  } else {
    FERRY_ASSIGN_OR_RETURN(const size_t a, axis_of((*axis)[0], x.rank()));
    const auto length = c.known(1);
    if (length && length->size() == 1)
      shape[a] = output_size(op, (*length)[0]);
    else
      shape[a] = c.has_input(1) ? c.fresh_dim(0, a) : output_size(op, default_length(op, shape[a]));
  }
  shape.back() = op.onesided && op.inverse ? 1 : 2;
  c.set_tensor(0, x.dtype, std::move(shape));
  return {};
}

// Half a spectrum to a whole one of length n: the other half is its mirror image.
void mirror(FftLine& line, int64_t n) {
  for (int64_t k = n / 2 + 1; k < n; ++k) {
    line[static_cast<size_t>(k)] = std::conj(line[static_cast<size_t>(n - k)]);
  }
}

template <class T>
Status run(const Dft& op, EvalContext& c, size_t axis, int64_t length, Tensor& y) {
  const Tensor& x = c.input(0);
  const int64_t n = x.dim(axis), m = y.dim(axis), in_parts = x.dims().back(),
                out_parts = y.dims().back();
  const int64_t inner = x.dims().count(axis + 1, x.rank() - 1), outer = x.dims().count(0, axis);
  // An inverse from half a spectrum reads no more than that half.
  const bool half = op.onesided && op.inverse;
  const int64_t used = std::min(n, half ? length / 2 + 1 : length);
  FERRY_ASSIGN_OR_RETURN(Fft fft, Fft::make(c, length, op.inverse));
  FERRY_ASSIGN_OR_RETURN(FftLine in, FftLine::make(c, length));
  FERRY_ASSIGN_OR_RETURN(FftLine out, FftLine::make(c, length));
  PollEvery polls(c);
  for (int64_t o = 0; o < outer * inner; ++o) {
    const int64_t block = o / inner, lane = o % inner;
    FERRY_RETURN_IF_ERROR(in_pieces(polls, length - used, 1, [&](int64_t i, int64_t to) {
      std::fill(in.data() + used + i, in.data() + used + to, 0.0);
    }));
    for (int64_t i = 0; i < used; ++i) {
      FERRY_RETURN_IF_ERROR(polls.spend(4));
      const T* from = x.data<T>() + ((block * n + i) * inner + lane) * in_parts;
      in[static_cast<size_t>(i)] = {
          static_cast<double>(static_cast<compute_t<T>>(from[0])),
          in_parts == 2 ? static_cast<double>(static_cast<compute_t<T>>(from[1])) : 0};
    }
    if (half) mirror(in, length);
    FERRY_RETURN_IF_ERROR(fft.run(polls, in.data(), out.data()));
    for (int64_t k = 0; k < m; ++k) {
      FERRY_RETURN_IF_ERROR(polls.spend(4));
      T* to = y.data<T>() + ((block * m + k) * inner + lane) * out_parts;
      to[0] = T(static_cast<compute_t<T>>(out[static_cast<size_t>(k)].real()));
      if (out_parts == 2) to[1] = T(static_cast<compute_t<T>>(out[static_cast<size_t>(k)].imag()));
    }
  }
  return {};
}

Status eval(const Dft& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  int64_t given = -2;
  if (c.has_input(2)) {
    FERRY_ASSIGN_OR_RETURN(given, read_int(c.input(2), "axis"));
  }
  FERRY_ASSIGN_OR_RETURN(const size_t axis, axis_of(given, x.rank()));
  FERRY_RETURN_IF_ERROR(check_parts(op, x.dims().back()));
  int64_t length = default_length(op, x.dim(axis)).constant();
  if (c.has_input(1)) {
    FERRY_ASSIGN_OR_RETURN(length, read_int(c.input(1), "dft_length"));
  }
  if (length < 1) return invalid_argument("dft_length is {}, wanted is 1 or more", length);
  Dims dims = x.dims();
  dims[axis] = output_size(op, length).constant();
  dims.back() = op.onesided && op.inverse ? 1 : 2;
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), dims));
  if (y.count() == 0) return {};
  return visit_floating(x.dtype(),
                        [&]<class T>(TypeTag<T>) { return run<T>(op, c, axis, length, y); });
}

}  // namespace

void register_dft(OpRegistry& r) {
  r.op<Dft>("DFT")
      .since(20)
      .inputs(1, 3)
      .attr("inverse", &Dft::inverse)
      .attr("onesided", &Dft::onesided)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
