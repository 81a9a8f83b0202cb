// SPDX-License-Identifier: Apache-2.0
// Elementary functions of doubles on vectors; all other elementwise operators of one input that no
// kernel takes run their reference on several threads.
#include <cmath>
#include <limits>
#include <optional>

#include "base/status.h"
#include "kernels/functions/functions.h"
#include "ops/math/unary.h"
#include "ops_cpu/parallel.h"
#include "plan/eltwise_program.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

Status map_doubles(StepContext& c, DoubleRow row, double p, double q) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
  const auto* from = x.data<double>();
  auto* to = y.data<double>();
  parallel_range(c.team(), x.count(), x.count() >= kMinParallelValues,
                 [&](int64_t i0, int64_t i1, int) { row(from + i0, to + i0, i1 - i0, p, q); });
  return {};
}

class DoublesStep final : public StepKernel {
 public:
  DoublesStep(DoubleRow row, const EltInstruction& function)
      : row_(row), p_(static_cast<double>(function.p)), q_(static_cast<double>(function.q)) {}
  std::string name() const override { return "function_f64"; }
  Status run(StepContext& c) const override { return map_doubles(c, row_, p_, q_); }

 private:
  DoubleRow row_;
  double p_, q_;
};

class ClipDoublesStep final : public StepKernel {
 public:
  ClipDoublesStep(DoubleRow row, Op op) : row_(row), op_(std::move(op)) {}
  std::string name() const override { return "function_f64"; }
  Status run(StepContext& c) const override {
    double bounds[] = {-std::numeric_limits<double>::infinity(),
                       std::numeric_limits<double>::infinity()};
    for (size_t i : {0, 1}) {
      if (!c.has_input(i + 1)) continue;
      if (c.input(i + 1).count() != 1) return op_.def().eval(op_, c);
      const double bound = *c.input(i + 1).data<double>();
      if (!std::isnan(bound)) bounds[i] = bound;
    }
    return map_doubles(c, row_, bounds[0], bounds[1]);
  }

 private:
  DoubleRow row_;
  Op op_;
};

Result<KernelOffer> make_clip(const KernelRequest& request) {
  if (request.type(0).dtype != DType::kFloat64) return KernelOffer(std::string("not f64"));
  return KernelOffer(std::make_unique<ClipDoublesStep>(
      function_kernels(request.isa).doubles(EltOp::kClip), request.node.op));
}

Result<KernelOffer> make_f64(const KernelRequest& request) {
  if (request.type(0).dtype != DType::kFloat64) return KernelOffer(std::string("not f64"));
  const std::optional<EltInstruction> function = unary_instruction(*request.node.op.as<Unary>());
  const DoubleRow row = function ? function_kernels(request.isa).doubles(function->op) : nullptr;
  if (row == nullptr) return KernelOffer(std::string("no kernel for this function of doubles"));
  return KernelOffer(std::make_unique<DoublesStep>(row, *function));
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
  for (const char* op : {"Exp",      "Log",         "Sqrt",      "Reciprocal",
                         "Floor",    "Ceil",        "Round",     "Sin",
                         "Cos",      "Tan",         "Asin",      "Acos",
                         "Atan",     "Sinh",        "Cosh",      "Tanh",
                         "Atanh",    "Erf",         "Sigmoid",   "Softplus",
                         "Softsign", "HardSigmoid", "HardSwish", "Elu",
                         "Selu",     "Celu",        "LeakyRelu", "ThresholdedRelu",
                         "Shrink",   "Gelu",        "Mish",      "Swish"}) {
    r.add(op, "function_f64", make_f64);
  }
  for (const char* op : unary_operators()) r.add(op, "elementwise_threads", make_threaded);
  r.add("Clip", "function_f64", make_clip);
}

}  // namespace ferry
