// SPDX-License-Identifier: Apache-2.0
#include "ops/math/binary.h"

#include <cmath>

#include "ops/arguments.h"
#include "ops/convert.h"
#include "ops/known.h"
#include "ops/registry.h"
#include "ops/walk.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

using K = BinaryKind;

struct Row {
  K kind;
  const char* name;
  int since;
  TypeSet allowed;
};
constexpr TypeSet kWideNumeric =
    types::kFloating | TypeSet{DType::kInt32, DType::kInt64, DType::kUInt32, DType::kUInt64};
// Pow has types and a file of its own.
constexpr Row kRows[] = {
    {K::kAdd, "Add", 14, types::kNumeric},
    {K::kSub, "Sub", 14, types::kNumeric},
    {K::kMul, "Mul", 14, types::kNumeric},
    {K::kDiv, "Div", 14, types::kNumeric},
    {K::kMod, "Mod", 28, types::kNumeric},
    {K::kPRelu, "PRelu", 16, kWideNumeric},
    {K::kBitShift, "BitShift", 28, types::kIntegers},
    {K::kBitwiseAnd, "BitwiseAnd", 18, types::kIntegers},
    {K::kBitwiseOr, "BitwiseOr", 18, types::kIntegers},
    {K::kBitwiseXor, "BitwiseXor", 18, types::kIntegers},
    {K::kAnd, "And", 7, types::kBool},
    {K::kOr, "Or", 7, types::kBool},
    {K::kXor, "Xor", 7, types::kBool},
    {K::kEqual, "Equal", 19, types::kNumeric | types::kBool | types::kString},
    {K::kLess, "Less", 13, types::kNumeric},
    {K::kLessOrEqual, "LessOrEqual", 16, types::kNumeric},
    {K::kGreater, "Greater", 13, types::kNumeric},
    {K::kGreaterOrEqual, "GreaterOrEqual", 16, types::kNumeric},
};

TypeSet allowed_types(K kind) {
  for (const Row& row : kRows) {
    if (row.kind == kind) return row.allowed;
  }
  return {};
}

std::optional<Dim> as_dim(std::optional<bool> b) {
  return b ? std::optional<Dim>(Dim(*b ? 1 : 0)) : std::nullopt;
}
std::optional<bool> negated(std::optional<bool> b) {
  return b ? std::optional<bool>(!*b) : std::nullopt;
}

std::optional<Dim> known_binary(const Binary& op, const Dim& a, const Dim& b) {
  switch (op.kind) {
    case K::kAdd:
      return a + b;
    case K::kSub:
      return a - b;
    case K::kMul:
      return a * b;
    case K::kDiv:
      return truncated_div(a, b);
    case K::kMod: {
      if (op.fmod) return truncated_mod(a, b);
      if (b.lower_bound() <= 0) return std::nullopt;
      return mod(a, b);
    }
    case K::kAnd:
      if (a.is_constant(0) || b.is_constant(0)) return Dim(0);
      return a.is_constant() && b.is_constant() ? std::optional<Dim>(Dim(1)) : std::nullopt;
    case K::kOr:
      if (a.is_constant(1) || b.is_constant(1)) return Dim(1);
      return a.is_constant() && b.is_constant() ? std::optional<Dim>(Dim(0)) : std::nullopt;
    case K::kEqual:
      return as_dim(known_equal(a, b));
    case K::kLess:
      return as_dim(known_less(a, b));
    case K::kGreater:
      return as_dim(known_less(b, a));
    case K::kLessOrEqual:
      return as_dim(negated(known_less(b, a)));
    case K::kGreaterOrEqual:
      return as_dim(negated(known_less(a, b)));
    default:
      return std::nullopt;
  }
}

Status infer(const Binary& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type a, c.tensor(0, allowed_types(op.kind)));
  FERRY_ASSIGN_OR_RETURN(const Type b, c.tensor(1, allowed_types(op.kind)));
  FERRY_RETURN_IF_ERROR(c.same_dtype(0, 1));
  if (op.kind == K::kBitShift && op.direction != "LEFT" && op.direction != "RIGHT") {
    return invalid_model("direction is '{}', wanted is 'LEFT' or 'RIGHT'", op.direction);
  }
  std::optional<Shape> shape;
  if (a.shape && b.shape) {
    FERRY_ASSIGN_OR_RETURN(shape, broadcast_shapes(*a.shape, *b.shape));
  }
  if (op.kind == K::kPRelu && a.shape) {
    if (b.shape && b.rank() > a.rank()) {
      return shape_mismatch("slope {} does not broadcast to x {}", to_string(*b.shape),
                            to_string(*a.shape));
    }
    shape = a.shape;
  }
  const DType dtype = is_comparison(op.kind) ? DType::kBool : a.dtype;
  propagate_known(c, dtype, shape,
                  [&](std::span<const Dim> d) { return known_binary(op, d[0], d[1]); });
  c.set_tensor(0, dtype, std::move(shape));
  return {};
}

template <class C>
C floor_mod(C a, C b) {
  C r = std::fmod(a, b);
  if (r == 0) return std::copysign(C(0), b);
  // An infinite divisor of the other sign is itself the result.
  if ((r < 0) != (b < 0)) r += b;
  return r;
}

// One row of the walk: y[i] = f(a[i step_a], b[i step_b]); false: an integer was divided by zero.
struct Strided {
  int64_t n, step_a, step_b;
};

template <class T>
bool floating_row(const Binary& op, Strided s, const T* a, const T* b, T* y) {
  using C = compute_t<T>;
  const auto map = [&](auto f) {
    for (int64_t i = 0; i < s.n; ++i) y[i] = T(f(C(a[i * s.step_a]), C(b[i * s.step_b])));
    return true;
  };
  switch (op.kind) {
    case K::kAdd:
      return map([](C u, C v) { return u + v; });
    case K::kSub:
      return map([](C u, C v) { return u - v; });
    case K::kMul:
      return map([](C u, C v) { return u * v; });
    case K::kDiv:
      return map([](C u, C v) { return u / v; });
    case K::kPRelu:
      return map([](C u, C v) { return u < 0 ? u * v : u; });
    case K::kMod:
      if (op.fmod) return map([](C u, C v) { return std::fmod(u, v); });
      return map([](C u, C v) { return floor_mod(u, v); });
    default:
      return false;
  }
}

template <class T>
T integer_div(T u, T v) {
  if constexpr (std::is_signed_v<T>) {
    if (v == -1) return wrap_sub(T(0), u);
  }
  return static_cast<T>(u / v);
}

template <class T>
T integer_mod(T u, T v, bool truncated) {
  if constexpr (std::is_signed_v<T>) {
    if (v == -1) return 0;
    const auto r = static_cast<T>(u % v);
    return !truncated && r != 0 && (r < 0) != (v < 0) ? static_cast<T>(r + v) : r;
  } else {
    return static_cast<T>(u % v);
  }
}

template <class T>
T shift(T u, T v, bool left) {
  constexpr int kBits = static_cast<int>(sizeof(T)) * 8;
  const bool out = v < 0 || static_cast<uint64_t>(v) >= static_cast<uint64_t>(kBits);
  if (left) return out ? T(0) : static_cast<T>(static_cast<uint64_t>(u) << v);
  if (out) return u < 0 ? static_cast<T>(-1) : T(0);
  return static_cast<T>(u >> v);
}

template <class T>
bool integer_row(const Binary& op, Strided s, const T* a, const T* b, T* y) {
  const auto map = [&](auto f) {
    for (int64_t i = 0; i < s.n; ++i) {
      y[i] = static_cast<T>(f(a[i * s.step_a], b[i * s.step_b]));
    }
    return true;
  };
  if (op.kind == K::kDiv || op.kind == K::kMod) {
    for (int64_t i = 0; i < (s.step_b == 0 ? 1 : s.n); ++i) {
      if (b[i * s.step_b] == 0) return false;
    }
  }
  switch (op.kind) {
    case K::kAdd:
      return map([](T u, T v) { return wrap_add(u, v); });
    case K::kSub:
      return map([](T u, T v) { return wrap_sub(u, v); });
    case K::kMul:
      return map([](T u, T v) { return wrap_mul(u, v); });
    case K::kDiv:
      return map([](T u, T v) { return integer_div(u, v); });
    case K::kMod:
      return map([&](T u, T v) { return integer_mod(u, v, op.fmod); });
    case K::kPRelu:
      return map([](T u, T v) { return u < 0 ? wrap_mul(u, v) : u; });
    case K::kBitShift: {
      const bool left = op.direction == "LEFT";
      return map([left](T u, T v) { return shift(u, v, left); });
    }
    case K::kBitwiseAnd:
      return map([](T u, T v) { return u & v; });
    case K::kBitwiseOr:
      return map([](T u, T v) { return u | v; });
    case K::kBitwiseXor:
      return map([](T u, T v) { return u ^ v; });
    default:
      return false;
  }
}

bool bool_row(const Binary& op, Strided s, const bool* a, const bool* b, bool* y) {
  for (int64_t i = 0; i < s.n; ++i) {
    const bool u = a[i * s.step_a], v = b[i * s.step_b];
    y[i] = op.kind == K::kAnd ? u && v : op.kind == K::kOr ? u || v : u != v;
  }
  return true;
}

template <class T>
bool compare_row(const Binary& op, Strided s, const T* a, const T* b, bool* y) {
  const auto map = [&](auto f) {
    for (int64_t i = 0; i < s.n; ++i) y[i] = f(a[i * s.step_a], b[i * s.step_b]);
    return true;
  };
  switch (op.kind) {
    case K::kEqual:
      return map([](const T& u, const T& v) { return u == v; });
    case K::kLess:
      return map([](const T& u, const T& v) { return u < v; });
    case K::kLessOrEqual:
      return map([](const T& u, const T& v) { return u <= v; });
    case K::kGreater:
      return map([](const T& u, const T& v) { return u > v; });
    case K::kGreaterOrEqual:
      return map([](const T& u, const T& v) { return u >= v; });
    default:
      return false;
  }
}

// Walks a and b broadcast to `dims` and calls row(op, Strided, a, b, y) with typed pointers.
template <class A, class Y, class RowFn>
Status walk(const Binary& op, EvalContext& c, Tensor& y, RowFn row) {
  const Tensor &a = c.input(0), &b = c.input(1);
  const Dims& dims = y.dims();
  Y* out = y.data<Y>();
  return for_each_row<2>(
      c, dims, {broadcast_strides(a.dims(), dims), broadcast_strides(b.dims(), dims)},
      [&](int64_t n, const auto& at, const auto& step) -> Status {
        if (!row(op, Strided{n, step[0], step[1]}, a.data<A>() + at[0], b.data<A>() + at[1], out)) {
          return invalid_argument("an integer is divided by zero");
        }
        out += n;
        return {};
      });
}

Status eval(const Binary& op, EvalContext& c) {
  const Tensor& a = c.input(0);
  FERRY_ASSIGN_OR_RETURN(const Dims dims, binary_dims(op, a.dims(), c.input(1).dims()));
  const bool compares = is_comparison(op.kind);
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, compares ? DType::kBool : a.dtype(), dims));
  if (compares) {
    if (a.dtype() == DType::kString)
      return walk<std::string, bool>(op, c, y, compare_row<std::string>);
    if (a.dtype() == DType::kBool) return walk<bool, bool>(op, c, y, compare_row<bool>);
    return visit_numeric(a.dtype(), [&]<class T>(TypeTag<T>) -> Status {
      return walk<T, bool>(op, c, y, compare_row<T>);
    });
  }
  if (a.dtype() == DType::kBool) return walk<bool, bool>(op, c, y, bool_row);
  return visit_numeric(a.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    if constexpr (is_floating_v<T>)
      return walk<T, T>(op, c, y, floating_row<T>);
    else
      return walk<T, T>(op, c, y, integer_row<T>);
  });
}

bool commutes(K k) {
  switch (k) {
    case K::kAdd:
    case K::kMul:
    case K::kBitwiseAnd:
    case K::kBitwiseOr:
    case K::kBitwiseXor:
    case K::kAnd:
    case K::kOr:
    case K::kXor:
    case K::kEqual:
      return true;
    default:
      return false;
  }
}

}  // namespace

Result<Dims> binary_dims(const Binary& op, const Dims& a, const Dims& b) {
  FERRY_ASSIGN_OR_RETURN(Dims dims, broadcast_dims(a, b));
  if (op.kind == K::kPRelu && !(dims == a)) {
    return shape_mismatch("slope {} does not broadcast to x {}", b.to_string(), a.to_string());
  }
  return dims;
}

void register_binary(OpRegistry& r) {
  for (const Row& row : kRows) {
    Binary defaults;
    defaults.kind = row.kind;
    auto op = r.op<Binary>(row.name, defaults);
    op.since(row.since).inputs(2).infer(infer).reference(eval);
    if (commutes(row.kind)) op.commutative();
    if (row.kind == K::kMod) op.attr("fmod", &Binary::fmod);
    if (row.kind == K::kBitShift) op.required("direction", &Binary::direction);
  }
}

}  // namespace ferry
