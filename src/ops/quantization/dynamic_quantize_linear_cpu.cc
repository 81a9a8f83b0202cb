// SPDX-License-Identifier: Apache-2.0
// DynamicQuantizeLinear: the range in pieces of a fixed size, then the quantizing row kernel.
#include <algorithm>
#include <cmath>

#include "base/status.h"
#include "kernels/rows/rows.h"
#include "kernels/typed/typed.h"
#include "ops/quantization/dynamic_quantize_linear.h"
#include "ops_cpu/parallel.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

class DynamicQuantizeStep final : public StepKernel {
 public:
  DynamicQuantizeStep(Isa isa, Op op)
      : rows_(row_kernels(isa)),
        quantize_(typed_kernels(isa).quantize(DType::kUInt8)),
        op_(std::move(op)) {}
  std::string name() const override { return "dynamic_quantize"; }

  Status run(StepContext& c) const override {
    const Tensor& x = c.input(0);
    const int64_t n = x.count();
    if (n == 0) return op_.def().eval(op_, c);
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, DType::kUInt8, x.dims()));
    constexpr int64_t kPiece = 4 << 10;  // which stays in the first-level cache for both
    const int64_t pieces = (n + kPiece - 1) / kPiece;
    FERRY_RETURN_IF_ERROR(c.reserve_scratch(1, 2 * pieces * int64_t{sizeof(float)}));
    auto* low = c.scratch<float>(0);
    float* high = low + pieces;
    const auto* from = x.data<float>();
    const bool worthwhile = n >= kMinParallelValues;
    parallel_range(c.team(), pieces, worthwhile, [&](int64_t p0, int64_t p1, int) {
      for (int64_t p = p0; p < p1; ++p) {
        const int64_t count = std::min(kPiece, n - p * kPiece);
        rows_.reduce(RowReduction::kMin, from + p * kPiece, low + p, 1, count, 1, {});
        rows_.reduce(RowReduction::kMax, from + p * kPiece, high + p, 1, count, 1, {});
      }
    });
    FERRY_RETURN_IF_ERROR(c.poll());
    float least = 0, most = 0;
    bool nan = false;
    for (int64_t p = 0; p < pieces; ++p) {
      nan = nan || low[p] != low[p];
      least = std::min(least, low[p]);
      most = std::max(most, high[p]);
    }
    // The reference leaves NaN out of the range.
    if (nan) return op_.def().eval(op_, c);
    FERRY_ASSIGN_OR_RETURN(Tensor y_scale, c.output(1, DType::kFloat32, {}));
    FERRY_ASSIGN_OR_RETURN(Tensor y_zero, c.output(2, DType::kUInt8, {}));
    const float step = (most - least) / 255.0f;
    const float scale = step == 0 ? 1.0f : step;
    const float at = std::isfinite(least) ? -least / scale : 0.0f;
    const float zero = std::nearbyint(std::clamp(at, 0.0f, 255.0f));
    *y_scale.data<float>() = scale;
    const auto whole_zero = static_cast<int32_t>(zero);
    *y_zero.data<uint8_t>() = static_cast<uint8_t>(whole_zero);
    parallel_range(c.team(), n, worthwhile, [&](int64_t i0, int64_t i1, int) {
      quantize_(from + i0, y.data<uint8_t>() + i0, i1 - i0, &scale, &whole_zero, 0);
    });
    return {};
  }

 private:
  const RowKernels& rows_;
  QuantizeRow quantize_;
  Op op_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  return KernelOffer(std::make_unique<DynamicQuantizeStep>(request.isa, request.node.op));
}

}  // namespace

void register_dynamic_quantize_linear_cpu(KernelRegistry& r) {
  r.add("DynamicQuantizeLinear", "dynamic_quantize", make);
}

}  // namespace ferry
