// SPDX-License-Identifier: Apache-2.0
// Pow: z = a ^ b in the type of a; the exponent may have any other numeric type. Computed in
// float when both fit it, in integers when both are, else in double.
#include <cmath>

#include "ops/arguments.h"
#include "ops/convert.h"
#include "ops/in_ranges.h"
#include "ops/known.h"
#include "ops/math/binary.h"
#include "ops/registry.h"
#include "ops/walk.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

Status infer(const Binary&, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type a, c.tensor(0, types::kFloating | types::kIndices));
  FERRY_ASSIGN_OR_RETURN(const Type b, c.tensor(1, types::kNumeric));
  std::optional<Shape> shape;
  if (a.shape && b.shape) {
    FERRY_ASSIGN_OR_RETURN(shape, broadcast_shapes(*a.shape, *b.shape));
  }
  propagate_known(c, a.dtype, shape, [](std::span<const Dim> d) -> std::optional<Dim> {
    if (d[1].is_constant(1)) return d[0];
    if (d[1].is_constant(2)) return d[0] * d[0];
    return std::nullopt;
  });
  c.set_tensor(0, a.dtype, std::move(shape));
  return {};
}

// Wraps like repeated multiplication. A negative exponent truncates 1 / a^-b.
template <class T>
Status integer_power(T a, int64_t b, T* y) {
  if (b < 0) {
    if (a == 0) return invalid_argument("zero is raised to the negative power {}", b);
    *y = a == 1 ? T(1) : a == T(-1) ? (b % 2 == 0 ? T(1) : T(-1)) : T(0);
    return {};
  }
  T power = 1;
  for (T base = a; b > 0; b >>= 1) {
    if ((b & 1) != 0) power = wrap_mul(power, base);
    base = wrap_mul(base, base);
  }
  *y = power;
  return {};
}

// The exponents as E: int64 (clamped), float or double.
template <class E>
Result<Tensor> exponents(EvalContext& c, const Tensor& b, DType type) {
  FERRY_ASSIGN_OR_RETURN(Tensor out, Tensor::allocate(type, b.dims(), c.budget()));
  FERRY_RETURN_IF_ERROR(visit_numeric(b.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    return in_ranges(c, b.count(), 1, [&](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; ++i) {
        const auto v = static_cast<compute_t<T>>(b.data<T>()[i]);
        if constexpr (std::is_same_v<T, uint64_t> && std::is_integral_v<E>) {
          out.data<E>()[i] = static_cast<E>(std::min<uint64_t>(v, INT64_MAX));
        } else {
          out.data<E>()[i] = convert_number<E>(v);
        }
      }
    });
  }));
  return out;
}

template <class T, class E>
Status power(EvalContext& c, Tensor& y, DType exponent_type) {
  const Tensor& a = c.input(0);
  FERRY_ASSIGN_OR_RETURN(const Tensor b, exponents<E>(c, c.input(1), exponent_type));
  T* out = y.data<T>();
  return for_each_row<2>(
      c, y.dims(), {broadcast_strides(a.dims(), y.dims()), broadcast_strides(b.dims(), y.dims())},
      [&](int64_t n, const auto& at, const auto& step) -> Status {
        const T* u = a.data<T>() + at[0];
        const E* v = b.data<E>() + at[1];
        for (int64_t i = 0; i < n; ++i, ++out) {
          if constexpr (std::is_integral_v<E>) {
            FERRY_RETURN_IF_ERROR(integer_power(u[i * step[0]], v[i * step[1]], out));
          } else {
            const E base = static_cast<E>(static_cast<compute_t<T>>(u[i * step[0]]));
            *out = convert_number<T>(
                static_cast<std::conditional_t<is_floating_v<T>, compute_t<T>, E>>(
                    std::pow(base, v[i * step[1]])));
          }
        }
        return {};
      });
}

Status eval(const Binary&, EvalContext& c) {
  const Tensor &a = c.input(0), &b = c.input(1);
  FERRY_ASSIGN_OR_RETURN(const Dims dims, broadcast_dims(a.dims(), b.dims()));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, a.dtype(), dims));
  if (a.dtype() == DType::kInt32 || a.dtype() == DType::kInt64) {
    const bool wide = a.dtype() == DType::kInt64;
    if (types::kIntegers.contains(b.dtype())) {
      return wide ? power<int64_t, int64_t>(c, y, DType::kInt64)
                  : power<int32_t, int64_t>(c, y, DType::kInt64);
    }
    return wide ? power<int64_t, double>(c, y, DType::kFloat64)
                : power<int32_t, double>(c, y, DType::kFloat64);
  }
  constexpr TypeSet kNeedsDouble = {DType::kFloat64, DType::kInt32, DType::kInt64, DType::kUInt32,
                                    DType::kUInt64};
  return visit_floating(a.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    if (std::is_same_v<T, double> || kNeedsDouble.contains(b.dtype())) {
      return power<T, double>(c, y, DType::kFloat64);
    }
    return power<T, float>(c, y, DType::kFloat32);
  });
}

}  // namespace

void register_pow(OpRegistry& r) {
  Binary defaults;
  defaults.kind = BinaryKind::kPow;
  r.op<Binary>("Pow", defaults).since(15).inputs(2).infer(infer).reference(eval);
}

}  // namespace ferry
