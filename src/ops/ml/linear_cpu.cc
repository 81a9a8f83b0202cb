// SPDX-License-Identifier: Apache-2.0
// Linear models, several rows at a time.
#include <algorithm>

#include "kernels/functions/functions.h"
#include "ops/ml/linear.h"
#include "ops_cpu/row_block.h"

namespace ferry {
namespace {

// Of either operator.
Result<LinearModel> model_of(const Op& op) {
  const auto* regressor = op.as<LinearRegressor>();
  return regressor != nullptr ? make_linear_model(*regressor)
                              : make_linear_model(*op.as<LinearClassifier>());
}

class LinearStep final : public StepKernel {
 public:
  // Requires a model.
  LinearStep(Isa isa, const Op& op)
      : exp_(function_kernels(isa).doubles(EltOp::kExp)),
        sums_(row_sum_kernels(isa)),
        op_(op),
        model_(*model_of(op_)) {}
  std::string name() const override { return "linear"; }

  Status run(StepContext& c) const override {
    const Tensor& x = c.input(0);
    FERRY_RETURN_IF_ERROR(check_rows(x));
    const LinearModel& m = model_;
    FERRY_ASSIGN_OR_RETURN(const int64_t n, m.sums(x.dims().back()));
    FERRY_ASSIGN_OR_RETURN(RowResults y, m.results(c, x.rank() == 2 ? x.dim(0) : 1));
    const RowVectors v{sums_, RowSum::kProduct, m.coefficients, n, m.intercepts, 16};
    const bool vectors =
        n == m.targets && (m.post == PostTransform::kSoftmax || m.post == PostTransform::kLogistic);
    return for_row_blocks(c, x, v, [&](int64_t i, int64_t rows, double* sums) {
      if (vectors) transform(sums, rows);
      for (int64_t r = 0; r < rows; ++r, sums += n) {
        const std::span row(sums, static_cast<size_t>(n));
        vectors ? m.write(row, i + r, y) : m.finish(row, i + r, y);
      }
    });
  }

 private:
  // apply_post_transform of all rows.
  void transform(double* scores, int64_t rows) const {
    const int64_t n = model_.targets;
    const bool softmax = model_.post == PostTransform::kSoftmax;
    for (int64_t r = 0; r < rows; ++r) {
      double* row = scores + r * n;
      const double top = softmax ? *std::max_element(row, row + n) : 0;
      for (int64_t k = 0; k < n; ++k) row[k] = softmax ? row[k] - top : -row[k];
    }
    exp_(scores, scores, rows * n, 0, 0);
    for (int64_t r = 0; r < rows; ++r) {
      double* row = scores + r * n;
      double sum = 0;
      for (int64_t k = 0; k < n; ++k) sum += row[k];
      for (int64_t k = 0; k < n; ++k) row[k] = softmax ? row[k] / sum : 1 / (1 + row[k]);
    }
  }

  DoubleRow exp_;
  const RowSumKernels& sums_;
  Op op_;  // the model borrows its attributes
  LinearModel model_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  const Result<LinearModel> model = model_of(request.node.op);
  if (!model.ok()) return KernelOffer(std::string(model.status().message()));
  return KernelOffer(std::make_unique<LinearStep>(request.isa, request.node.op));
}

}  // namespace

void register_linear_cpu(KernelRegistry& r) {
  r.add("ai.onnx.ml.LinearRegressor", "linear", make);
  r.add("ai.onnx.ml.LinearClassifier", "linear", make);
}

}  // namespace ferry
