// SPDX-License-Identifier: Apache-2.0
// Gemm on the packed matrix product: constant b, and c a constant row or absent.
#include "base/status.h"
#include "ops/math/gemm.h"
#include "ops_cpu/matrix_product.h"

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

}  // namespace

void register_gemm_cpu(KernelRegistry& r) { add_anchor_kernel(r, "Gemm", "gemm_f32", make); }

}  // namespace ferry
