// SPDX-License-Identifier: Apache-2.0
// A matrix product with packed weights, split over a team: what MatMul, Gemm and 1x1 convolutions
// share.
#pragma once

#include <memory>
#include <vector>

#include "base/allocator.h"
#include "base/thread_pool.h"
#include "kernels/gemm/gemm.h"
#include "plan/epilogue.h"

namespace ferry {

// Weights of k rows and n columns, packed once.
struct PackedMatrix {
  std::shared_ptr<void> memory;
  int64_t k = 0, n = 0;
  size_t bytes = 0;

  const float* data() const { return static_cast<const float*>(memory.get()); }
};

// Packs element (i, j) = b[i * row_stride + j * col_stride].
Result<PackedMatrix> pack_matrix(const GemmKernels& kernels, const float* b, int64_t row_stride,
                                 int64_t col_stride, int64_t k, int64_t n, MemoryBudget* budget);

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
