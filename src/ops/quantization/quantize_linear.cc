// SPDX-License-Identifier: Apache-2.0
#include "ops/quantization/quantize_linear.h"

#include "ops/quantization/granularity.h"
#include "ops/quantization/number.h"
#include "ops/registry.h"

namespace ferry {
namespace {

constexpr TypeSet kInputs = {DType::kFloat32, DType::kFloat16, DType::kBFloat16, DType::kInt32};

Result<DType> output_type(const QuantizeLinear& op, std::optional<DType> zero_point) {
  if (op.output_dtype == 0) return zero_point.value_or(DType::kUInt8);
  if (op.output_dtype < 0 || op.output_dtype >= kNumDTypes ||
      !kQuantizedTypes.contains(static_cast<DType>(op.output_dtype))) {
    return invalid_model("attribute 'output_dtype' is {}, wanted is one of {}", op.output_dtype,
                         kQuantizedTypes.to_string());
  }
  const auto type = static_cast<DType>(op.output_dtype);
  if (!zero_point || *zero_point == type) return type;
  return invalid_model("attribute 'output_dtype' is {}, the zero point has type {}",
                       dtype_name(type), dtype_name(*zero_point));
}

// The type in which x is divided: a floating one of 32 or 16 bits.
Result<DType> division_type(const QuantizeLinear& op, DType scale) {
  constexpr TypeSet kFloats = {DType::kFloat32, DType::kFloat16, DType::kBFloat16};
  if (op.precision == 0) return kFloats.contains(scale) ? scale : DType::kFloat32;
  if (op.precision < 0 || op.precision >= kNumDTypes ||
      !kFloats.contains(static_cast<DType>(op.precision))) {
    return invalid_model("attribute 'precision' is {}, wanted is one of {}", op.precision,
                         kFloats.to_string());
  }
  return static_cast<DType>(op.precision);
}

Status infer(const QuantizeLinear& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, kInputs));
  FERRY_ASSIGN_OR_RETURN(const Type scale, c.tensor(1, kInputs | TypeSet{DType::kFloat8E8M0}));
  std::optional<DType> zero_point;
  if (c.has_input(2)) {
    FERRY_ASSIGN_OR_RETURN(const Type t, c.tensor(2, kQuantizedTypes));
    zero_point = t.dtype;
  }
  FERRY_ASSIGN_OR_RETURN(const DType type, output_type(op, zero_point));
  FERRY_RETURN_IF_ERROR(division_type(op, scale.dtype).status());
  FERRY_RETURN_IF_ERROR(check_granularity(x, scale, op.axis, op.block_size));
  c.set_tensor(0, type, x.shape);
  return {};
}

float divide(DType type, float x, float scale) {
  switch (type) {
    case DType::kFloat16:
      return half(float(half(x)) / float(half(scale)));
    case DType::kBFloat16:
      return bfloat16(float(bfloat16(x)) / float(bfloat16(scale)));
    default:
      return x / scale;
  }
}

Status eval(const QuantizeLinear& op, EvalContext& c) {
  const Tensor &x = c.input(0), &scale = c.input(1);
  std::optional<DType> zero_type;
  WorkingArray<double> zero_points;
  if (c.has_input(2)) {
    zero_type = c.input(2).dtype();
    if (c.input(2).count() != scale.count()) {
      return shape_mismatch("the zero point is {} for a scale {}", c.input(2).describe(),
                            scale.describe());
    }
    FERRY_ASSIGN_OR_RETURN(zero_points, number_contents(c, c.input(2)));
  }
  FERRY_ASSIGN_OR_RETURN(const DType type, output_type(op, zero_type));
  FERRY_ASSIGN_OR_RETURN(const DType precision, division_type(op, scale.dtype()));
  FERRY_ASSIGN_OR_RETURN(const Granularity g, Granularity::make(x, scale, op.axis, op.block_size));
  FERRY_ASSIGN_OR_RETURN(const auto scales, number_contents(c, scale));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, type, x.dims()));
  if (x.count() == 0) return {};
  FERRY_ASSIGN_OR_RETURN(QuantizedWriter writer, QuantizedWriter::make(y, op.saturate, c.budget()));
  const Status walked = visit_numeric(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    for (int64_t u = 0; u < g.runs(); ++u) {
      const Granularity::Run run = g.run(u);
      for (int64_t i = 0; i < run.n; ++i) {
        const int64_t at = run.begin + i;
        if (at % kNumbersAtOnce == 0) FERRY_RETURN_IF_ERROR(c.poll());
        const auto s = static_cast<size_t>(run.scale + i * run.step);
        const float v = divide(precision, static_cast<float>(compute_t<T>(x.data<T>()[at])),
                               static_cast<float>(scales[s]));
        writer.put(at, double(v), zero_points.empty() ? 0 : zero_points[s]);
      }
    }
    return {};
  });
  FERRY_RETURN_IF_ERROR(walked);
  writer.finish();
  return {};
}

}  // namespace

void register_quantize_linear(OpRegistry& r) {
  r.op<QuantizeLinear>("QuantizeLinear")
      .since(28)
      .inputs(2, 3)
      .attr("axis", &QuantizeLinear::axis)
      .attr("block_size", &QuantizeLinear::block_size)
      .attr("output_dtype", &QuantizeLinear::output_dtype)
      .attr("precision", &QuantizeLinear::precision)
      .attr("saturate", &QuantizeLinear::saturate)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
