// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/gemm.h"

#include <algorithm>

#include "kernels/gemm/gemm_paused.h"

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
  return {.panel_bytes = std::max(l1 * 2 / 3, l2 * 3 / 32),
          .rows_bytes = l2 / 2,
          .far_bytes = static_cast<int64_t>(cpu.l3_bytes) / 2};
}

namespace {

// Rows of a panel of B that stay in the cache while all rows of a block pass over them.
int64_t chunk_depth(const GemmKernels& kernels, const GemmBlocking& blocking, int64_t chain) {
  if (chain > 0) return chain;
  return std::max<int64_t>(blocking.panel_bytes / (kernels.nr * int64_t{sizeof(float)}), 64);
}

// The reduction cut into chunks: several whole taps, or a part of one.
struct Chunks {
  int64_t taps_each;  // 1 when a tap is cut
  int64_t k_each;
};

Chunks chunk_reduction(const GemmKernels& kernels, const GemmBlocking& blocking,
                       const GemmArgs& args) {
  if (gemm_visits_once(kernels, blocking, args.chain, args.k * args.taps))
    return {args.taps, args.k};
  const int64_t depth = chunk_depth(kernels, blocking, args.chain);
  if (args.k <= depth) {
    const int64_t most = depth / args.k, parts = (args.taps + most - 1) / most;
    return {(args.taps + parts - 1) / parts, args.k};
  }
  const int64_t parts = (args.k + depth - 1) / depth;
  return {1, (args.k + parts - 1) / parts};
}

// All panels of columns [n0, n1) and one block of rows, one chunk of the reduction after the other:
// a chunk of the rows stays in the cache while the panels pass by once. The first chunk starts from
// the bias (and C, when accumulating), later ones from the sums in C (or are added to them), the
// last one applies the rest of the epilogue.
class Block {
 public:
  Block(const GemmKernels& kernels, const GemmArgs& args, Chunks chunks, int64_t panels,
        const Pause& pause, GemmPanel& p)
      : kernels_(kernels),
        args_(args),
        chunks_(chunks),
        pause_(pause),
        p_(p),
        step_(kernels.nr * panels) {}

  // False when it left off.
  bool run(int64_t first_out, int64_t n0, int64_t n1) {
    bool first = true;
    p_.tap_begin = p_.k_begin = 0;
    while (true) {
      p_.tap_end = std::min(p_.tap_begin + chunks_.taps_each, args_.taps);
      p_.k_end = std::min(p_.k_begin + chunks_.k_each, args_.k);
      const bool finish = p_.tap_end == args_.taps && p_.k_end == args_.k;
      p_.load_c = first ? args_.accumulate : args_.chain == 0;
      p_.add_c = !first && args_.chain > 0;
      for (int64_t n = n0; n < n1; n += p_.cols) {
        p_.cols = std::min(step_, n1 - n);
        // A wide tile takes full panels only.
        if (p_.cols > kernels_.nr && p_.cols <= step_ - kernels_.lanes) p_.cols = kernels_.nr;
        // Past n1 too: the caller comes back for it.
        p_.next_b = n + p_.cols < args_.n ? panel_at(n + p_.cols) : nullptr;
        run_panel(first_out, n, first, finish);
      }
      if (finish) return true;
      work_ += p_.rows * (n1 - n0) * chunks_.taps_each * chunks_.k_each;
      if (work_ > kWork) {
        work_ = 0;
        if (pause_.leaves_off != nullptr && pause_.leaves_off(pause_.of)) return false;
      }
      first = false;
      const bool tap_done = p_.k_end == args_.k;
      p_.k_begin = tap_done ? 0 : p_.k_end;
      p_.tap_begin = tap_done ? p_.tap_end : p_.tap_begin;
    }
  }

 private:
  // The panel of columns from n on, at the rows of this chunk.
  const float* panel_at(int64_t n) const {
    const int64_t width = args_.n - n > kernels_.lanes ? kernels_.nr : kernels_.lanes;
    return args_.packed_b + n * args_.k * args_.taps +
           (p_.tap_begin * args_.k + p_.k_begin) * width;
  }

  void run_panel(int64_t first_out, int64_t n, bool first, bool finish) {
    constexpr float kInf = std::numeric_limits<float>::infinity();
    p_.b = panel_at(n);
    p_.c = args_.c + first_out * args_.ldc + n;
    p_.bias = !first || args_.bias == nullptr ? nullptr : args_.bias + n;
    p_.residual =
        !finish || args_.residual == nullptr ? nullptr : args_.residual + first_out * args_.ldr + n;
    p_.lo = finish ? args_.lo : -kInf;
    p_.hi = finish ? args_.hi : kInf;
    kernels_.panel(p_);
  }

  const GemmKernels& kernels_;
  const GemmArgs& args_;
  const Chunks chunks_;
  const Pause& pause_;
  GemmPanel& p_;
  const int64_t step_;
  // Multiplications between two questions: a fraction of a millisecond.
  static constexpr int64_t kWork = 4 << 20;
  int64_t work_ = 0;
};

// Panels that one tile of registers takes.
int64_t panels_at_once(const GemmKernels& kernels, const GemmArgs& args, int64_t rows) {
  if (args.k_offsets != nullptr) return 1;
  return rows <= kernels.wide_rows ? kernels.wide_panels : kernels.panels;
}

}  // namespace

bool gemm_visits_once(const GemmKernels& kernels, const GemmBlocking& blocking, int64_t chain,
                      int64_t k_total) noexcept {
  return k_total <= chunk_depth(kernels, blocking, chain) * 3 / 2;
}

void gemm_tile(const GemmKernels& kernels, const GemmBlocking& blocking, const GemmArgs& args,
               int64_t m0, int64_t m1, int64_t n0, int64_t n1) noexcept {
  gemm_tile_paused(kernels, blocking, args, m0, m1, n0, n1, {});
}

void gemm_tile_paused(const GemmKernels& kernels, const GemmBlocking& blocking,
                      const GemmArgs& args, int64_t m0, int64_t m1, int64_t n0, int64_t n1,
                      const Pause& pause) noexcept {
  const int64_t k_total = args.k * args.taps;
  const Chunks chunks = chunk_reduction(kernels, blocking, args);
  const int64_t row_bytes =
      std::max<int64_t>(chunks.taps_each * chunks.k_each, 1) * int64_t{sizeof(float)};
  // Blocks of rows of about the same size: each costs a pass over B.
  const int64_t most = std::max<int64_t>(blocking.rows_bytes / row_bytes, 4 * kernels.mr);
  const int64_t blocks = (m1 - m0 + most - 1) / most;
  const int64_t even = blocks == 0 ? 0 : (m1 - m0 + blocks - 1) / blocks;
  const int64_t block_rows = (even + kernels.mr - 1) / kernels.mr * kernels.mr;
  const int64_t panels = panels_at_once(kernels, args, m1 - m0);

  GemmPanel p = {};
  p.lda = args.lda;
  p.k_offsets = args.k_offsets;
  p.taps = args.taps;
  p.ldc = args.ldc;
  p.ldr = args.ldr;
  p.a_offset = args.a_offset;
  p.zeros = args.zeros;
  p.panel_stride = k_total * kernels.nr;
  Block block(kernels, args, chunks, panels, pause, p);
  for (int64_t m = m0; m < m1; m += p.rows) {
    p.rows = std::min(block_rows, m1 - m);
    p.a = args.a == nullptr ? nullptr : args.a + m * args.lda;
    p.a_rows = args.a_rows == nullptr ? nullptr : args.a_rows + m * args.taps;
    p.out_index = args.out_index == nullptr ? nullptr : args.out_index + m;
    if (!block.run(args.out_index == nullptr ? m : 0, n0, n1)) return;
  }
}

}  // namespace ferry
