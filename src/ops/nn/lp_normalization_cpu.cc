// SPDX-License-Identifier: Apache-2.0
// LpNormalization of fp32: sums on the row kernels, then one factor per line.
#include <cmath>

#include "kernels/moments/moments.h"
#include "ops/arguments.h"
#include "ops/in_ranges.h"
#include "ops/nn/lp_normalization.h"
#include "ops_cpu/reduce_matrix.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

class LpNormStep final : public StepKernel {
 public:
  LpNormStep(Isa isa, const LpNormalization& op)
      : rows_(row_kernels(isa)), moments_(moment_kernels(isa)), op_(op) {}
  std::string name() const override { return "lp_norm_f32"; }
  Status run(StepContext& c) const override {
    const Tensor& x = c.input(0);
    FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op_.axis, x.rank()));
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
    if (x.count() == 0) return {};
    const int64_t outer = x.dims().count(0, axis), n = x.dim(axis);
    const int64_t inner = x.dims().count(axis + 1, x.rank());
    const auto* from = x.data<float>();
    auto* to = y.data<float>();
    const auto kind = op_.p == 1 ? RowReduction::kL1 : RowReduction::kSumSquare;
    const bool worthwhile = x.count() >= kMinParallelValues;
    const Pause pause = pause_of(c.team());
    if (inner == 1) {
      parallel_range(c.team(), outer, worthwhile, [&](int64_t r0, int64_t r1, int) {
        for (int64_t r = r0; r < r1; ++r) {
          float sum = 0;
          rows_.reduce(kind, from + r * n, &sum, 1, n, 1.0f, pause);
          const float factor = factor_of(sum);
          if (factor == 0) {
            line_in_double(c.team(), from + r * n, to + r * n, n, 1);
            continue;
          }
          c.team().in_slices(r * n, (r + 1) * n, kSlice, [&](int64_t first, int64_t end) {
            moments_.affine(from + first, to + first, end - first, 0, factor, 0);
          });
        }
      });
      return {};
    }
    FERRY_RETURN_IF_ERROR(c.reserve_scratch(1, (outer + 1) * inner * 4));
    auto *factor = c.scratch<float>(0), *zeros = factor + outer * inner;
    FERRY_RETURN_IF_ERROR(in_ranges(c, inner, 1, [&](int64_t first, int64_t end) {
      std::fill(zeros + first, zeros + end, 0.0f);
    }));
    reduce_matrix(rows_, c.team(), kind, from, factor, outer, n, inner, 1.0f);
    FERRY_RETURN_IF_ERROR(in_ranges(c, outer * inner, 8, [&](int64_t first, int64_t end) {
      for (int64_t i = first; i < end; ++i) factor[i] = factor_of(factor[i]);
    }));
    parallel_range(c.team(), outer * n, worthwhile, [&](int64_t r0, int64_t r1, int) {
      for (int64_t r = r0; r < r1; ++r) {
        c.team().in_slices(0, inner, kSlice, [&](int64_t first, int64_t end) {
          const int64_t at = r * inner + first;
          moments_.column_affine(from + at, to + at, 1, end - first, zeros, zeros,
                                 factor + r / n * inner + first, zeros);
        });
      }
    });
    parallel_range(c.team(), outer * inner, worthwhile, [&](int64_t i0, int64_t i1, int) {
      for (int64_t i = i0; i < i1; ++i) {
        const int64_t at = i / inner * n * inner + i % inner;
        if (factor[i] == 0) line_in_double(c.team(), from + at, to + at, n, inner);
      }
    });
    return {};
  }

 private:
  // 1 / norm, or 0 where a float may have cut the sum or the line needs more than one factor.
  float factor_of(float sum) const {
    constexpr float kLeast = 1e-25f, kMost = 1e37f;
    if (!(sum > kLeast && sum < kMost)) return 0;
    const auto total = static_cast<double>(sum);
    return static_cast<float>(1 / (op_.p == 1 ? total : std::sqrt(total)));
  }

  void line_in_double(const Team& team, const float* x, float* y, int64_t n, int64_t stride) const {
    double sum = 0;
    team.in_slices(0, n, kSlice, [&](int64_t k, int64_t end) {
      for (; k < end; ++k) {
        const auto v = static_cast<double>(x[k * stride]);
        sum += op_.p == 1 ? std::fabs(v) : v * v;
      }
    });
    const double norm = op_.p == 1 ? sum : std::sqrt(sum);
    team.in_slices(0, n, kSlice, [&](int64_t k, int64_t end) {
      for (; k < end; ++k) {
        const auto v = static_cast<double>(x[k * stride]);
        y[k * stride] = norm == 0 ? 0.0f : static_cast<float>(v / norm);
      }
    });
  }

  static constexpr int64_t kSlice = 64 << 10;  // elements between two looks at the deadline

  const RowKernels& rows_;
  const MomentKernels& moments_;
  LpNormalization op_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  if (request.type(0).dtype != DType::kFloat32) return KernelOffer(std::string("not f32"));
  return KernelOffer(
      std::make_unique<LpNormStep>(request.isa, *request.node.op.as<LpNormalization>()));
}

}  // namespace

void register_lp_normalization_cpu(KernelRegistry& r) {
  r.add("LpNormalization", "lp_norm_f32", make);
}

}  // namespace ferry
