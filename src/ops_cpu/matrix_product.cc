// SPDX-License-Identifier: Apache-2.0
#include "ops_cpu/matrix_product.h"

#include <algorithm>

#include "base/status.h"

namespace ferry {

Result<PackedMatrix> pack_matrix(const GemmKernels& kernels, const float* b, int64_t row_stride,
                                 int64_t col_stride, int64_t k, int64_t n, MemoryBudget* budget) {
  PackedMatrix packed;
  packed.k = k;
  packed.n = n;
  packed.bytes = static_cast<size_t>(gemm_packed_size(kernels, k, n)) * sizeof(float);
  FERRY_ASSIGN_OR_RETURN(packed.memory, allocate_buffer(packed.bytes, budget));
  gemm_pack_b(kernels, b, row_stride, col_stride, k, n, static_cast<float*>(packed.memory.get()));
  return packed;
}

void run_product(const GemmKernels& kernels, Team& team, const GemmArgs& args) {
  static const GemmBlocking blocking = gemm_blocking();
  if (args.m == 0 || args.n == 0) return;
  const int64_t work = args.m * args.n * std::max<int64_t>(args.k * args.taps, 1);
  const int64_t threads = team.size();
  if (threads == 1 || work < kMinParallelWork) {
    gemm_tile(kernels, blocking, args, 0, args.m, 0, args.n);
    return;
  }
  // Split the side with more register tiles; a few parts per thread even out a slow one.
  const int64_t row_tiles = (args.m + kernels.mr - 1) / kernels.mr;
  const int64_t col_tiles = (args.n + kernels.nr - 1) / kernels.nr;
  const bool by_rows = row_tiles >= 2 * threads || row_tiles >= col_tiles;
  const int64_t tiles = by_rows ? row_tiles : col_tiles;
  const int64_t parts = std::min(tiles, by_rows && row_tiles >= 8 * threads ? 2 * threads : threads);
  const int64_t unit = by_rows ? kernels.mr : kernels.nr;
  const int64_t end = by_rows ? args.m : args.n;
  team.parallel(static_cast<int>(parts), [&](int part, int) {
    const int64_t from = std::min(end, tiles * part / parts * unit);
    const int64_t to = std::min(end, tiles * (part + 1) / parts * unit);
    if (by_rows) gemm_tile(kernels, blocking, args, from, to, 0, args.n);
    else gemm_tile(kernels, blocking, args, 0, args.m, from, to);
  });
}

namespace {

class MatrixStep final : public StepKernel {
 public:
  MatrixStep(const GemmKernels& kernels, PackedMatrix weights, std::vector<float> bias,
             FusedAnchor anchor)
      : kernels_(kernels),
        weights_(std::move(weights)),
        bias_(std::move(bias)),
        anchor_(std::move(anchor)) {}

  std::string name() const override { return "gemm_f32"; }
  bool wants_bodies() const override { return false; }
  bool reads_input(size_t i) const override {
    const int in = static_cast<int>(i);
    return in == anchor_.inputs[0] || in == anchor_.residual;
  }
  size_t packed_bytes() const override { return weights_.bytes; }
  int in_place_input() const override { return anchor_.residual; }

  Status run(StepContext& c) const override {
    const Tensor& a = c.input(static_cast<size_t>(anchor_.inputs[0]));
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.planned_output(0));
    GemmArgs args;
    args.k = weights_.k;
    args.n = weights_.n;
    args.m = y.count() / std::max<int64_t>(args.n, 1);
    args.a = a.data<float>();
    args.lda = args.k;
    args.packed_b = weights_.data();
    args.c = y.data<float>();
    args.ldc = args.n;
    args.bias = bias_.empty() ? nullptr : bias_.data();
    if (anchor_.residual >= 0) {
      const auto* r = c.input(static_cast<size_t>(anchor_.residual)).data<float>();
      args.accumulate = r == args.c;
      if (!args.accumulate) args.residual = r;
      args.ldr = args.n;
    }
    args.lo = anchor_.lo;
    args.hi = anchor_.hi;
    run_product(kernels_, c.team(), args);
    return {};
  }

 private:
  const GemmKernels& kernels_;
  PackedMatrix weights_;
  std::vector<float> bias_;
  FusedAnchor anchor_;
};

}  // namespace

std::unique_ptr<StepKernel> make_matrix_step(const GemmKernels& kernels, PackedMatrix weights,
                                             std::vector<float> bias, FusedAnchor anchor) {
  return std::make_unique<MatrixStep>(kernels, std::move(weights), std::move(bias),
                                      std::move(anchor));
}

}  // namespace ferry
