// SPDX-License-Identifier: Apache-2.0
// Elementwise operators beyond fp32 arithmetic: other types, comparisons, logic.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "kernels/functions/functions.h"
#include "kernels/typed/typed.h"
#include "ops/arguments.h"
#include "ops/in_ranges.h"
#include "ops/logical/float_class.h"
#include "ops/math/binary.h"
#include "ops/math/unary.h"
#include "ops/math/variadic.h"
#include "ops_cpu/typed_rows.h"
#include "ops_cpu/typed_unary_step.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

std::optional<TypedOp> typed_op(const Binary& op) {
  switch (op.kind) {
    case BinaryKind::kMod:
      return op.fmod ? TypedOp::kFmod : TypedOp::kMod;
    case BinaryKind::kPRelu:
      return TypedOp::kPRelu;
    case BinaryKind::kBitShift:
      return op.direction == "LEFT" ? TypedOp::kShiftLeft : TypedOp::kShiftRight;
    case BinaryKind::kBitwiseAnd:
      return TypedOp::kBitAnd;
    case BinaryKind::kBitwiseOr:
      return TypedOp::kBitOr;
    case BinaryKind::kBitwiseXor:
      return TypedOp::kBitXor;
    case BinaryKind::kAdd:
      return TypedOp::kAdd;
    case BinaryKind::kSub:
      return TypedOp::kSub;
    case BinaryKind::kMul:
      return TypedOp::kMul;
    case BinaryKind::kDiv:
      return TypedOp::kDiv;
    case BinaryKind::kAnd:
      return TypedOp::kAnd;
    case BinaryKind::kOr:
      return TypedOp::kOr;
    case BinaryKind::kXor:
      return TypedOp::kXor;
    case BinaryKind::kEqual:
      return TypedOp::kEqual;
    case BinaryKind::kLess:
      return TypedOp::kLess;
    case BinaryKind::kLessOrEqual:
      return TypedOp::kLessOrEqual;
    case BinaryKind::kGreater:
      return TypedOp::kGreater;
    case BinaryKind::kGreaterOrEqual:
      return TypedOp::kGreaterOrEqual;
    default:
      return std::nullopt;
  }
}

bool is_integer(DType type) { return type == DType::kInt32 || type == DType::kInt64; }

// y = f(a, b), broadcast.
void run_binary(Team& team, TypedBinaryRow row, const Tensor& a, const Tensor& b, Tensor& y,
                int64_t short_row = kFewElements) {
  const int64_t out = dtype_bits(y.dtype()) / 8;
  auto* to = static_cast<char*>(y.raw());
  parallel_rows<2>(team, y.dims(), {&a, &b}, short_row,
                   [&](int64_t n, const auto& at, const auto& step, int64_t begin) {
                     row(at[0], step[0], at[1], step[1], to + begin * out, n);
                   });
}

class BinaryStep final : public StepKernel {
 public:
  BinaryStep(const TypedKernels& kernels, TypedBinaryRow row, Binary op, bool integer_div,
             std::string name = "elementwise_typed", int64_t short_row = kFewElements)
      : kernels_(kernels),
        row_(row),
        op_(std::move(op)),
        integer_div_(integer_div),
        name_(std::move(name)),
        short_row_(short_row) {}
  std::string name() const override { return name_; }
  Status run(StepContext& c) const override {
    const Tensor &a = c.input(0), &b = c.input(1);
    FERRY_ASSIGN_OR_RETURN(const Dims dims, binary_dims(op_, a.dims(), b.dims()));
    const DType type = is_comparison(op_.kind) ? DType::kBool : a.dtype();
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, type, dims));
    if (integer_div_ && y.count() > 0) {
      const auto* divisors = static_cast<const char*>(b.raw());
      const int64_t element = dtype_bits(b.dtype()) / 8;
      FERRY_RETURN_IF_ERROR(in_ranges(c, b.count(), 1, [&](int64_t from, int64_t to) -> Status {
        if (!kernels_.has_zero(b.dtype(), divisors + from * element, to - from)) return {};
        return invalid_argument("an integer is divided by zero");
      }));
    }
    run_binary(c.team(), row_, a, b, y, short_row_);
    return {};
  }

 private:
  const TypedKernels& kernels_;
  TypedBinaryRow row_;
  Binary op_;
  bool integer_div_;
  std::string name_;
  int64_t short_row_;
};

Result<KernelOffer> make_binary(const KernelRequest& request) {
  const Binary& op = *request.node.op.as<Binary>();
  const auto kind = typed_op(op);
  const DType type = request.type(0).dtype;
  const TypedKernels& kernels = typed_kernels(request.isa);
  const TypedBinaryRow row = kind ? kernels.binary(*kind, type) : nullptr;
  if (row == nullptr) return KernelOffer(std::string("no typed kernel for this type"));
  const bool divides =
      (op.kind == BinaryKind::kDiv || op.kind == BinaryKind::kMod) && is_integer(type);
  return KernelOffer(std::make_unique<BinaryStep>(kernels, row, op, divides));
}

class PowerStep final : public StepKernel {
 public:
  PowerStep(TypedBinaryRow row, Op op) : row_(row), op_(std::move(op)) {}
  std::string name() const override { return "elementwise_typed"; }
  Status run(StepContext& c) const override {
    const Tensor &a = c.input(0), &b = c.input(1);
    bool negative = false;
    FERRY_RETURN_IF_ERROR(in_ranges(c, b.count(), 1, [&](int64_t from, int64_t to) {
      negative = negative || (a.dtype() == DType::kInt32 ? any_negative<int32_t>(b, from, to)
                                                         : any_negative<int64_t>(b, from, to));
    }));
    if (negative) return op_.def().eval(op_, c);
    FERRY_ASSIGN_OR_RETURN(const Dims dims, broadcast_dims(a.dims(), b.dims()));
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, a.dtype(), dims));
    if (y.count() > 0) run_binary(c.team(), row_, a, b, y);
    return {};
  }

 private:
  template <class T>
  static bool any_negative(const Tensor& t, int64_t from, int64_t to) {
    return std::any_of(t.data<T>() + from, t.data<T>() + to, [](T v) { return v < 0; });
  }

  TypedBinaryRow row_;
  Op op_;
};

Result<KernelOffer> make_float_power(const KernelRequest& request) {
  for (size_t i : {0, 1}) {
    if (request.type(i).dtype != DType::kFloat32) return KernelOffer(std::string("not f32"));
  }
  // The row function computes 64 powers at a time, also of fewer.
  return KernelOffer(
      std::make_unique<BinaryStep>(typed_kernels(request.isa), function_kernels(request.isa).power,
                                   *request.node.op.as<Binary>(), false, "power_f32", 128));
}

Result<KernelOffer> make_power(const KernelRequest& request) {
  const DType type = request.type(0).dtype;
  const TypedBinaryRow row = typed_kernels(request.isa).binary(TypedOp::kPow, type);
  if (row == nullptr) return KernelOffer(std::string("no typed kernel for this type"));
  if (request.type(1).dtype != type) return KernelOffer(std::string("exponents of another type"));
  return KernelOffer(std::make_unique<PowerStep>(row, request.node.op));
}

// Max, Min, Sum and Mean of several inputs, two at a time.
class VariadicStep final : public StepKernel {
 public:
  // `quotient`: of a mean, else null.
  VariadicStep(TypedBinaryRow row, TypedBinaryRow quotient) : row_(row), divide_(quotient) {}
  std::string name() const override { return "elementwise_typed"; }
  Status run(StepContext& c) const override {
    Dims dims = c.input(0).dims();
    for (size_t i = 1; i < c.num_inputs(); ++i) {
      FERRY_ASSIGN_OR_RETURN(dims, broadcast_dims(dims, c.input(i).dims()));
    }
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, c.input(0).dtype(), dims));
    if (c.num_inputs() == 1) {
      if (y.count() > 0) std::memcpy(y.raw(), c.input(0).raw(), y.size_bytes());
      return {};
    }
    run_binary(c.team(), row_, c.input(0), c.input(1), y);
    for (size_t i = 2; i < c.num_inputs(); ++i) run_binary(c.team(), row_, y, c.input(i), y);
    if (divide_ != nullptr) divide(c, y);
    return {};
  }

 private:
  void divide(StepContext& c, Tensor& y) const {
    const auto count = static_cast<double>(c.num_inputs());
    const auto narrow = static_cast<float>(count);
    const bool wide = y.dtype() == DType::kFloat64;
    const void* by = wide ? static_cast<const void*>(&count) : &narrow;
    const int64_t element = wide ? 8 : 4;
    auto* p = static_cast<char*>(y.raw());
    parallel_range(c.team(), y.count(), y.count() >= kMinParallelValues,
                   [&](int64_t from, int64_t to, int) {
                     divide_(p + from * element, 1, by, 0, p + from * element, to - from);
                   });
  }

  TypedBinaryRow row_, divide_;
};

Result<KernelOffer> make_variadic(const KernelRequest& request) {
  const VariadicKind kind = request.node.op.as<Variadic>()->kind;
  const DType type = request.type(0).dtype;
  const TypedKernels& kernels = typed_kernels(request.isa);
  const TypedOp op = kind == VariadicKind::kMax   ? TypedOp::kMax
                     : kind == VariadicKind::kMin ? TypedOp::kMin
                                                  : TypedOp::kAdd;
  const TypedBinaryRow row = kernels.binary(op, type);
  // Sums of 16-bit floats are rounded once, not between two terms.
  const bool narrow = type == DType::kFloat16 || type == DType::kBFloat16;
  if (row == nullptr || narrow) return KernelOffer(std::string("no typed kernel for this type"));
  const bool mean = kind == VariadicKind::kMean;
  return KernelOffer(
      std::make_unique<VariadicStep>(row, mean ? kernels.binary(TypedOp::kDiv, type) : nullptr));
}

class ClipStep final : public StepKernel {
 public:
  ClipStep(TypedBinaryRow most, TypedBinaryRow least, Op op)
      : most_(most), least_(least), op_(std::move(op)) {}
  std::string name() const override { return "elementwise_typed"; }
  Status run(StepContext& c) const override {
    const Tensor& x = c.input(0);
    std::vector<std::pair<TypedBinaryRow, const void*>> bounds;
    for (size_t i = 1; i <= 2; ++i) {
      if (!c.has_input(i)) continue;
      if (c.input(i).count() != 1) return op_.def().eval(op_, c);
      // A bound that is no number bounds nothing.
      if (x.dtype() == DType::kFloat32 && std::isnan(*c.input(i).data<float>())) continue;
      bounds.emplace_back(i == 1 ? most_ : least_, c.input(i).raw());
    }
    if (bounds.empty()) return op_.def().eval(op_, c);
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
    const int64_t element = dtype_bits(x.dtype()) / 8;
    const auto* from = static_cast<const char*>(x.raw());
    auto* to = static_cast<char*>(y.raw());
    constexpr int64_t kBlock = 1024;
    parallel_range(c.team(), x.count(), x.count() >= kMinParallelValues,
                   [&](int64_t i0, int64_t i1, int) {
                     for (int64_t i = i0; i < i1; i += kBlock) {
                       const int64_t m = std::min(kBlock, i1 - i);
                       const char* values = from + i * element;
                       for (const auto& [row, bound] : bounds) {
                         row(values, 1, bound, 0, to + i * element, m);
                         values = to + i * element;
                       }
                     }
                   });
    return {};
  }

 private:
  TypedBinaryRow most_, least_;
  Op op_;
};

Result<KernelOffer> make_clip(const KernelRequest& request) {
  const TypedKernels& kernels = typed_kernels(request.isa);
  const DType type = request.type(0).dtype;
  const TypedBinaryRow most = kernels.binary(TypedOp::kMax, type);
  if (type == DType::kFloat64 || most == nullptr) {
    return KernelOffer(std::string("no typed kernel for this type"));
  }
  return KernelOffer(
      std::make_unique<ClipStep>(most, kernels.binary(TypedOp::kMin, type), request.node.op));
}

Result<KernelOffer> offer_unary(const KernelRequest& request, TypedUnary op, bool to_bool) {
  const DType x = request.type(0).dtype;
  const TypedUnaryRow row = typed_kernels(request.isa).unary(op, x);
  if (row == nullptr) return KernelOffer(std::string("no typed kernel for this type"));
  return KernelOffer(
      std::make_unique<TypedUnaryStep>("elementwise_typed", row, to_bool ? DType::kBool : x));
}

Result<KernelOffer> make_unary(const KernelRequest& request) {
  switch (request.node.op.as<Unary>()->kind) {
    case UnaryKind::kAbs:
      return offer_unary(request, TypedUnary::kAbs, false);
    case UnaryKind::kNeg:
      return offer_unary(request, TypedUnary::kNeg, false);
    case UnaryKind::kSign:
      return offer_unary(request, TypedUnary::kSign, false);
    case UnaryKind::kRelu:
      return offer_unary(request, TypedUnary::kRelu, false);
    case UnaryKind::kBitwiseNot:
      return offer_unary(request, TypedUnary::kBitNot, false);
    default:
      return offer_unary(request, TypedUnary::kNot, false);
  }
}

Result<KernelOffer> make_is_nan(const KernelRequest& request) {
  return offer_unary(request, TypedUnary::kIsNaN, true);
}

Result<KernelOffer> make_is_inf(const KernelRequest& request) {
  const auto* op = request.node.op.as<IsInf>();
  if (!op->detect_negative || !op->detect_positive) {
    return KernelOffer(std::string("infinities of one sign only"));
  }
  return offer_unary(request, TypedUnary::kIsInf, true);
}

}  // namespace

void register_typed_cpu(KernelRegistry& r) {
  for (const char* op :
       {"Add", "Sub", "Mul", "Div", "And", "Or", "Xor", "Equal", "Less", "LessOrEqual", "Greater",
        "GreaterOrEqual", "Mod", "PRelu", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor"}) {
    r.add(op, "elementwise_typed", make_binary);
  }
  r.add("Pow", "elementwise_typed", make_power);
  r.add("Pow", "power_f32", make_float_power);
  r.add("Clip", "elementwise_typed", make_clip);
  for (const char* op : {"Max", "Min", "Sum", "Mean"})
    r.add(op, "elementwise_typed", make_variadic);
  for (const char* op : {"Abs", "Neg", "Sign", "Relu", "Not", "BitwiseNot"}) {
    r.add(op, "elementwise_typed", make_unary);
  }
  r.add("IsNaN", "elementwise_typed", make_is_nan);
  r.add("IsInf", "elementwise_typed", make_is_inf);
}

}  // namespace ferry
