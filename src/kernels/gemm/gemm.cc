// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/gemm.h"

#include <algorithm>

namespace ferry {

FERRY_DECLARE_ISA_TABLE(GemmKernels, kGemm)

const GemmKernels& gemm_kernels(Isa isa) noexcept { return FERRY_SELECT_ISA_TABLE(isa, kGemm); }

int64_t gemm_packed_size(const GemmKernels& kernels, int64_t k_total, int64_t n) noexcept {
  return k_total * ((n + kernels.lanes - 1) / kernels.lanes * kernels.lanes);
}

void gemm_pack_b(const GemmKernels& kernels, const float* b, int64_t row_stride, int64_t col_stride,
                 int64_t k, int64_t n, float* packed) noexcept {
  kernels.pack_b(b, row_stride, col_stride, k, n, 0, n, 0, k, packed);
}

GemmBlocking gemm_blocking() noexcept {
  const CpuInfo& cpu = cpu_info();
  const auto l1 = static_cast<int64_t>(cpu.l1d_bytes), l2 = static_cast<int64_t>(cpu.l2_bytes);
  return {.panel_bytes = std::max(l1 * 2 / 3, l2 / 8), .rows_bytes = l2 / 2};
}

namespace {

// The reduction cut into chunks: several whole taps, or a part of one.
struct Chunks {
  int64_t taps_each;  // 1 when a tap is cut
  int64_t k_each;
};

Chunks chunk_reduction(const GemmKernels& kernels, const GemmBlocking& blocking,
                       const GemmArgs& args) {
  const int64_t depth =
      std::max<int64_t>(blocking.panel_bytes / (kernels.nr * int64_t{sizeof(float)}), 64);
  if (args.k * args.taps <= depth * 3 / 2) return {args.taps, args.k};
  if (args.k <= depth) {
    const int64_t most = depth / args.k, parts = (args.taps + most - 1) / most;
    return {(args.taps + parts - 1) / parts, args.k};
  }
  const int64_t parts = (args.k + depth - 1) / depth;
  return {1, (args.k + parts - 1) / parts};
}

// One panel of columns from n on and one block of rows, chunk by chunk: the first starts from the
// bias (and C, when accumulating), the later ones from the sums in C, the last one applies the rest
// of the epilogue.
void run_chunks(const GemmKernels& kernels, const GemmArgs& args, Chunks chunks, int64_t first_out,
                int64_t n, GemmPanel& p) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const int64_t width = p.cols > kernels.lanes ? kernels.nr : kernels.lanes;
  const float* b = args.packed_b + n * args.k * args.taps;
  p.c = args.c + first_out * args.ldc + n;
  p.bias = args.bias == nullptr ? nullptr : args.bias + n;
  p.load_c = args.accumulate;
  p.tap_begin = p.k_begin = 0;
  while (true) {
    p.tap_end = std::min(p.tap_begin + chunks.taps_each, args.taps);
    p.k_end = std::min(p.k_begin + chunks.k_each, args.k);
    const bool finish = p.tap_end == args.taps && p.k_end == args.k;
    p.b = b + (p.tap_begin * args.k + p.k_begin) * width;
    p.residual =
        !finish || args.residual == nullptr ? nullptr : args.residual + first_out * args.ldr + n;
    p.lo = finish ? args.lo : -kInf;
    p.hi = finish ? args.hi : kInf;
    kernels.panel(p);
    if (finish) return;
    p.load_c = true;
    p.bias = nullptr;
    const bool tap_done = p.k_end == args.k;
    p.k_begin = tap_done ? 0 : p.k_end;
    p.tap_begin = tap_done ? p.tap_end : p.tap_begin;
  }
}

}  // namespace

void gemm_tile(const GemmKernels& kernels, const GemmBlocking& blocking, const GemmArgs& args,
               int64_t m0, int64_t m1, int64_t n0, int64_t n1) noexcept {
  const int64_t k_total = args.k * args.taps;
  const int64_t row_bytes = std::max<int64_t>(k_total, 1) * int64_t{sizeof(float)};
  const int64_t block_rows = std::max<int64_t>(blocking.rows_bytes / row_bytes, 4 * kernels.mr);
  const Chunks chunks = chunk_reduction(kernels, blocking, args);
  const bool wide = m1 - m0 <= kernels.wide_rows && args.k_offsets == nullptr;
  const int64_t step_n = wide ? kernels.nr * kernels.wide_panels : kernels.nr;

  GemmPanel p = {};
  p.lda = args.lda;
  p.k_offsets = args.k_offsets;
  p.taps = args.taps;
  p.ldc = args.ldc;
  p.ldr = args.ldr;
  p.a_offset = args.a_offset;
  p.panel_stride = k_total * kernels.nr;
  for (int64_t m = m0; m < m1; m += p.rows) {
    p.rows = std::min(block_rows, m1 - m);
    p.a = args.a == nullptr ? nullptr : args.a + m * args.lda;
    p.a_rows = args.a_rows == nullptr ? nullptr : args.a_rows + m * args.taps;
    p.out_index = args.out_index == nullptr ? nullptr : args.out_index + m;
    const int64_t first_out = args.out_index == nullptr ? m : 0;
    for (int64_t n = n0; n < n1; n += p.cols) {
      p.cols = std::min(step_n, n1 - n);
      // A wide tile takes full panels only.
      if (p.cols > kernels.nr && p.cols <= step_n - kernels.lanes) p.cols = kernels.nr;
      run_chunks(kernels, args, chunks, first_out, n, p);
    }
  }
}

}  // namespace ferry
