// SPDX-License-Identifier: Apache-2.0
#include "ops/nn/layer_normalization.h"

#include <cmath>

#include "ops/in_pieces.h"
#include "ops/nn/parameters.h"
#include "ops/registry.h"

namespace ferry {
namespace {

constexpr TypeSet kStashTypes = {DType::kFloat32, DType::kBFloat16, DType::kFloat16,
                                 DType::kFloat64};

Status check_stash(int64_t type) {
  if (type >= 0 && type < kNumDTypes && kStashTypes.contains(static_cast<DType>(type))) return {};
  return invalid_model("attribute 'stash_type' is {}, wanted is a floating element type", type);
}

// Errors unless `t` broadcasts to `x` without growing it.
Status check_broadcast(const Type& x, const Type& t, size_t input) {
  if (!x.has_rank() || !t.has_rank()) return {};
  bool fits = t.rank() <= x.rank();
  for (size_t i = 0; fits && i < t.rank(); ++i) {
    const Dim& d = (*t.shape)[t.rank() - 1 - i];
    fits = d.is_constant(1) || !Dim::known_different(d, (*x.shape)[x.rank() - 1 - i]);
  }
  if (fits) return {};
  return shape_mismatch("input {} is {}, which does not broadcast to x {}", input, t.to_string(),
                        x.to_string());
}

Status infer(const LayerNormalization& op, InferContext& c) {
  FERRY_RETURN_IF_ERROR(check_stash(op.stash_type));
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, types::kFloating));
  for (size_t i = 1; i < 3; ++i) {
    if (i == 2 && !c.has_input(2)) continue;
    FERRY_ASSIGN_OR_RETURN(const Type t, c.tensor(i, types::kFloating));
    FERRY_RETURN_IF_ERROR(c.same_dtype(0, i));
    FERRY_RETURN_IF_ERROR(check_broadcast(x, t, i));
  }
  std::optional<Shape> reduced = x.shape;
  if (x.has_rank()) {
    FERRY_ASSIGN_OR_RETURN(const int64_t axis, c.axis(op.axis, x.rank()));
    for (size_t a = static_cast<size_t>(axis); a < x.rank(); ++a) (*reduced)[a] = 1;
  }
  c.set_type(0, x);
  c.set_tensor(1, static_cast<DType>(op.stash_type), reduced);
  c.set_tensor(2, static_cast<DType>(op.stash_type), reduced);
  return {};
}

Status infer_rms(const RMSNormalization& op, InferContext& c) {
  FERRY_RETURN_IF_ERROR(check_stash(op.stash_type));
  FERRY_ASSIGN_OR_RETURN(Type x, c.tensor(0, types::kFloating));
  FERRY_ASSIGN_OR_RETURN(const Type scale, c.tensor(1, types::kFloating));
  FERRY_RETURN_IF_ERROR(check_broadcast(x, scale, 1));
  if (x.has_rank()) FERRY_RETURN_IF_ERROR(c.axis(op.axis, x.rank()).status());
  x.dtype = scale.dtype;
  c.set_type(0, std::move(x));
  return {};
}

void store(Tensor& t, int64_t i, double value) {
  if (!t.defined()) return;
  (void)visit_floating(t.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    t.data<T>()[i] = T(static_cast<compute_t<T>>(value));
    return {};
  });
}

struct Moments {
  double mean, inverse;  // 1 / sqrt(var + epsilon)
};
Result<Moments> moments(PollEvery& polls, const Tensor& x, int64_t offset, int64_t n,
                        double epsilon, bool centred) {
  double piece[kLongestPiece];
  const auto each = [&](auto&& f) {
    return in_pieces(polls, n, 4, [&](int64_t from, int64_t to) {
      load_row(x, offset + from, to - from, piece);
      for (int64_t i = 0; i < to - from; ++i) f(piece[i]);
    });
  };
  double sum = 0, squares = 0;
  if (centred) FERRY_RETURN_IF_ERROR(each([&](double v) { sum += v; }));
  const double mean = centred ? sum / double(n) : 0;
  FERRY_RETURN_IF_ERROR(each([&](double v) { squares += (v - mean) * (v - mean); }));
  return Moments{mean, 1 / std::sqrt(squares / double(n) + epsilon)};
}

// Operands repeat after `scale.size()` elements of x.
Status normalize(const Tensor& x, Tensor& y, int64_t outer, int64_t n, double epsilon, bool centred,
                 const WorkingArray<double>& scale, const WorkingArray<double>& bias, Tensor& means,
                 Tensor& inverses, EvalContext& c) {
  size_t s = 0, b = 0;
  PollEvery polls(c);
  double piece[kLongestPiece];
  for (int64_t o = 0; o < outer; ++o) {
    FERRY_ASSIGN_OR_RETURN(const Moments m, moments(polls, x, o * n, n, epsilon, centred));
    store(means, o, m.mean);
    store(inverses, o, m.inverse);
    FERRY_RETURN_IF_ERROR(in_pieces(polls, n, 8, [&](int64_t from, int64_t to) {
      load_row(x, o * n + from, to - from, piece);
      for (int64_t i = 0; i < to - from; ++i) {
        double v = (piece[i] - m.mean) * m.inverse * scale[s];
        if (!bias.empty()) v += bias[b];
        piece[i] = v;
        if (++s == scale.size()) s = 0;
        if (++b >= bias.size()) b = 0;
      }
      store_row(y, o * n + from, to - from, piece);
    }));
  }
  return {};
}

Status eval(const LayerNormalization& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(const int64_t signed_axis, InferContext::axis(op.axis, x.rank()));
  const auto axis = static_cast<size_t>(signed_axis);
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
  Dims reduced = x.dims();
  for (size_t a = axis; a < x.rank(); ++a) reduced[a] = 1;
  Tensor means, inverses;
  const auto stash = static_cast<DType>(op.stash_type);
  if (c.has_output(1)) {
    FERRY_ASSIGN_OR_RETURN(means, c.output(1, stash, reduced));
  }
  if (c.has_output(2)) {
    FERRY_ASSIGN_OR_RETURN(inverses, c.output(2, stash, reduced));
  }
  const int64_t outer = x.dims().count(0, axis), n = x.dims().count(axis, x.rank());
  if (x.count() == 0) {
    // The mean of nothing.
    for (int64_t o = 0; o < outer && (means.defined() || inverses.defined()); ++o) {
      store(means, o, NAN);
      store(inverses, o, NAN);
    }
    return {};
  }
  FERRY_ASSIGN_OR_RETURN(const auto scale,
                         broadcast_doubles(c, c.input(1), x.dims(), axis, "scale"));
  WorkingArray<double> bias;
  if (c.has_input(2)) {
    FERRY_ASSIGN_OR_RETURN(bias, broadcast_doubles(c, c.input(2), x.dims(), axis, "B"));
  }
  return normalize(x, y, outer, n, double(op.epsilon), true, scale, bias, means, inverses, c);
}

Status eval_rms(const RMSNormalization& op, EvalContext& c) {
  const Tensor &x = c.input(0), &w = c.input(1);
  FERRY_ASSIGN_OR_RETURN(const int64_t signed_axis, InferContext::axis(op.axis, x.rank()));
  const auto axis = static_cast<size_t>(signed_axis);
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, w.dtype(), x.dims()));
  if (x.count() == 0) return {};
  const int64_t outer = x.dims().count(0, axis), n = x.dims().count(axis, x.rank());
  FERRY_ASSIGN_OR_RETURN(const auto scale, broadcast_doubles(c, w, x.dims(), axis, "scale"));
  Tensor none;
  return normalize(x, y, outer, n, double(op.epsilon), false, scale, {}, none, none, c);
}

template <class T>
OpBuilder<T> normalization(OpRegistry& r, const char* name) {
  auto b = r.op<T>(name);
  b.attr("axis", &T::axis).attr("epsilon", &T::epsilon).attr("stash_type", &T::stash_type);
  return b;
}

}  // namespace

void register_layer_normalization(OpRegistry& r) {
  normalization<LayerNormalization>(r, "LayerNormalization")
      .since(17)
      .inputs(2, 3)
      .outputs(1, 3)
      .infer(infer)
      .reference(eval);
  normalization<RMSNormalization>(r, "RMSNormalization")
      .since(23)
      .inputs(2)
      .infer(infer_rms)
      .reference(eval_rms);
}

}  // namespace ferry
