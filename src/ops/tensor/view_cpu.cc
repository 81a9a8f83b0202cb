// SPDX-License-Identifier: Apache-2.0
// Operators that only rename dimensions share their input's memory; where that is not possible
// (an output of the model, a size that depends on data) they copy.
#include <cstring>

#include "base/status.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

class ViewKernel final : public StepKernel {
 public:
  std::string name() const override { return "copy"; }
  std::optional<Piece> piece(size_t) const override { return Piece{}; }
  bool reads_input(size_t i) const override { return i == 0; }
  Status run(StepContext& c) const override {
    const Tensor& x = c.input(0);
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.planned_output(0));
    if (y.count() != x.count()) {
      return shape_mismatch("{} cannot be seen as {}", x.describe(), y.describe());
    }
    if (y.size_bytes() > 0 && y.raw() != x.raw()) std::memcpy(y.raw(), x.raw(), y.size_bytes());
    return {};
  }
};

Result<KernelOffer> make(const KernelRequest& request) {
  if (!request.outputs_planned) return KernelOffer(std::string("output size depends on data"));
  if (!request.type(0).is_tensor()) return KernelOffer(std::string("not a tensor"));
  return KernelOffer(std::make_unique<ViewKernel>());
}

}  // namespace

void register_view_cpu(KernelRegistry& r) {
  for (const char* op : {"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity"}) {
    r.add(op, "view", make);
  }
}

}  // namespace ferry
