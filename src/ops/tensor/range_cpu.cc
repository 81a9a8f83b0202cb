// SPDX-License-Identifier: Apache-2.0
// Range of f32, f64, i32 and i64.
#include <algorithm>

#include "base/status.h"
#include "ops/convert.h"
#include "ops/tensor/range.h"
#include "ops_cpu/parallel.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

// Elements [from, to). Offsets of 32 bits turn into floats in vectors.
template <class T>
void fill(T start, T delta, T* y, int64_t from, int64_t to) {
  if constexpr (std::is_integral_v<T>) {
    T v = wrap_add(start, wrap_mul(static_cast<T>(from), delta));
    for (int64_t i = from; i < to; ++i, v = wrap_add(v, delta)) y[i] = v;
  } else if (to <= INT32_MAX) {
    const auto end = static_cast<int32_t>(to);
    for (auto i = static_cast<int32_t>(from); i < end; ++i) {
      y[i] = start + static_cast<T>(i) * delta;
    }
  } else {
    for (int64_t i = from; i < to; ++i) y[i] = start + static_cast<T>(i) * delta;
  }
}

template <class T>
class RangeStep final : public StepKernel {
 public:
  explicit RangeStep(Op op) : op_(std::move(op)) {}
  std::string name() const override { return "range"; }
  Status run(StepContext& c) const override {
    for (size_t i = 0; i < 3; ++i) {
      if (c.input(i).count() != 1) return op_.def().eval(op_, c);
    }
    FERRY_ASSIGN_OR_RETURN(const int64_t n, range_count(c.input(0), c.input(1), c.input(2)));
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, c.input(0).dtype(), Dims{n}));
    const T start = *c.input(0).data<T>(), delta = *c.input(2).data<T>();
    parallel_range(
        c.team(), n, n * int64_t{sizeof(T)} >= kMinParallelBytes,
        [&](int64_t from, int64_t to, int) { fill(start, delta, y.data<T>(), from, to); });
    return {};
  }

 private:
  Op op_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  const Op& op = request.node.op;
  switch (request.type(0).dtype) {
    case DType::kFloat32:
      return KernelOffer(std::make_unique<RangeStep<float>>(op));
    case DType::kFloat64:
      return KernelOffer(std::make_unique<RangeStep<double>>(op));
    case DType::kInt32:
      return KernelOffer(std::make_unique<RangeStep<int32_t>>(op));
    case DType::kInt64:
      return KernelOffer(std::make_unique<RangeStep<int64_t>>(op));
    default:
      return KernelOffer(std::string("no kernel for this type"));
  }
}

}  // namespace

void register_range_cpu(KernelRegistry& r) { r.add("Range", "range", make); }

}  // namespace ferry
