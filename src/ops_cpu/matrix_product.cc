// SPDX-License-Identifier: Apache-2.0
#include "ops_cpu/matrix_product.h"

#include <algorithm>

#include "base/mapped_file.h"
#include "base/status.h"
#include "kernels/gemm/gemm_paused.h"
#include "ops_cpu/anchor_step.h"
#include "ops_cpu/parallel.h"
#include "ops_cpu/pause_of.h"
#include "ops_cpu/row_stage.h"

namespace ferry {

namespace {

// Packs all of B in pieces that lie together in the source, and lets the pages of each go if they
// are a file's: a large matrix and its packed form are never all resident.
void pack_in_pieces(const GemmKernels& kernels, const float* b, int64_t row_stride,
                    int64_t col_stride, int64_t k, int64_t n, float* packed) {
  constexpr int64_t kPieceFloats = int64_t{2} << 20;
  if (k == 0 || n == 0) return;
  if (row_stride >= col_stride) {
    const int64_t rows = std::max<int64_t>(1, kPieceFloats / std::max<int64_t>(row_stride, 1));
    for (int64_t row = 0; row < k; row += rows) {
      const int64_t count = std::min(rows, k - row);
      const float* from = b + row * row_stride;
      kernels.pack_b(from, row_stride, col_stride, count, n, 0, n, row, k, packed);
      release_pages(from, static_cast<size_t>(count * row_stride) * sizeof(float));
    }
    return;
  }
  const int64_t cols = std::max<int64_t>(1, kPieceFloats / col_stride / kernels.nr) * kernels.nr;
  for (int64_t n0 = 0; n0 < n; n0 += cols) {
    const int64_t n1 = std::min(n, n0 + cols);
    kernels.pack_b(b, row_stride, col_stride, k, n, n0, n1, 0, k, packed);
    release_pages(b + n0 * col_stride, static_cast<size_t>((n1 - n0) * col_stride) * sizeof(float));
  }
}

}  // namespace

Result<PackedMatrix> pack_matrix(const KernelRequest& request, size_t input,
                                 const GemmKernels& kernels, const MatrixView& view) {
  PackedMatrix packed;
  packed.k = view.k;
  packed.n = view.n;
  const size_t bytes =
      static_cast<size_t>(gemm_packed_size(kernels, view.k, view.n)) * sizeof(float);
  const auto pack = [&kernels, view](const Tensor& source, void* panel) {
    const float* b = source.data<float>();
    std::vector<float> scaled;
    if (view.factor != 1) {
      scaled.assign(b, b + source.count());
      for (float& v : scaled) v *= view.factor;
      b = scaled.data();
    }
    pack_in_pieces(kernels, b + view.begin, view.row_stride, view.col_stride, view.k, view.n,
                   static_cast<float*>(panel));
  };
  FERRY_ASSIGN_OR_RETURN(
      packed.panel,
      request.panels->add(request, input,
                          fmt::format("matrix {}x{} by {}, {} from {} times {}", view.k, view.n,
                                      view.row_stride, view.col_stride, view.begin, view.factor),
                          bytes, pack));
  return packed;
}

namespace {

void run_rectangle(const GemmKernels& kernels, const Team& team, const GemmArgs& args, int thread,
                   int64_t m0, int64_t m1, int64_t n0, int64_t n1, const FinishTile* finish) {
  static const GemmBlocking blocking = gemm_blocking();
  const Pause pause = pause_of(team);
  if (finish == nullptr) {
    // Slices are cut from the side with more register tiles.
    if ((m1 - m0) / kernels.mr >= (n1 - n0) / kernels.nr) {
      team.in_slices(m0, m1, kernels.mr, [&](int64_t from, int64_t to) {
        gemm_tile_paused(kernels, blocking, args, from, to, n0, n1, pause);
      });
    } else {
      team.in_slices(n0, n1, kernels.nr, [&](int64_t from, int64_t to) {
        gemm_tile_paused(kernels, blocking, args, m0, m1, from, to, pause);
      });
    }
    return;
  }
  // Rectangles that stay in the cache until the tail has read them. Small weights may pass by once
  // per strip of rows; large ones are read once by as many rows as keep their part of A in the
  // cache.
  const int64_t k_bytes = std::max<int64_t>(args.k * args.taps * int64_t{sizeof(float)}, 1);
  const bool small_weights = k_bytes * (n1 - n0) <= blocking.rows_bytes / 2;
  const int64_t wanted = small_weights ? kTailStripBytes / ((n1 - n0) * int64_t{sizeof(float)})
                                       : blocking.rows_bytes / k_bytes;
  const int64_t most = std::max<int64_t>(wanted, (small_weights ? 1 : 4) * kernels.mr);
  const int64_t blocks = (m1 - m0 + most - 1) / most;
  const int64_t rows = ((m1 - m0 + blocks - 1) / blocks + kernels.mr - 1) / kernels.mr * kernels.mr;
  const int64_t panel_bytes = rows * kernels.nr * int64_t{sizeof(float)};
  const int64_t cols =
      small_weights ? n1 - n0 : std::max<int64_t>(kTailStripBytes / panel_bytes, 1) * kernels.nr;
  team.in_slices(m0, m1, rows, [&](int64_t from, int64_t to) {
    for (int64_t m = from; m < to; m += rows) {
      const int64_t m_end = std::min(to, m + rows);
      for (int64_t n = n0; n < n1; n += cols) {
        const int64_t n_end = std::min(n1, n + cols);
        gemm_tile_paused(kernels, blocking, args, m, m_end, n, n_end, pause);
        (*finish)(thread, m, m_end, n, n_end);
      }
    }
  });
}

}  // namespace

void run_product(const GemmKernels& kernels, Team& team, const GemmArgs& args,
                 const FinishTile* finish) {
  if (args.m == 0 || args.n == 0) return;
  const int64_t work = args.m * args.n * std::max<int64_t>(args.k * args.taps, 1);
  const int64_t threads = team.size();
  if (threads == 1 || work < kMinParallelWork) {
    run_rectangle(kernels, team, args, 0, 0, args.m, 0, args.n, finish);
    return;
  }
  // Each thread reads its part of the side that is split, and all of the other. A few parts per
  // thread even out a slow one.
  const int64_t row_tiles = (args.m + kernels.mr - 1) / kernels.mr;
  const int64_t col_tiles = (args.n + kernels.nr - 1) / kernels.nr;
  const bool enough_cols = col_tiles >= 4 * threads;
  const bool by_rows =
      args.n > args.m && enough_cols ? false : row_tiles >= 2 * threads || row_tiles >= col_tiles;
  const int64_t tiles = by_rows ? row_tiles : col_tiles;
  const int64_t parts =
      std::min(tiles, by_rows && row_tiles >= 8 * threads ? 2 * threads : threads);
  const int64_t unit = by_rows ? kernels.mr : kernels.nr;
  const int64_t end = by_rows ? args.m : args.n;
  team.parallel(static_cast<int>(parts), [&](int part, int thread) {
    const int64_t from = std::min(end, tiles * part / parts * unit);
    const int64_t to = std::min(end, tiles * (part + 1) / parts * unit);
    if (by_rows)
      run_rectangle(kernels, team, args, thread, from, to, 0, args.n, finish);
    else
      run_rectangle(kernels, team, args, thread, 0, args.m, from, to, finish);
  });
}

namespace {

class MatrixStep final : public AnchorStep, public RowStage {
 public:
  MatrixStep(Isa isa, PackedMatrix weights, std::vector<float> bias, FusedAnchor anchor)
      : AnchorStep(isa, std::move(bias), std::move(anchor), true),
        kernels_(gemm_kernels(isa)),
        weights_(std::move(weights)) {
    packed_bytes_ = weights_.bytes();
    set_reduction(kernels_, weights_.k);
  }

  std::string name() const override { return "gemm_f32"; }

  Result<ConvShape> row_shape(const Dims& x, Dims& y) const override {
    if (x[3] != weights_.k) {
      return shape_mismatch("x has {} channels, the weights want {}", x[3], weights_.k);
    }
    ConvShape s;
    s.batch = x[0];
    s.in[1] = s.out[1] = x[1];
    s.in[2] = s.out[2] = x[2];
    s.in_channels = weights_.k;
    s.out_channels = weights_.n;
    y = Dims{x[0], x[1], x[2], weights_.n};
    return s;
  }
  int64_t row_scratch_bytes(const ConvShape&) const override { return scratch_with_tail(0); }
  void run_rows(const StepContext& c, const ConvShape& s, int64_t n, int64_t r0, int64_t r1,
                const RowRing& x, const RowRing& y, void* scratch) const noexcept override {
    static const GemmBlocking blocking = gemm_blocking();
    GemmArgs args;
    args.k = weights_.k;
    args.n = weights_.n;
    args.lda = x.pitch;
    args.packed_b = weights_.data();
    args.ldc = y.pitch;
    args.ldr = residual_pitch(c);
    set_epilogue(c, args);
    const float* residual = args.residual;
    const auto run = [&](int64_t from, int64_t to) {
      const int64_t pixel = (n * s.out[1] + from) * s.out[2];
      args.m = (to - from) * s.out[2];
      args.a = x.row(from);
      args.c = y.row(from);
      if (residual != nullptr) args.residual = residual + pixel * args.ldr;
      gemm_tile(kernels_, blocking, args, 0, args.m, 0, args.n);
      finish_tile(c, {args.c, args.n, args.ldc, pixel}, args.m, scratch, 0);
    };
    for_each_piece(y, r0, r1, [&](int64_t from, int64_t to) { for_each_piece(x, from, to, run); });
  }
  void renumber_inputs(const std::vector<int>& to) override { anchor_.renumber_inputs(to); }

  Status run(StepContext& c) const override {
    const Tensor& a = first_input(c);
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.planned_output(0));
    GemmArgs args;
    args.k = weights_.k;
    args.n = weights_.n;
    args.m = y.count() / std::max<int64_t>(args.n, 1);
    if (a.dim(a.rank() - 1) != args.k) {
      return shape_mismatch("x is {}: its last axis has size {}, the weights want {}", a.describe(),
                            a.dim(a.rank() - 1), args.k);
    }
    args.a = a.data<float>();
    args.lda = c.input_pitch(static_cast<size_t>(anchor_.inputs[0]));
    args.packed_b = weights_.data();
    args.c = y.data<float>();
    args.ldc = c.output_pitch(0);
    args.ldr = residual_pitch(c);
    set_epilogue(c, args);
    if (!anchor_.has_tail()) {
      run_product(kernels_, c.team(), args);
      return {};
    }
    FERRY_RETURN_IF_ERROR(reserve(c, 0));
    const auto finish_tile = [&](int thread, int64_t m0, int64_t m1, int64_t n0, int64_t n1) {
      finish(c, {args.c, args.n, args.ldc}, m0, m1, n0, n1, thread, 0);
    };
    const FinishTile tile(finish_tile);
    run_product(kernels_, c.team(), args, &tile);
    return {};
  }

 private:
  const GemmKernels& kernels_;
  PackedMatrix weights_;
};

}  // namespace

std::unique_ptr<StepKernel> make_matrix_step(Isa isa, PackedMatrix weights, std::vector<float> bias,
                                             FusedAnchor anchor) {
  return std::make_unique<MatrixStep>(isa, std::move(weights), std::move(bias), std::move(anchor));
}

}  // namespace ferry
