// SPDX-License-Identifier: Apache-2.0
#include "ops/quantization/dequantize_linear.h"

#include <algorithm>

#include "ops/quantization/granularity.h"
#include "ops/quantization/number.h"
#include "ops/registry.h"

namespace ferry {
namespace {

constexpr TypeSet kInputs = kQuantizedTypes | TypeSet{DType::kInt32};
constexpr TypeSet kOutputs = {DType::kFloat32, DType::kFloat16, DType::kBFloat16};

Result<DType> output_type(const DequantizeLinear& op, DType scale) {
  if (op.output_dtype == 0) {
    if (kOutputs.contains(scale)) return scale;
    return invalid_model("a scale of type {} needs the attribute 'output_dtype'",
                         dtype_name(scale));
  }
  if (op.output_dtype < 0 || op.output_dtype >= kNumDTypes ||
      !kOutputs.contains(static_cast<DType>(op.output_dtype))) {
    return invalid_model("attribute 'output_dtype' is {}, wanted is one of {}", op.output_dtype,
                         kOutputs.to_string());
  }
  return static_cast<DType>(op.output_dtype);
}

Status infer(const DequantizeLinear& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, kInputs));
  FERRY_ASSIGN_OR_RETURN(const Type scale, c.tensor(1, kOutputs | TypeSet{DType::kFloat8E8M0}));
  if (c.has_input(2)) {
    FERRY_RETURN_IF_ERROR(c.tensor(2, kInputs).status());
    FERRY_RETURN_IF_ERROR(c.same_dtype(0, 2));
  }
  FERRY_ASSIGN_OR_RETURN(const DType type, output_type(op, scale.dtype));
  FERRY_RETURN_IF_ERROR(check_granularity(x, scale, op.axis, op.block_size));
  c.set_tensor(0, type, x.shape);
  return {};
}

Status eval(const DequantizeLinear& op, EvalContext& c) {
  const Tensor &x = c.input(0), &scale = c.input(1);
  WorkingArray<double> zero_points;
  if (c.has_input(2)) {
    if (c.input(2).count() != scale.count()) {
      return shape_mismatch("the zero point is {} for a scale {}", c.input(2).describe(),
                            scale.describe());
    }
    FERRY_ASSIGN_OR_RETURN(zero_points, number_contents(c, c.input(2)));
  } else {
    FERRY_ASSIGN_OR_RETURN(zero_points, WorkingArray<double>::filled(c, scale.count(), 0));
  }
  FERRY_ASSIGN_OR_RETURN(const DType type, output_type(op, scale.dtype()));
  FERRY_ASSIGN_OR_RETURN(const Granularity g, Granularity::make(x, scale, op.axis, op.block_size));
  FERRY_ASSIGN_OR_RETURN(const auto scales, number_contents(c, scale));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, type, x.dims()));
  if (x.count() == 0) return {};
  return visit_floating(type, [&]<class T>(TypeTag<T>) -> Status {
    double values[kNumbersAtOnce];
    int64_t read_from = 0, read_to = 0;  // what they are
    for (int64_t u = 0; u < g.runs(); ++u) {
      const Granularity::Run run = g.run(u);
      for (int64_t i = 0; i < run.n;) {
        const int64_t at = run.begin + i;
        if (at == read_to) {
          FERRY_RETURN_IF_ERROR(c.poll());
          read_from = at;
          read_to = std::min(x.count(), at + kNumbersAtOnce);
          FERRY_RETURN_IF_ERROR(read_numbers(x, read_from, read_to, values));
        }
        const int64_t n = std::min(run.n - i, read_to - at);
        const double* numbers = values + (at - read_from);
        const int64_t first = run.scale + i * run.step;
        const double *s = scales.data() + first, *zero = zero_points.data() + first;
        T* to = y.data<T>() + at;
        for (int64_t j = 0; j < n; ++j) {
          const auto difference = static_cast<float>(numbers[j] - zero[j * run.step]);
          to[j] = T(static_cast<compute_t<T>>(difference * static_cast<float>(s[j * run.step])));
        }
        i += n;
      }
    }
    return {};
  });
}

}  // namespace

void register_dequantize_linear(OpRegistry& r) {
  r.op<DequantizeLinear>("DequantizeLinear")
      .since(28)
      .inputs(2, 3)
      .attr("axis", &DequantizeLinear::axis)
      .attr("block_size", &DequantizeLinear::block_size)
      .attr("output_dtype", &DequantizeLinear::output_dtype)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
