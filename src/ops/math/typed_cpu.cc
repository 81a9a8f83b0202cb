// SPDX-License-Identifier: Apache-2.0
// Elementwise operators beyond fp32 arithmetic: other types, comparisons, logic.
#include <optional>

#include "kernels/typed/typed.h"
#include "ops/arguments.h"
#include "ops/logical/float_class.h"
#include "ops/math/binary.h"
#include "ops/math/unary.h"
#include "ops/math/variadic.h"
#include "ops_cpu/typed_rows.h"
#include "ops_cpu/typed_unary_step.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

std::optional<TypedOp> typed_op(BinaryKind kind) {
  switch (kind) {
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
void run_binary(Team& team, TypedBinaryRow row, const Tensor& a, const Tensor& b, Tensor& y) {
  const int64_t in = dtype_bits(a.dtype()) / 8, out = dtype_bits(y.dtype()) / 8;
  const auto* p = static_cast<const char*>(a.raw());
  const auto* q = static_cast<const char*>(b.raw());
  auto* to = static_cast<char*>(y.raw());
  parallel_rows<2>(team, y.dims(),
                   {broadcast_strides(a.dims(), y.dims()), broadcast_strides(b.dims(), y.dims())},
                   [&](int64_t n, const auto& at, const auto& step, int64_t begin) {
                     row(p + at[0] * in, step[0], q + at[1] * in, step[1], to + begin * out, n);
                   });
}

class BinaryStep final : public StepKernel {
 public:
  BinaryStep(const TypedKernels& kernels, TypedBinaryRow row, bool compares, bool integer_div)
      : kernels_(kernels), row_(row), compares_(compares), integer_div_(integer_div) {}
  std::string name() const override { return "elementwise_typed"; }
  Status run(StepContext& c) const override {
    const Tensor &a = c.input(0), &b = c.input(1);
    FERRY_ASSIGN_OR_RETURN(const Dims dims, broadcast_dims(a.dims(), b.dims()));
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, compares_ ? DType::kBool : a.dtype(), dims));
    if (integer_div_ && y.count() > 0 && kernels_.has_zero(b.dtype(), b.raw(), b.count())) {
      return invalid_argument("an integer is divided by zero");
    }
    run_binary(c.team(), row_, a, b, y);
    return {};
  }

 private:
  const TypedKernels& kernels_;
  TypedBinaryRow row_;
  bool compares_, integer_div_;
};

Result<KernelOffer> make_binary(const KernelRequest& request) {
  const auto* op = request.node.op.as<Binary>();
  const auto kind = typed_op(op->kind);
  const DType type = request.type(0).dtype;
  const TypedKernels& kernels = typed_kernels(request.isa);
  const TypedBinaryRow row = kind ? kernels.binary(*kind, type) : nullptr;
  if (row == nullptr) return KernelOffer(std::string("no typed kernel for this type"));
  const bool divides = op->kind == BinaryKind::kDiv && is_integer(type);
  return KernelOffer(std::make_unique<BinaryStep>(kernels, row, is_comparison(op->kind), divides));
}

// Max and Min of several inputs, two at a time.
class ExtremeStep final : public StepKernel {
 public:
  explicit ExtremeStep(TypedBinaryRow row) : row_(row) {}
  std::string name() const override { return "elementwise_typed"; }
  Status run(StepContext& c) const override {
    Dims dims = c.input(0).dims();
    for (size_t i = 1; i < c.num_inputs(); ++i) {
      FERRY_ASSIGN_OR_RETURN(dims, broadcast_dims(dims, c.input(i).dims()));
    }
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, c.input(0).dtype(), dims));
    const size_t last = c.num_inputs() - 1;
    run_binary(c.team(), row_, c.input(0), c.input(last == 0 ? 0 : 1), y);
    for (size_t i = 2; i <= last; ++i) run_binary(c.team(), row_, y, c.input(i), y);
    return {};
  }

 private:
  TypedBinaryRow row_;
};

Result<KernelOffer> make_extreme(const KernelRequest& request) {
  const VariadicKind kind = request.node.op.as<Variadic>()->kind;
  const TypedBinaryRow row = typed_kernels(request.isa)
                                 .binary(kind == VariadicKind::kMax ? TypedOp::kMax : TypedOp::kMin,
                                         request.type(0).dtype);
  if (row == nullptr) return KernelOffer(std::string("no typed kernel for this type"));
  return KernelOffer(std::make_unique<ExtremeStep>(row));
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
  for (const char* op : {"Add", "Sub", "Mul", "Div", "And", "Or", "Xor", "Equal", "Less",
                         "LessOrEqual", "Greater", "GreaterOrEqual"}) {
    r.add(op, "elementwise_typed", make_binary);
  }
  r.add("Max", "elementwise_typed", make_extreme);
  r.add("Min", "elementwise_typed", make_extreme);
  for (const char* op : {"Abs", "Neg", "Sign", "Relu", "Not"}) {
    r.add(op, "elementwise_typed", make_unary);
  }
  r.add("IsNaN", "elementwise_typed", make_is_nan);
  r.add("IsInf", "elementwise_typed", make_is_inf);
}

}  // namespace ferry
