// SPDX-License-Identifier: Apache-2.0
// Casts between the usual numbers and bool.
#include "base/status.h"
#include "kernels/typed/typed.h"
#include "ops/tensor/cast.h"
#include "ops_cpu/parallel.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

class CastKernel final : public StepKernel {
 public:
  CastKernel(DType to, TypedUnaryRow row) : to_(to), row_(row) {}
  std::string name() const override { return "cast"; }
  Status run(StepContext& c) const override {
    const Tensor& x = c.input(0);
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, to_, x.dims()));
    const int64_t in = dtype_bits(x.dtype()) / 8, out = dtype_bits(to_) / 8;
    const auto* from = static_cast<const char*>(x.raw());
    auto* to = static_cast<char*>(y.raw());
    parallel_range(
        c.team(), x.count(), x.count() >= kMinParallelValues,
        [&](int64_t i0, int64_t i1, int) { row_(from + i0 * in, to + i0 * out, i1 - i0); });
    return {};
  }

 private:
  DType to_;
  TypedUnaryRow row_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  const DType from = request.type(0).dtype, to = request.node.op.as<Cast>()->to;
  const TypedUnaryRow row = from == to ? nullptr : typed_kernels(request.isa).cast(from, to);
  if (row == nullptr) return KernelOffer(std::string("no kernel for these types"));
  return KernelOffer(std::make_unique<CastKernel>(to, row));
}

}  // namespace

void register_cast_cpu(KernelRegistry& r) { r.add("Cast", "cast", make); }

}  // namespace ferry
