// SPDX-License-Identifier: Apache-2.0
// QuantizeLinear and DequantizeLinear between f32 and integers of 8 and 16 bits (i32 too, from).
#include "base/status.h"
#include "kernels/typed/typed.h"
#include "ops/in_ranges.h"
#include "ops/quantization/dequantize_linear.h"
#include "ops/quantization/granularity.h"
#include "ops/quantization/quantize_linear.h"
#include "ops_cpu/parallel.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

// What does not is left to the reference, which has the errors.
bool fits(const StepContext& c) {
  return !c.has_input(2) || c.input(2).count() == c.input(1).count();
}

int32_t zero_at(const Tensor& t, int64_t i) {
  switch (t.dtype()) {
    case DType::kUInt8:
      return t.data<uint8_t>()[i];
    case DType::kInt8:
      return t.data<int8_t>()[i];
    case DType::kUInt16:
      return t.data<uint16_t>()[i];
    case DType::kInt16:
      return t.data<int16_t>()[i];
    default:
      return t.data<int32_t>()[i];
  }
}

// Elements of a run between two looks at the deadline.
constexpr int64_t kSlice = 64 << 10;

// Calls row(begin, n, scales, zero points, step) for pieces that cover x.
template <class Row>
Status for_pieces(StepContext& c, const Granularity& g, const Row& row) {
  const int64_t count = c.input(0).count(), scales = c.input(1).count();
  FERRY_RETURN_IF_ERROR(c.reserve_scratch(1, scales * int64_t{sizeof(int32_t)}));
  auto* zero = c.scratch<int32_t>(0);
  FERRY_RETURN_IF_ERROR(in_ranges(c, scales, 1, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i) zero[i] = c.has_input(2) ? zero_at(c.input(2), i) : 0;
  }));
  const bool worthwhile = count >= kMinParallelValues;
  const auto* scale = c.input(1).data<float>();
  if (g.runs() == 1 && g.run(0).step == 0) {
    parallel_range(c.team(), count, worthwhile,
                   [&](int64_t from, int64_t to, int) { row(from, to - from, scale, zero, 0); });
    return {};
  }
  parallel_range(c.team(), g.runs(), worthwhile, [&](int64_t u0, int64_t u1, int) {
    for (int64_t u = u0; u < u1; ++u) {
      const Granularity::Run r = g.run(u);
      c.team().in_slices(0, r.n, kSlice, [&](int64_t from, int64_t to) {
        const int64_t at = r.scale + from * r.step;
        row(r.begin + from, to - from, scale + at, zero + at, r.step);
      });
    }
  });
  return {};
}

class QuantizeStep final : public StepKernel {
 public:
  QuantizeStep(Op op, DType to, QuantizeRow row) : op_(std::move(op)), to_(to), row_(row) {}
  std::string name() const override { return "quantize"; }
  Status run(StepContext& c) const override {
    const auto& op = *op_.as<QuantizeLinear>();
    const Tensor& x = c.input(0);
    FERRY_ASSIGN_OR_RETURN(const Granularity g,
                           Granularity::make(x, c.input(1), op.axis, op.block_size));
    if (!fits(c) || x.count() == 0) return op_.def().eval(op_, c);
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, to_, x.dims()));
    const int64_t element = dtype_bits(to_) / 8;
    auto* to = static_cast<char*>(y.raw());
    return for_pieces(
        c, g, [&](int64_t begin, int64_t n, const float* scale, const int32_t* zero, int64_t step) {
          row_(x.data<float>() + begin, to + begin * element, n, scale, zero, step);
        });
  }

 private:
  Op op_;
  DType to_;
  QuantizeRow row_;
};

class DequantizeStep final : public StepKernel {
 public:
  DequantizeStep(Op op, DequantizeRow row) : op_(std::move(op)), row_(row) {}
  std::string name() const override { return "dequantize"; }
  Status run(StepContext& c) const override {
    const auto& op = *op_.as<DequantizeLinear>();
    const Tensor& x = c.input(0);
    FERRY_ASSIGN_OR_RETURN(const Granularity g,
                           Granularity::make(x, c.input(1), op.axis, op.block_size));
    if (!fits(c) || x.count() == 0) return op_.def().eval(op_, c);
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, DType::kFloat32, x.dims()));
    const int64_t element = dtype_bits(x.dtype()) / 8;
    const auto* from = static_cast<const char*>(x.raw());
    return for_pieces(
        c, g, [&](int64_t begin, int64_t n, const float* scale, const int32_t* zero, int64_t step) {
          row_(from + begin * element, y.data<float>() + begin, n, scale, zero, step);
        });
  }

 private:
  Op op_;
  DequantizeRow row_;
};

Result<KernelOffer> make_quantize(const KernelRequest& request) {
  const auto* op = request.node.op.as<QuantizeLinear>();
  const DType to = request.output_type(0).dtype;
  const QuantizeRow row = typed_kernels(request.isa).quantize(to);
  const bool plain = op->precision == 0 || op->precision == static_cast<int64_t>(DType::kFloat32);
  if (row == nullptr || !plain || request.type(0).dtype != DType::kFloat32 ||
      request.type(1).dtype != DType::kFloat32) {
    return KernelOffer(std::string("not f32 to 8 or 16 bits"));
  }
  return KernelOffer(std::make_unique<QuantizeStep>(request.node.op, to, row));
}

Result<KernelOffer> make_dequantize(const KernelRequest& request) {
  const DequantizeRow row = typed_kernels(request.isa).dequantize(request.type(0).dtype);
  if (row == nullptr || request.type(1).dtype != DType::kFloat32 ||
      request.output_type(0).dtype != DType::kFloat32) {
    return KernelOffer(std::string("not 8 or 16 bits or i32 to f32"));
  }
  return KernelOffer(std::make_unique<DequantizeStep>(request.node.op, row));
}

}  // namespace

void register_quantize_linear_cpu(KernelRegistry& r) {
  r.add("QuantizeLinear", "quantize", make_quantize);
  r.add("DequantizeLinear", "dequantize", make_dequantize);
}

}  // namespace ferry
