// SPDX-License-Identifier: Apache-2.0
// Elementary functions of doubles on vectors; all other elementwise operators of one input that no
// kernel takes run their reference on several threads.
#include <optional>

#include "base/status.h"
#include "kernels/functions/functions.h"
#include "ops/math/unary.h"
#include "ops_cpu/typed_unary_step.h"
#include "plan/eltwise_program.h"

namespace ferry {
namespace {

Result<KernelOffer> make_f64(const KernelRequest& request) {
  if (request.type(0).dtype != DType::kFloat64) return KernelOffer(std::string("not f64"));
  const Unary& u = *request.node.op.as<Unary>();
  const std::optional<EltInstruction> function = unary_instruction(u);
  const bool known = function && (function->op != EltOp::kElu || u.alpha == 1);
  const TypedUnaryRow row = known ? function_kernels(request.isa).doubles(function->op) : nullptr;
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
