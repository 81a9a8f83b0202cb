// SPDX-License-Identifier: Apache-2.0
// Casts between f32, the usual integers and bool.
#include <limits>
#include <type_traits>

#include "base/status.h"
#include "ops/tensor/cast.h"
#include "ops_cpu/parallel.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

template <class From, class To>
To converted(From v) {
  if constexpr (std::is_same_v<To, bool>) {
    return v != From(0);
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    // One more than the largest To, which is a power of two and so exact.
    constexpr From kEnd = static_cast<From>(std::numeric_limits<To>::max() / 2 + 1) * From(2);
    constexpr From kLow = static_cast<From>(std::numeric_limits<To>::min());
    if (v != v) return To(0);
    if (v >= kEnd) return std::numeric_limits<To>::max();
    if (v <= kLow) return std::numeric_limits<To>::min();
    return static_cast<To>(v);
  } else {
    return static_cast<To>(v);
  }
}

using Convert = void (*)(const void* x, void* y, int64_t from, int64_t to);

template <class From, class To>
void convert(const void* x, void* y, int64_t from, int64_t to) {
  const From* in = static_cast<const From*>(x);
  To* out = static_cast<To*>(y);
  for (int64_t i = from; i < to; ++i) out[i] = converted<From, To>(in[i]);
}

template <class From>
Convert convert_from(DType to) {
  switch (to) {
    case DType::kFloat32:
      return convert<From, float>;
    case DType::kInt64:
      return convert<From, int64_t>;
    case DType::kInt32:
      return convert<From, int32_t>;
    case DType::kUInt8:
      return convert<From, uint8_t>;
    case DType::kBool:
      return convert<From, bool>;
    default:
      return nullptr;
  }
}

Convert find_convert(DType from, DType to) {
  if (from == to) return nullptr;
  switch (from) {
    case DType::kFloat32:
      return convert_from<float>(to);
    case DType::kInt64:
      return convert_from<int64_t>(to);
    case DType::kInt32:
      return convert_from<int32_t>(to);
    case DType::kUInt8:
      return convert_from<uint8_t>(to);
    case DType::kBool:
      return convert_from<bool>(to);
    default:
      return nullptr;
  }
}

class CastKernel final : public StepKernel {
 public:
  CastKernel(DType to, Convert convert) : to_(to), convert_(convert) {}
  std::string name() const override { return "cast"; }
  Status run(StepContext& c) const override {
    const Tensor& x = c.input(0);
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, to_, x.dims()));
    parallel_range(c.team(), x.count(), x.count() >= kMinParallelValues,
                   [&](int64_t from, int64_t to, int) { convert_(x.raw(), y.raw(), from, to); });
    return {};
  }

 private:
  DType to_;
  Convert convert_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  const DType to = request.node.op.as<Cast>()->to;
  const Convert convert = find_convert(request.type(0).dtype, to);
  if (convert == nullptr) return KernelOffer(std::string("no kernel for these types"));
  return KernelOffer(std::make_unique<CastKernel>(to, convert));
}

}  // namespace

void register_cast_cpu(KernelRegistry& r) { r.add("Cast", "cast", make); }

}  // namespace ferry
