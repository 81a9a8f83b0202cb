// SPDX-License-Identifier: Apache-2.0
// Casts between the usual numbers and bool.
#include "ops/tensor/cast.h"
#include "ops_cpu/typed_unary_step.h"

namespace ferry {
namespace {

Result<KernelOffer> make(const KernelRequest& request) {
  const DType from = request.type(0).dtype, to = request.node.op.as<Cast>()->to;
  const TypedUnaryRow row = from == to ? nullptr : typed_kernels(request.isa).cast(from, to);
  if (row == nullptr) return KernelOffer(std::string("no kernel for these types"));
  return KernelOffer(std::make_unique<TypedUnaryStep>("cast", row, to));
}

}  // namespace

void register_cast_cpu(KernelRegistry& r) { r.add("Cast", "cast", make); }

}  // namespace ferry
