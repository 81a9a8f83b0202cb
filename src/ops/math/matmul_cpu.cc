// SPDX-License-Identifier: Apache-2.0
// MatMul on the packed matrix product: weights are packed once; two activations (attention) are
// multiplied batch by batch, the right one packed on the way.
#include <algorithm>

#include "base/status.h"
#include "kernels/gemm/gemm_paused.h"
#include "ops/math/matmul.h"
#include "ops/math/matmul_geometry.h"
#include "ops_cpu/matrix_product.h"
#include "ops_cpu/parallel.h"
#include "ops_cpu/pause_of.h"
#include "ops_cpu/typed_product.h"

namespace ferry {
namespace {

Result<KernelOffer> make_weights_kernel(const KernelRequest& request, const FusedAnchor& anchor) {
  if (!request.outputs_planned) return KernelOffer(std::string("output size depends on data"));
  const Type& a = request.type(static_cast<size_t>(anchor.inputs[0]));
  const Tensor* b = request.constant(static_cast<size_t>(anchor.inputs[1]));
  if (a.dtype != DType::kFloat32) return KernelOffer(std::string("not f32"));
  if (b == nullptr || b->rank() != 2) return KernelOffer(std::string("b is no constant matrix"));
  if (!a.has_rank() || a.rank() < 1) return KernelOffer(std::string("rank of a is not known"));
  const GemmKernels& kernels = gemm_kernels(request.isa);
  const bool swapped = anchor.anchor->op.as<MatMul>()->trans_b;
  const int64_t k = b->dim(swapped ? 1 : 0), n = b->dim(swapped ? 0 : 1);
  FERRY_ASSIGN_OR_RETURN(
      PackedMatrix packed,
      pack_matrix(request, static_cast<size_t>(anchor.inputs[1]), kernels,
                  {.k = k, .n = n, .row_stride = swapped ? 1 : n, .col_stride = swapped ? k : 1}));
  return KernelOffer(make_matrix_step(request.isa, std::move(packed), {}, anchor));
}

// a [..., m, k] times b [..., k, n], both computed; batch dims broadcast. A vector is a matrix of
// one row (a) or one column (b) that the result does not show.
class BatchKernel final : public StepKernel {
 public:
  BatchKernel(const GemmKernels& kernels, bool exact)
      : kernels_(kernels), chain_(exact ? kExactChain : 0) {}
  std::string name() const override { return "gemm_f32_batched"; }

  Status run(StepContext& c) const override {
    FERRY_ASSIGN_OR_RETURN(const MatMulSizes sizes, matmul_sizes(c.input(0), c.input(1)));
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.planned_output(0));
    if (y.count() == 0) return {};
    const int64_t m = sizes.m, k = sizes.k, n = sizes.n;
    const Tensor a = as_matrix(c.input(0), {1, k}), b = as_matrix(c.input(1), {k, 1});
    if (c.input(0).rank() == 1 || c.input(1).rank() == 1) {
      Dims dims = sizes.batch;
      dims.push_back(m);
      dims.push_back(n);
      y = y.reshaped(dims);
    }
    const int64_t batches = y.count() / (m * n);
    Team& team = c.team();
    // Rows of one panel's width lie as packed ones do.
    const bool as_packed = n == kernels_.nr || n == kernels_.lanes;
    if (!as_packed && k > 0 && m <= kPasses * kernels_.wide_rows &&
        k <= (chain_ > 0 ? chain_ : kUnbrokenDepth)) {
      run_few_rows(c, a, b, y, m, k, n);
      return {};
    }
    const bool across = batches >= team.size();
    const Pause pause = pause_of(c.team());
    FERRY_RETURN_IF_ERROR(c.reserve_scratch(
        across ? team.size() : 1, gemm_packed_size(kernels_, k, n) * int64_t{sizeof(float)}));
    const auto pack = [&](const float* matrix, float* packed) {
      if (k > n) {
        team.in_slices(0, k, kPackedRows, [&](int64_t from, int64_t to) {
          kernels_.pack_b(matrix + from * n, n, 1, to - from, n, 0, n, from, k, packed);
        });
      } else {
        team.in_slices(0, n, kernels_.nr, [&](int64_t from, int64_t to) {
          kernels_.pack_b(matrix, n, 1, k, n, from, to, 0, k, packed);
        });
      }
    };
    const auto product = [&](int64_t batch, float* packed) {
      const float* matrix = b.data<float>() + offset(b, y, batch) * k * n;
      if (!as_packed) pack(matrix, packed);
      GemmArgs args;
      args.m = m;
      args.n = n;
      args.k = k;
      args.a = a.data<float>() + offset(a, y, batch) * m * k;
      args.lda = k;
      args.packed_b = as_packed ? matrix : packed;
      args.c = y.data<float>() + batch * m * n;
      args.ldc = n;
      args.chain = chain_;
      return args;
    };
    if (!across) {
      for (int64_t i = 0; i < batches; ++i) {
        FERRY_RETURN_IF_ERROR(c.poll());
        run_product(kernels_, team, product(i, c.scratch<float>(0)));
      }
      return {};
    }
    static const GemmBlocking blocking = gemm_blocking();
    team.parallel(static_cast<int>(batches), [&](int part, int thread) {
      const GemmArgs args = product(part, c.scratch<float>(thread));
      // Slices are cut from the side with more register tiles.
      const bool by_rows = m / kernels_.mr >= n / kernels_.nr;
      team.in_slices(
          0, by_rows ? m : n, by_rows ? kernels_.mr : kernels_.nr, [&](int64_t from, int64_t to) {
            gemm_tile_paused(kernels_, blocking, args, by_rows ? from : 0, by_rows ? to : m,
                             by_rows ? 0 : from, by_rows ? n : to, pause);
          });
    });
    return {};
  }

 private:
  static Tensor as_matrix(const Tensor& x, const Dims& dims) {
    return x.rank() == 1 ? x.reshaped(dims) : x;
  }

  // b is read as it lies. Columns are cut into parts where there are too few products for the team.
  void run_few_rows(StepContext& c, const Tensor& a, const Tensor& b, Tensor& y, int64_t m,
                    int64_t k, int64_t n) const {
    constexpr int64_t kColumns = 512;
    const int64_t blocks = (n + kColumns - 1) / kColumns;
    parallel_range(c.team(), y.count() / (m * n) * blocks, y.count() * k >= kMinParallelWork,
                   [&](int64_t from, int64_t to, int) {
                     for (int64_t unit = from; unit < to; ++unit) {
                       const int64_t batch = unit / blocks, column = unit % blocks * kColumns;
                       GemmRows p = {.a = a.data<float>() + offset(a, y, batch) * m * k,
                                     .lda = k,
                                     .b = b.data<float>() + offset(b, y, batch) * k * n + column,
                                     .ldb = n,
                                     .k = k,
                                     .rows = 0,
                                     .cols = std::min(kColumns, n - column),
                                     .c = y.data<float>() + batch * m * n + column,
                                     .ldc = n};
                       for (int64_t row = 0; row < m; row += p.rows) {
                         p.rows = std::min<int64_t>(kernels_.wide_rows, m - row);
                         kernels_.few_rows(p);
                         p.a += p.rows * k, p.c += p.rows * n;
                       }
                     }
                   });
  }

  // Which matrix of `x` feeds matrix `batch` of y.
  static int64_t offset(const Tensor& x, const Tensor& y, int64_t batch) {
    int64_t at = 0, stride = 1;
    for (size_t from_end = 3; from_end <= y.rank(); ++from_end) {
      const int64_t size = y.dim(y.rank() - from_end);
      const int64_t index = batch % size;
      batch /= size;
      if (x.rank() < from_end) continue;
      const int64_t own = x.dim(x.rank() - from_end);
      if (own != 1) at += index * stride;
      stride *= own;
    }
    return at;
  }

  // Over a b that is not packed.
  static constexpr int64_t kPasses = 2;
  // Between two looks at the deadline: rows of b that are packed, and that a few rows of a read.
  static constexpr int64_t kPackedRows = 512, kUnbrokenDepth = 16 << 10;

  const GemmKernels& kernels_;
  const int64_t chain_;
};

Result<KernelOffer> make_batch_kernel(const KernelRequest& request) {
  if (!request.outputs_planned) return KernelOffer(std::string("output size depends on data"));
  const Type &a = request.type(0), &b = request.type(1);
  if (a.dtype != DType::kFloat32) return KernelOffer(std::string("not f32"));
  if (!a.has_rank() || !b.has_rank()) return KernelOffer(std::string("unknown rank"));
  if (request.node.op.as<MatMul>()->trans_b) {
    return KernelOffer(std::string("b is transposed"));
  }
  return KernelOffer(std::make_unique<BatchKernel>(gemm_kernels(request.isa), request.exact));
}

// Doubles and integers: stacks of matrices, vectors too.
class TypedKernel final : public StepKernel {
 public:
  TypedKernel(Product product, bool trans_b) : product_(product), trans_b_(trans_b) {}
  std::string name() const override { return "product_typed"; }
  Status run(StepContext& c) const override {
    const Tensor &a = c.input(0), &given = c.input(1);
    const bool swapped = trans_b_ && given.rank() == 2;
    const Tensor b = swapped ? given.reshaped({given.dim(1), given.dim(0)}) : given;
    FERRY_ASSIGN_OR_RETURN(const MatMulSizes s, matmul_sizes(a, b));
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, a.dtype(), s.out));
    if (y.count() == 0) return {};
    const int64_t element = dtype_bits(a.dtype()) / 8;
    ProductArgs args;
    args.m = s.m, args.n = s.n, args.k = s.k;
    args.a_row = s.k, args.a_col = 1, args.c_row = s.n;
    args.b_row = swapped ? 1 : s.n, args.b_col = swapped ? s.k : 1;
    const auto place = [&](int64_t batch, ProductArgs& p) {
      p.c = static_cast<char*>(y.raw()) + batch * s.m * s.n * element;
      int64_t at_a = 0, at_b = 0;
      for (size_t i = s.batch.size(); i-- > 0; batch /= s.batch[i]) {
        at_a += batch % s.batch[i] * s.a_strides[i];
        at_b += batch % s.batch[i] * s.b_strides[i];
      }
      p.a = static_cast<const char*>(a.raw()) + at_a * s.m * s.k * element;
      p.b = static_cast<const char*>(b.raw()) + at_b * s.k * s.n * element;
    };
    return typed_products(c, product_, element, s.batch.count(), args, place,
                          [](int64_t, int64_t, int64_t, int64_t, int64_t) {});
  }

 private:
  Product product_;
  bool trans_b_;
};

Result<KernelOffer> make_typed_kernel(const KernelRequest& request) {
  const Product product = product_kernels(request.isa).of(request.type(0).dtype);
  if (product == nullptr) return KernelOffer(std::string("neither f64 nor wide integers"));
  return KernelOffer(std::make_unique<TypedKernel>(product, request.node.op.as<MatMul>()->trans_b));
}

}  // namespace

void register_matmul_cpu(KernelRegistry& r) {
  add_anchor_kernel(r, "MatMul", "gemm_f32", make_weights_kernel);
  r.add("MatMul", "gemm_f32_batched", make_batch_kernel);
  r.add("MatMul", "product_typed", make_typed_kernel);
}

}  // namespace ferry
