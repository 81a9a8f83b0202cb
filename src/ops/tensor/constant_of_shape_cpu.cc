// SPDX-License-Identifier: Apache-2.0
// ConstantOfShape of elements of whole bytes.
#include <algorithm>
#include <cstring>

#include "ops/arguments.h"
#include "ops/tensor/constant_of_shape.h"
#include "ops_cpu/mover.h"

namespace ferry {
namespace {

template <class T>
void fill(Team& team, uint64_t bits, Tensor& y) {
  T value;
  std::memcpy(&value, &bits, sizeof value);
  T* to = static_cast<T*>(y.raw());
  // memset writes whole cache lines without reading them.
  const auto byte = static_cast<uint8_t>(value);
  T repeated;
  std::memset(&repeated, byte, sizeof repeated);
  parallel_range(team, y.count(), y.count() * static_cast<int64_t>(sizeof(T)) >= kMinParallelBytes,
                 [&](int64_t from, int64_t end, int) {
                   if (repeated == value)
                     std::memset(to + from, byte, static_cast<size_t>(end - from) * sizeof(T));
                   else
                     std::fill(to + from, to + end, value);
                 });
}

Status run(const ConstantOfShape& op, Isa, StepContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Ints shape, read_ints(c.input(0), "shape"));
  FERRY_ASSIGN_OR_RETURN(const Dims dims, make_dims(shape));
  const DType type = op.value.defined() ? op.value.dtype() : DType::kFloat32;
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, type, dims));
  uint64_t bits = 0;
  if (op.value.defined()) std::memcpy(&bits, op.value.raw(), op.value.size_bytes());
  with_mover_type(type, [&]<class T>(T) { fill<T>(c.team(), bits, y); });
  return {};
}

Result<KernelOffer> make(const KernelRequest& request) {
  const auto& op = *request.node.op.as<ConstantOfShape>();
  if (op.value.defined() && (mover_element(op.value.dtype()) == 0 || op.value.count() != 1)) {
    return KernelOffer(std::string("elements of no fixed size"));
  }
  return KernelOffer(
      std::make_unique<MoverStep<ConstantOfShape>>("constant_of_shape", op, request.isa, run));
}

}  // namespace

void register_constant_of_shape_cpu(KernelRegistry& r) {
  r.add("ConstantOfShape", "constant_of_shape", make);
}

}  // namespace ferry
