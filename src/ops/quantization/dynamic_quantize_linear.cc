// SPDX-License-Identifier: Apache-2.0
#include "ops/quantization/dynamic_quantize_linear.h"

#include <algorithm>
#include <cmath>

#include "ops/in_ranges.h"
#include "ops/quantization/number.h"
#include "ops/registry.h"

namespace ferry {
namespace {

Status infer(const DynamicQuantizeLinear&, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, {DType::kFloat32}));
  c.set_tensor(0, DType::kUInt8, x.shape);
  c.set_tensor(1, DType::kFloat32, Shape{});
  c.set_tensor(2, DType::kUInt8, Shape{});
  return {};
}

Status eval(const DynamicQuantizeLinear&, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, DType::kUInt8, x.dims()));
  FERRY_ASSIGN_OR_RETURN(Tensor y_scale, c.output(1, DType::kFloat32, {}));
  FERRY_ASSIGN_OR_RETURN(Tensor y_zero, c.output(2, DType::kUInt8, {}));
  float low = 0, high = 0;
  FERRY_RETURN_IF_ERROR(in_ranges(c, x.count(), 1, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i) {
      low = std::min(low, x.data<float>()[i]);
      high = std::max(high, x.data<float>()[i]);
    }
  }));
  // Of a range so small that a step of it is 0, as of an empty one, everything is 0.
  const float step = (high - low) / 255.0f;
  const float scale = step == 0 ? 1.0f : step;
  // An infinite range has no zero point.
  const float at = std::isfinite(low) ? -low / scale : 0.0f;
  const float zero = std::nearbyint(std::clamp(at, 0.0f, 255.0f));
  *y_scale.data<float>() = scale;
  *y_zero.data<uint8_t>() = static_cast<uint8_t>(zero);
  return in_ranges(c, x.count(), 8, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i) {
      y.data<uint8_t>()[i] = static_cast<uint8_t>(
          quantize_int(double(x.data<float>()[i] / scale), double(zero), {0, 255}));
    }
  });
}

}  // namespace

void register_dynamic_quantize_linear(OpRegistry& r) {
  r.op<DynamicQuantizeLinear>("DynamicQuantizeLinear")
      .since(11)
      .outputs(3)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
