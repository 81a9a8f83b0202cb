// SPDX-License-Identifier: Apache-2.0
#include "kernels/typed/typed.h"
#include "ops/arguments.h"
#include "ops/logical/where.h"
#include "ops_cpu/mover.h"
#include "ops_cpu/typed_rows.h"

namespace ferry {
namespace {

class WhereStep final : public StepKernel {
 public:
  WhereStep(SelectRow row, int element) : row_(row), element_(element) {}
  std::string name() const override { return "where"; }
  Status run(StepContext& c) const override {
    const Tensor &condition = c.input(0), &a = c.input(1), &b = c.input(2);
    FERRY_ASSIGN_OR_RETURN(Dims dims, broadcast_dims(condition.dims(), a.dims()));
    FERRY_ASSIGN_OR_RETURN(dims, broadcast_dims(dims, b.dims()));
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, a.dtype(), dims));
    auto* to = static_cast<char*>(y.raw());
    parallel_rows<3>(c.team(), dims, {&condition, &a, &b}, kFewElements,
                     [&](int64_t n, const auto& at, const auto& step, int64_t begin) {
                       row_(reinterpret_cast<const uint8_t*>(at[0]), step[0], at[1], step[1], at[2],
                            step[2], to + begin * element_, n);
                     });
    return {};
  }

 private:
  SelectRow row_;
  int element_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  const int element = mover_element(request.type(1).dtype);
  const SelectRow row = typed_kernels(request.isa).select(element);
  if (row == nullptr) return KernelOffer(std::string("elements of no fixed size"));
  return KernelOffer(std::make_unique<WhereStep>(row, element));
}

}  // namespace

void register_where_cpu(KernelRegistry& r) { r.add("Where", "where", make); }

}  // namespace ferry
