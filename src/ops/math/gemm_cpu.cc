// SPDX-License-Identifier: Apache-2.0
// Gemm on the packed matrix product: constant b, and c a constant row or absent. And of doubles and
// integers.
#include "base/status.h"
#include "ops/arguments.h"
#include "ops/math/gemm.h"
#include "ops/walk.h"
#include "ops_cpu/matrix_product.h"
#include "ops_cpu/typed_product.h"

namespace ferry {
namespace {

// beta * c as one value per column; false when c has rows.
bool read_bias(const Tensor& c, int64_t n, float beta, std::vector<float>& bias) {
  const bool row = c.rank() > 0 && c.dim(c.rank() - 1) == n && c.count() == n;
  if (c.count() != 1 && !row) return false;
  for (int64_t j = 0; j < n; ++j) bias.push_back(beta * c.data<float>()[row ? j : 0]);
  return true;
}

Result<KernelOffer> make(const KernelRequest& request, const FusedAnchor& anchor) {
  const Gemm& op = *anchor.anchor->op.as<Gemm>();
  if (!request.outputs_planned) return KernelOffer(std::string("output size depends on data"));
  if (request.type(static_cast<size_t>(anchor.inputs[0])).dtype != DType::kFloat32) {
    return KernelOffer(std::string("not f32"));
  }
  if (op.trans_a) return KernelOffer(std::string("a is transposed"));
  const Tensor* b = request.constant(static_cast<size_t>(anchor.inputs[1]));
  if (b == nullptr || b->rank() != 2) return KernelOffer(std::string("b is no constant matrix"));
  const int64_t k = b->dim(op.trans_b ? 1 : 0), n = b->dim(op.trans_b ? 0 : 1);
  std::vector<float> bias;
  if (anchor.inputs.size() > 2 && anchor.inputs[2] >= 0 && op.beta != 0) {
    const Tensor* c = request.constant(static_cast<size_t>(anchor.inputs[2]));
    if (c == nullptr) return KernelOffer(std::string("c is not constant"));
    if (!read_bias(*c, n, op.beta, bias)) return KernelOffer(std::string("c is no row"));
  }
  const GemmKernels& kernels = gemm_kernels(request.isa);
  FERRY_ASSIGN_OR_RETURN(PackedMatrix packed,
                         pack_matrix(request, static_cast<size_t>(anchor.inputs[1]), kernels,
                                     {.k = k,
                                      .n = n,
                                      .row_stride = op.trans_b ? 1 : n,
                                      .col_stride = op.trans_b ? k : 1,
                                      .factor = op.alpha}));
  return KernelOffer(make_matrix_step(request.isa, std::move(packed), std::move(bias), anchor));
}

class TypedKernel final : public StepKernel {
 public:
  TypedKernel(Product product, Op op) : product_(product), op_(std::move(op)) {}
  std::string name() const override { return "product_typed"; }
  Status run(StepContext& c) const override {
    const Gemm& op = *op_.as<Gemm>();
    const Tensor &a = c.input(0), &b = c.input(1);
    if (a.rank() != 2 || b.rank() != 2) return op_.def().eval(op_, c);
    ProductArgs args;
    args.m = a.dim(op.trans_a ? 1 : 0), args.k = a.dim(op.trans_a ? 0 : 1);
    args.n = args.c_row = b.dim(op.trans_b ? 0 : 1);
    args.a_row = op.trans_a ? 1 : args.k, args.a_col = op.trans_a ? args.m : 1;
    args.b_row = op.trans_b ? 1 : args.n, args.b_col = op.trans_b ? args.k : 1;
    const Dims dims = {args.m, args.n};
    bool fits = args.k == b.dim(op.trans_b ? 1 : 0) && dims.count() > 0;
    if (c.has_input(2)) {
      const auto all = broadcast_dims(c.input(2).dims(), dims);
      fits = fits && all.ok() && *all == dims;
    }
    if (!fits) return op_.def().eval(op_, c);
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, a.dtype(), dims));
    args.a = a.raw(), args.b = b.raw(), args.c = y.raw();
    const Tensor* bias = c.has_input(2) ? &c.input(2) : nullptr;
    return typed_products(
        c, product_, dtype_bits(y.dtype()) / 8, 1, args, [](int64_t, ProductArgs&) {},
        [&](int64_t, int64_t r0, int64_t r1, int64_t c0, int64_t c1) {
          finish_part(op, bias, y, r0, r1, c0, c1);
        });
  }

 private:
  static void finish_part(const Gemm& op, const Tensor* bias, Tensor& y, int64_t r0, int64_t r1,
                          int64_t c0, int64_t c1) {
    if (y.dtype() == DType::kFloat64) {
      const auto alpha = static_cast<double>(op.alpha), beta = static_cast<double>(op.beta);
      each<double>(bias, y, r0, r1, c0, c1, [=](double sum, const double* extra) {
        return extra == nullptr ? alpha * sum : alpha * sum + beta * *extra;
      });
    } else if (bias != nullptr && dtype_bits(y.dtype()) == 32) {
      each<uint32_t>(bias, y, r0, r1, c0, c1, [](auto sum, const auto* e) { return sum + *e; });
    } else if (bias != nullptr) {
      each<uint64_t>(bias, y, r0, r1, c0, c1, [](auto sum, const auto* e) { return sum + *e; });
    }
  }

  // y = f(y, c) on a part; c, if any, broadcasts.
  template <class T, class F>
  static void each(const Tensor* bias, Tensor& y, int64_t r0, int64_t r1, int64_t c0, int64_t c1,
                   F f) {
    const Dims strides = bias == nullptr ? Dims{0, 0} : broadcast_strides(bias->dims(), y.dims());
    const auto* extra = bias == nullptr ? nullptr : static_cast<const T*>(bias->raw());
    for (int64_t r = r0; r < r1; ++r) {
      T* row = static_cast<T*>(y.raw()) + r * y.dim(1);
      for (int64_t j = c0; j < c1; ++j) {
        row[j] = f(row[j], extra == nullptr ? extra : extra + r * strides[0] + j * strides[1]);
      }
    }
  }

  Product product_;
  Op op_;
};

Result<KernelOffer> make_typed(const KernelRequest& request) {
  const DType type = request.type(0).dtype;
  const Product product = product_kernels(request.isa).of(type);
  if (product == nullptr) return KernelOffer(std::string("neither f64 nor wide integers"));
  const Gemm& op = *request.node.op.as<Gemm>();
  if (type != DType::kFloat64 && (op.alpha != 1 || op.beta != 1)) {
    return KernelOffer(std::string("integers with factors"));
  }
  return KernelOffer(std::make_unique<TypedKernel>(product, request.node.op));
}

}  // namespace

void register_gemm_cpu(KernelRegistry& r) {
  add_anchor_kernel(r, "Gemm", "gemm_f32", make);
  r.add("Gemm", "product_typed", make_typed);
}

}  // namespace ferry
