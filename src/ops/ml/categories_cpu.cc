// SPDX-License-Identifier: Apache-2.0
// LabelEncoder whose keys are indexed once, when the model loads.
#include "ops/ml/categories.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

class LabelEncoderStep final : public StepKernel {
 public:
  LabelEncoderStep(const Op& op, Encoding encoding)
      : op_(op), encoding_(std::move(encoding)), index_(encoding_.keys) {}
  std::string name() const override { return "label_index"; }
  Status run(StepContext& c) const override {
    return encode_labels(*op_.as<LabelEncoder>(), encoding_, index_, c);
  }

 private:
  Op op_;  // the encoding views its lists
  Encoding encoding_;
  KeyIndex index_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  Result<Encoding> encoding = encoding_of(*request.node.op.as<LabelEncoder>());
  if (!encoding.ok()) return KernelOffer(std::string(encoding.status().message()));
  return KernelOffer(std::make_unique<LabelEncoderStep>(request.node.op, std::move(*encoding)));
}

}  // namespace

void register_categories_cpu(KernelRegistry& r) {
  r.add("ai.onnx.ml.LabelEncoder", "label_index", make);
}

}  // namespace ferry
