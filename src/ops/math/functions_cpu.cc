// SPDX-License-Identifier: Apache-2.0
// Elementary functions of doubles on vectors; all other elementwise operators of one input that no
// kernel takes run their reference on several threads.
#include <optional>

#include "base/status.h"
#include "kernels/functions/functions.h"
#include "ops/math/unary.h"
#include "ops_cpu/typed_unary_step.h"

namespace ferry {
namespace {

std::optional<EltOp> double_op(const Unary& op) {
  switch (op.kind) {
    case UnaryKind::kExp:
      return EltOp::kExp;
    case UnaryKind::kLog:
      return EltOp::kLog;
    case UnaryKind::kSqrt:
      return EltOp::kSqrt;
    case UnaryKind::kReciprocal:
      return EltOp::kReciprocal;
    case UnaryKind::kFloor:
      return EltOp::kFloor;
    case UnaryKind::kCeil:
      return EltOp::kCeil;
    case UnaryKind::kRound:
      return EltOp::kRound;
    case UnaryKind::kSin:
      return EltOp::kSin;
    case UnaryKind::kCos:
      return EltOp::kCos;
    case UnaryKind::kSigmoid:
      return EltOp::kSigmoid;
    case UnaryKind::kTanh:
      return EltOp::kTanh;
    case UnaryKind::kSoftplus:
      return EltOp::kSoftplus;
    case UnaryKind::kElu:
      return op.alpha == 1 ? std::optional(EltOp::kElu) : std::nullopt;
    default:
      return std::nullopt;
  }
}

Result<KernelOffer> make_f64(const KernelRequest& request) {
  if (request.type(0).dtype != DType::kFloat64) return KernelOffer(std::string("not f64"));
  const auto op = double_op(*request.node.op.as<Unary>());
  const TypedUnaryRow row = op ? function_kernels(request.isa).doubles(*op) : nullptr;
  if (row == nullptr) return KernelOffer(std::string("no kernel for this function of doubles"));
  return KernelOffer(std::make_unique<TypedUnaryStep>("function_f64", row, DType::kFloat64));
}

class ThreadedUnaryStep final : public StepKernel {
 public:
  explicit ThreadedUnaryStep(Unary op) : op_(std::move(op)) {}
  std::string name() const override { return "elementwise_threads"; }
  Status run(StepContext& c) const override {
    const Tensor& x = c.input(0);
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
    // Whether there is a formula depends on kind and type alone.
    FERRY_RETURN_IF_ERROR(unary_range(op_, x, y, 0, 0));
    constexpr int64_t kMinParallel = 1 << 10;  // of calls into the C library
    parallel_range(c.team(), x.count(), x.count() >= kMinParallel,
                   [&](int64_t from, int64_t to, int) { (void)unary_range(op_, x, y, from, to); });
    return {};
  }

 private:
  Unary op_;
};

Result<KernelOffer> make_threaded(const KernelRequest& request) {
  return KernelOffer(std::make_unique<ThreadedUnaryStep>(*request.node.op.as<Unary>()));
}

}  // namespace

void register_functions_cpu(KernelRegistry& r) {
  for (const char* op : unary_operators()) {
    r.add(op, "function_f64", make_f64);
    r.add(op, "elementwise_threads", make_threaded);
  }
}

}  // namespace ferry
