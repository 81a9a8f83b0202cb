// SPDX-License-Identifier: Apache-2.0
#include "plan/step_kernel.h"

#include "base/status.h"

namespace ferry {
namespace {

const Type kUnknownType;

class ReferenceKernel final : public StepKernel {
 public:
  explicit ReferenceKernel(Op op) : op_(std::move(op)) {}
  std::string name() const override { return "reference"; }
  Status run(StepContext& c) const override { return op_.def().eval(op_, c); }

 private:
  Op op_;
};

}  // namespace

const Type& KernelRequest::type(size_t i) const {
  return has_input(i) ? graph.value(node.inputs[i]).type : kUnknownType;
}

const Type& KernelRequest::output_type(size_t i) const {
  if (i >= node.outputs.size() || node.outputs[i] == kNone) return kUnknownType;
  return graph.value(node.outputs[i]).type;
}

const Tensor* KernelRequest::constant(size_t i) const {
  if (!has_input(i)) return nullptr;
  const GraphValue& v = graph.value(node.inputs[i]);
  return v.constant && !v.overridable ? &*v.constant : nullptr;
}

bool KernelRequest::has_input(size_t i) const {
  return i < node.inputs.size() && node.inputs[i] != kNone;
}

void KernelRegistry::add(std::string_view op, std::string name,
                         std::function<Result<KernelOffer>(const KernelRequest&)> make) {
  table_[std::string(op)].push_back({std::move(name), std::move(make)});
}

const std::vector<KernelCandidate>& KernelRegistry::candidates(std::string_view op) const {
  static const std::vector<KernelCandidate> none;
  const auto it = table_.find(op);
  return it == table_.end() ? none : it->second;
}

std::unique_ptr<StepKernel> make_reference_kernel(const Node& node) {
  return std::make_unique<ReferenceKernel>(node.op);
}

}  // namespace ferry
