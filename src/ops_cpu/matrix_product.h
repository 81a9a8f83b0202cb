// SPDX-License-Identifier: Apache-2.0
// A matrix product with packed weights, split over a team: what MatMul, Gemm and 1x1 convolutions
// share.
#pragma once

#include <memory>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/gemm/gemm.h"
#include "plan/epilogue.h"
#include "plan/panels.h"

namespace ferry {

// Weights of k rows and n columns, packed once.
struct PackedMatrix {
  PanelPtr panel;
  int64_t k = 0, n = 0;

  size_t bytes() const { return panel ? panel->bytes() : 0; }
  const float* data() const { return panel->floats(); }
};

// Where a matrix lies in a constant: element (i, j) is factor * b[begin + i * row_stride + j *
// col_stride].
struct MatrixView {
  int64_t k = 0, n = 0;  // rows, columns
  int64_t row_stride = 0, col_stride = 0;
  int64_t begin = 0;
  float factor = 1;
};

// Has a matrix of the request's input `input` packed.
Result<PackedMatrix> pack_matrix(const KernelRequest& request, size_t input,
                                 const GemmKernels& kernels, const MatrixView& view);

// Computes all of C; args.packed_b and sizes are set. The split over threads never changes a bit.
// `finish(thread, m0, m1, n0, n1)`, if any, is called with each rectangle once it is in the cache;
// FinishTile refers to the callable and does not own it.
class FinishTile {
 public:
  template <class F>
  explicit FinishTile(const F& f)
      : object_(&f),
        call_([](const void* o, int thread, int64_t m0, int64_t m1, int64_t n0, int64_t n1) {
          (*static_cast<const F*>(o))(thread, m0, m1, n0, n1);
        }) {}
  void operator()(int thread, int64_t m0, int64_t m1, int64_t n0, int64_t n1) const {
    call_(object_, thread, m0, m1, n0, n1);
  }

 private:
  const void* object_;
  void (*call_)(const void*, int, int64_t, int64_t, int64_t, int64_t);
};
void run_product(const GemmKernels& kernels, Team& team, const GemmArgs& args,
                 const FinishTile* finish = nullptr);

// The step y = clip(a * weights + bias + residual): rows are all axes of a but the last.
std::unique_ptr<StepKernel> make_matrix_step(Isa isa, PackedMatrix weights, std::vector<float> bias,
                                             FusedAnchor anchor);

}  // namespace ferry
