// SPDX-License-Identifier: Apache-2.0
// QuantizeLinear and DequantizeLinear between f32 and 8-bit integers (i32 too, from), per tensor or
// per position of an axis.
#include "base/status.h"
#include "kernels/typed/typed.h"
#include "ops/quantization/dequantize_linear.h"
#include "ops/quantization/granularity.h"
#include "ops/quantization/quantize_linear.h"
#include "ops_cpu/parallel.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

// What is neither is left to the reference, which also has the errors.
bool fits(const StepContext& c, const Granularity& g) {
  const int64_t count = c.input(1).count();
  const bool zeros_fit = !c.has_input(2) || c.input(2).count() == count;
  return zeros_fit && (count == 1 || (count == g.length() && g.inner() > 1));
}

int32_t zero_of(const StepContext& c, int64_t i) {
  if (!c.has_input(2)) return 0;
  const Tensor& t = c.input(2);
  switch (t.dtype()) {
    case DType::kUInt8:
      return t.data<uint8_t>()[i];
    case DType::kInt8:
      return t.data<int8_t>()[i];
    default:
      return t.data<int32_t>()[i];
  }
}

// Calls row(begin, n, scale, zero point) for pieces that cover x.
template <class Row>
void for_pieces(StepContext& c, const Granularity& g, const Row& row) {
  const bool single = c.input(1).count() == 1;
  const int64_t count = c.input(0).count();
  const bool worthwhile = count >= kMinParallelValues;
  const auto* scales = c.input(1).data<float>();
  if (single) {
    parallel_range(c.team(), count, worthwhile, [&](int64_t from, int64_t to, int) {
      row(from, to - from, scales[0], zero_of(c, 0));
    });
    return;
  }
  parallel_range(c.team(), g.outer() * g.length(), worthwhile, [&](int64_t u0, int64_t u1, int) {
    for (int64_t u = u0; u < u1; ++u) {
      const int64_t k = u % g.length();
      row(u * g.inner(), g.inner(), scales[k], zero_of(c, k));
    }
  });
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
    if (!fits(c, g) || x.count() == 0) return op_.def().eval(op_, c);
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, to_, x.dims()));
    for_pieces(c, g, [&](int64_t begin, int64_t n, float scale, int32_t zero) {
      row_(x.data<float>() + begin, y.data<uint8_t>() + begin, n, scale, static_cast<float>(zero));
    });
    return {};
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
    if (!fits(c, g) || x.count() == 0) return op_.def().eval(op_, c);
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, DType::kFloat32, x.dims()));
    const int64_t element = dtype_bits(x.dtype()) / 8;
    const auto* from = static_cast<const char*>(x.raw());
    for_pieces(c, g, [&](int64_t begin, int64_t n, float scale, int32_t zero) {
      row_(from + begin * element, y.data<float>() + begin, n, scale, zero);
    });
    return {};
  }

 private:
  Op op_;
  DequantizeRow row_;
};

Result<KernelOffer> make_quantize(const KernelRequest& request) {
  const auto* op = request.node.op.as<QuantizeLinear>();
  const DType to = request.output_type(0).dtype;
  const QuantizeRow row = typed_kernels(request.isa).quantize(to);
  const bool plain = op->block_size == 0 &&
                     (op->precision == 0 || op->precision == static_cast<int64_t>(DType::kFloat32));
  if (row == nullptr || !plain || request.type(0).dtype != DType::kFloat32 ||
      request.type(1).dtype != DType::kFloat32) {
    return KernelOffer(std::string("not f32 to 8 bits, or in blocks"));
  }
  return KernelOffer(std::make_unique<QuantizeStep>(request.node.op, to, row));
}

Result<KernelOffer> make_dequantize(const KernelRequest& request) {
  const DequantizeRow row = typed_kernels(request.isa).dequantize(request.type(0).dtype);
  if (row == nullptr || request.node.op.as<DequantizeLinear>()->block_size != 0 ||
      request.type(1).dtype != DType::kFloat32 || request.output_type(0).dtype != DType::kFloat32) {
    return KernelOffer(std::string("not 8 bits or i32 to f32, or in blocks"));
  }
  return KernelOffer(std::make_unique<DequantizeStep>(request.node.op, row));
}

}  // namespace

void register_quantize_linear_cpu(KernelRegistry& r) {
  r.add("QuantizeLinear", "quantize", make_quantize);
  r.add("DequantizeLinear", "dequantize", make_dequantize);
}

}  // namespace ferry
