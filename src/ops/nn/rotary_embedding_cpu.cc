// SPDX-License-Identifier: Apache-2.0
// RotaryEmbedding in fp32: rows of heads in parallel, position ids checked first.
#include <algorithm>

#include "base/status.h"
#include "ops/nn/head_rows.h"
#include "ops/nn/rotary_embedding.h"
#include "ops_cpu/parallel.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

// Pairs (i, i + half) of one row.
void rotate_halves(const float* __restrict x, const float* __restrict cosine,
                   const float* __restrict sine, int64_t half, float* __restrict y) {
  for (int64_t i = 0; i < half; ++i) {
    y[i] = cosine[i] * x[i] - sine[i] * x[i + half];
    y[i + half] = sine[i] * x[i] + cosine[i] * x[i + half];
  }
}
// Pairs (2 i, 2 i + 1).
void rotate_neighbours(const float* __restrict x, const float* __restrict cosine,
                       const float* __restrict sine, int64_t half, float* __restrict y) {
  for (int64_t i = 0; i < half; ++i) {
    const float u = x[2 * i], v = x[2 * i + 1];
    y[2 * i] = cosine[i] * u - sine[i] * v;
    y[2 * i + 1] = sine[i] * u + cosine[i] * v;
  }
}

class RotaryStep final : public StepKernel {
 public:
  explicit RotaryStep(Op op) : op_(std::move(op)) {}
  std::string name() const override { return "rotary_f32"; }

  Status run(StepContext& c) const override {
    const RotaryEmbedding& op = *op_.as<RotaryEmbedding>();
    const Tensor &x = c.input(0), &cosines = c.input(1), &sines = c.input(2);
    FERRY_ASSIGN_OR_RETURN(const HeadLayout at, head_layout(x, op.num_heads, "x"));
    const int64_t rotated = op.rotary_embedding_dim == 0 ? at.width : op.rotary_embedding_dim;
    const int64_t half = rotated / 2;
    // What is wrong, the reference kernel knows.
    if (rotated > at.width || rotated % 2 != 0 || !caches_fit(c, at, half)) {
      return op_.def().eval(op_, c);
    }
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
    const int64_t* ids = c.has_input(3) ? c.input(3).data<int64_t>() : nullptr;
    const bool shared = ids == nullptr && cosines.dim(0) == 1;
    const int64_t rows = at.batch * at.heads * at.length;
    parallel_range(
        c.team(), rows, x.count() >= kMinParallelValues, [&](int64_t r0, int64_t r1, int) {
          for (int64_t r = r0; r < r1; ++r) {
            const int64_t s = r % at.length, h = r / at.length % at.heads;
            const int64_t b = r / (at.length * at.heads);
            const int64_t position = (shared ? 0 : b * at.length) + s;
            const int64_t cache = (ids == nullptr ? position : ids[position]) * half;
            const float* from = x.data<float>() + at.row(b, h, s);
            float* to = y.data<float>() + at.row(b, h, s);
            const auto rotate = op.interleaved ? rotate_neighbours : rotate_halves;
            rotate(from, cosines.data<float>() + cache, sines.data<float>() + cache, half, to);
            std::copy(from + rotated, from + at.width, to + rotated);
          }
        });
    return {};
  }

 private:
  static bool caches_fit(const StepContext& c, const HeadLayout& at, int64_t half) {
    const Tensor &cosines = c.input(1), &sines = c.input(2);
    if (!(cosines.dims() == sines.dims())) return false;
    if (!c.has_input(3)) {
      return cosines.rank() == 3 && (cosines.dim(0) == 1 || cosines.dim(0) == at.batch) &&
             cosines.dim(1) == at.length && cosines.dim(2) == half;
    }
    const Tensor& ids = c.input(3);
    if (cosines.rank() != 2 || cosines.dim(1) != half) return false;
    if (!(ids.dims() == Dims{at.batch, at.length})) return false;
    const int64_t* p = ids.data<int64_t>();
    return std::all_of(p, p + ids.count(),
                       [&](int64_t id) { return id >= 0 && id < cosines.dim(0); });
  }

  Op op_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  if (request.type(0).dtype != DType::kFloat32) return KernelOffer(std::string("not f32"));
  return KernelOffer(std::make_unique<RotaryStep>(request.node.op));
}

}  // namespace

void register_rotary_embedding_cpu(KernelRegistry& r) {
  r.add("RotaryEmbedding", "rotary_f32", make);
}

}  // namespace ferry
