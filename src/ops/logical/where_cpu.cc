// SPDX-License-Identifier: Apache-2.0
#include "ops/arguments.h"
#include "ops/logical/where.h"
#include "ops_cpu/mover.h"

namespace ferry {
namespace {

// Operands are single elements or as long as the row.
template <class T>
void choose(int64_t n, const bool* condition, int64_t condition_step, const T* a, int64_t a_step,
            const T* b, int64_t b_step, T* y) {
  if (condition_step == 0) {
    const T* from = *condition ? a : b;
    const int64_t step = *condition ? a_step : b_step;
    if (step == 1)
      std::copy_n(from, n, y);
    else
      for (int64_t i = 0; i < n; ++i) y[i] = from[i * step];
  } else if (condition_step == 1 && a_step == 1 && b_step == 1) {
    for (int64_t i = 0; i < n; ++i) y[i] = condition[i] ? a[i] : b[i];
  } else if (condition_step == 1 && a_step == 1 && b_step == 0) {
    const T other = *b;
    for (int64_t i = 0; i < n; ++i) y[i] = condition[i] ? a[i] : other;
  } else if (condition_step == 1 && a_step == 0 && b_step == 1) {
    const T other = *a;
    for (int64_t i = 0; i < n; ++i) y[i] = condition[i] ? other : b[i];
  } else {
    for (int64_t i = 0; i < n; ++i) {
      y[i] = condition[i * condition_step] ? a[i * a_step] : b[i * b_step];
    }
  }
}

template <class T>
Status run_typed(StepContext& c, const Dims& dims, Tensor& y) {
  const Tensor &condition = c.input(0), &a = c.input(1), &b = c.input(2);
  T* out = y.data<T>();
  return for_each_row<3>(c, dims,
                         {broadcast_strides(condition.dims(), dims),
                          broadcast_strides(a.dims(), dims), broadcast_strides(b.dims(), dims)},
                         [&](int64_t n, const auto& at, const auto& step) {
                           choose(n, condition.data<bool>() + at[0], step[0], a.data<T>() + at[1],
                                  step[1], b.data<T>() + at[2], step[2], out);
                           out += n;
                         });
}

Status run(const Where&, Isa, StepContext& c) {
  FERRY_ASSIGN_OR_RETURN(Dims dims, broadcast_dims(c.input(0).dims(), c.input(1).dims()));
  FERRY_ASSIGN_OR_RETURN(dims, broadcast_dims(dims, c.input(2).dims()));
  const DType type = c.input(1).dtype();
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, type, dims));
  switch (mover_element(type)) {
    case 1:
      return run_typed<uint8_t>(c, dims, y);
    case 2:
      return run_typed<uint16_t>(c, dims, y);
    case 4:
      return run_typed<uint32_t>(c, dims, y);
    default:
      return run_typed<uint64_t>(c, dims, y);
  }
}

Result<KernelOffer> make(const KernelRequest& request) {
  if (mover_element(request.type(1).dtype) == 0) {
    return KernelOffer(std::string("elements of no fixed size"));
  }
  return KernelOffer(std::make_unique<MoverStep<Where>>("where", Where{}, request.isa, run));
}

}  // namespace

void register_where_cpu(KernelRegistry& r) { r.add("Where", "where", make); }

}  // namespace ferry
