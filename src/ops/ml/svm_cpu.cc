// SPDX-License-Identifier: Apache-2.0
// Support vector machines, several rows at a time.
#include "kernels/functions/functions.h"
#include "ops/ml/svm.h"
#include "ops_cpu/row_block.h"

namespace ferry {
namespace {

// Of either operator.
Result<SvmModel> model_of(const Op& op) {
  const auto* regressor = op.as<SvmRegressor>();
  return regressor != nullptr ? make_svm_model(*regressor)
                              : make_svm_model(*op.as<SvmClassifier>());
}

class SvmStep final : public StepKernel {
 public:
  // Requires a model.
  SvmStep(Isa isa, const Op& op)
      : exp_(function_kernels(isa).doubles(EltOp::kExp)),
        sums_(row_sum_kernels(isa)),
        op_(op),
        model_(*model_of(op_)) {}
  std::string name() const override { return "svm"; }

  Status run(StepContext& c) const override {
    const Tensor& x = c.input(0);
    FERRY_RETURN_IF_ERROR(check_rows(x));
    const SvmModel& m = model_;
    FERRY_RETURN_IF_ERROR(m.check_features(x.dims().back()));
    FERRY_ASSIGN_OR_RETURN(RowResults y, m.results(c, x.rank() == 2 ? x.dim(0) : 1));
    const bool rbf = m.kernel.type == SvmKernelType::kRbf;
    const RowVectors v{
        sums_, rbf ? RowSum::kSquaredDistance : RowSum::kProduct, m.vectors, m.count, {}, 32};
    return for_row_blocks(c, x, v, [&](int64_t i, int64_t rows, double* sums) {
      const std::span all(sums, static_cast<size_t>(rows * m.count));
      for (double& sum : all) sum = rbf ? -m.kernel.gamma * sum : m.kernel(sum);
      if (rbf) exp_(sums, sums, rows * m.count, 0, 0);
      for (int64_t r = 0; r < rows; ++r, sums += m.count) {
        m.finish(std::span(sums, static_cast<size_t>(m.count)), i + r, y);
      }
    });
  }

 private:
  DoubleRow exp_;
  const RowSumKernels& sums_;
  Op op_;  // the model borrows its attributes
  SvmModel model_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  const Result<SvmModel> model = model_of(request.node.op);
  if (!model.ok()) return KernelOffer(std::string(model.status().message()));
  return KernelOffer(std::make_unique<SvmStep>(request.isa, request.node.op));
}

}  // namespace

void register_svm_cpu(KernelRegistry& r) {
  r.add("ai.onnx.ml.SVMRegressor", "svm", make);
  r.add("ai.onnx.ml.SVMClassifier", "svm", make);
}

}  // namespace ferry
