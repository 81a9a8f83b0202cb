// SPDX-License-Identifier: Apache-2.0
// Support vector machines, several rows at a time.
#include "kernels/functions/functions.h"
#include "ops/ml/svm.h"
#include "ops_cpu/row_block.h"

namespace ferry {
namespace {

template <class T>
class SvmStep final : public StepKernel {
 public:
  // Requires a model.
  SvmStep(Isa isa, const Op& op)
      : functions_(function_kernels(isa)),
        sums_(row_sum_kernels(isa)),
        op_(op),
        model_(*make_svm_model(*op_.as<T>())) {}
  std::string name() const override { return "svm"; }

  Status run(StepContext& c) const override {
    const Tensor& x = c.input(0);
    FERRY_RETURN_IF_ERROR(check_rows(x));
    const SvmModel& m = model_;
    FERRY_RETURN_IF_ERROR(m.check_features(x.dims().back()));
    FERRY_ASSIGN_OR_RETURN(SvmResults y, m.results(c, x.rank() == 2 ? x.dim(0) : 1));
    const bool rbf = m.kernel.type == SvmKernelType::kRbf;
    const RowVectors v{
        sums_, rbf ? RowSum::kSquaredDistance : RowSum::kProduct, m.vectors, m.count, {}, 32};
    return for_row_blocks(c, x, v, [&](int64_t i, std::span<double> sums) {
      for (double& sum : sums) sum = rbf ? -m.kernel.gamma * sum : m.kernel(sum);
      if (rbf) functions_.exp(sums.data(), sums.data(), m.count);
      m.finish(sums, i, y);
    });
  }

 private:
  const FunctionKernels& functions_;
  const RowSumKernels& sums_;
  Op op_;  // the model borrows its attributes
  SvmModel model_;
};

template <class T>
Result<KernelOffer> make(const KernelRequest& request) {
  const Result<SvmModel> model = make_svm_model(*request.node.op.as<T>());
  if (!model.ok()) return KernelOffer(std::string(model.status().message()));
  return KernelOffer(std::make_unique<SvmStep<T>>(request.isa, request.node.op));
}

}  // namespace

void register_svm_cpu(KernelRegistry& r) {
  r.add("ai.onnx.ml.SVMRegressor", "svm", make<SvmRegressor>);
  r.add("ai.onnx.ml.SVMClassifier", "svm", make<SvmClassifier>);
}

}  // namespace ferry
