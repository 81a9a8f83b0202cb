// SPDX-License-Identifier: Apache-2.0
// GroupNormalization and InstanceNormalization: statistics per group, then one straight line per
// channel; of fp32 planar or channels-last, of f64 planar.
#include <algorithm>
#include <cmath>

#include "base/status.h"
#include "kernels/moments/moments.h"
#include "kernels/rows/double_rows.h"
#include "ops/nn/group_normalization.h"
#include "ops_cpu/parallel.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

// Calls normalize(groups, y) where the operands fit, else the reference.
template <class F>
Status with_groups(StepContext& c, const Op& op, const F& normalize) {
  const auto& norm = *op.as<GroupNormalization>();
  const Tensor &x = c.input(0), &scale = c.input(1), &bias = c.input(2);
  const int64_t channels = x.rank() < 2 ? 0 : x.dim(norm.channels_last ? x.rank() - 1 : 1);
  const int64_t groups = norm.num_groups == 0 ? channels : norm.num_groups;
  const Dims per_channel = {channels};
  if (x.count() == 0 || groups < 1 || channels % groups != 0 || scale.dims() != per_channel ||
      bias.dims() != per_channel) {
    return op.def().eval(op, c);
  }
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
  return normalize(groups, y);
}

// T is what Kernels take: float or double.
template <class T, class Kernels>
void normalize_planes(StepContext& c, const Kernels& kernels, int64_t groups, float epsilon,
                      Tensor& y) {
  const Tensor& x = c.input(0);
  const int64_t inner = x.dims().count(2, x.rank()), channels = x.dim(1) / groups;
  const int64_t size = channels * inner;
  parallel_range(c.team(), x.dim(0) * groups, x.count() >= kMinParallelValues,
                 [&](int64_t first, int64_t end, int) {
                   for (int64_t u = first; u < end; ++u) {
                     const T* from = x.data<T>() + u * size;
                     const T* scale = c.input(1).data<T>() + u % groups * channels;
                     const T* bias = c.input(2).data<T>() + u % groups * channels;
                     double mean = 0, variance = 0;
                     kernels.moments(from, size, &mean, &variance);
                     const double factor = 1 / std::sqrt(variance + static_cast<double>(epsilon));
                     for (int64_t k = 0; k < channels; ++k) {
                       kernels.affine(from + k * inner, y.data<T>() + u * size + k * inner, inner,
                                      mean, static_cast<T>(factor * static_cast<double>(scale[k])),
                                      bias[k]);
                     }
                   }
                 });
}

class GroupNormStep final : public StepKernel {
 public:
  GroupNormStep(Isa isa, Op op) : kernels_(moment_kernels(isa)), op_(std::move(op)) {}
  std::string name() const override { return "group_norm_f32"; }
  Status run(StepContext& c) const override {
    const auto& op = *op_.as<GroupNormalization>();
    return with_groups(c, op_, [&](int64_t groups, Tensor& y) -> Status {
      if (op.channels_last) {
        return normalize_columns(c, c.input(0), c.input(1), c.input(2), groups, y);
      }
      normalize_planes<float>(c, kernels_, groups, op.epsilon, y);
      return {};
    });
  }

 private:
  // Channels last: sums of the columns of blocks of rows, which are then added up in order, whoever
  // made them.
  struct Columns {
    int64_t samples, rows, cols, per_group;
    int64_t block, blocks;   // rows of a block, blocks of a sample
    double *sums, *squares;  // [samples, blocks, cols] each
    float *high, *low;       // [samples, cols] each: the mean, and what its float lacks
    float* slope;            // [samples, cols]
  };

  Status normalize_columns(StepContext& c, const Tensor& x, const Tensor& scale, const Tensor& bias,
                           int64_t groups, Tensor& y) const {
    Columns m{};
    m.samples = x.dim(0), m.cols = x.dim(x.rank() - 1);
    m.rows = x.dims().count(1, x.rank() - 1);
    m.per_group = m.cols / groups;
    constexpr int64_t kBlockValues = 8192;  // 32 KB: what stays in the first level
    m.block = std::clamp<int64_t>(kBlockValues / m.cols, 1, kMaxSummedRows);
    m.blocks = (m.rows + m.block - 1) / m.block;
    const int64_t doubles = m.samples * m.blocks * m.cols, floats = m.samples * m.cols;
    FERRY_RETURN_IF_ERROR(c.reserve_scratch(1, 2 * doubles * 8 + 3 * floats * 4));
    m.sums = c.scratch<double>(0);
    m.squares = m.sums + doubles;
    m.high = reinterpret_cast<float*>(m.squares + doubles);
    m.low = m.high + floats;
    m.slope = m.low + floats;
    const auto count = static_cast<double>(m.rows * m.per_group);
    sum_blocks(c.team(), m, x.data<float>(), false);
    add_up(m, m.sums,
           [&](int64_t at, double sum) { m.high[at] = static_cast<float>(sum / count); });
    sum_blocks(c.team(), m, x.data<float>(), true);
    add_up(m, m.sums, [&](int64_t at, double sum) { m.low[at] = static_cast<float>(sum / count); });
    const auto epsilon = static_cast<double>(op_.as<GroupNormalization>()->epsilon);
    add_up(m, m.squares, [&](int64_t at, double sum) {
      const auto low = static_cast<double>(m.low[at]);
      const double variance = std::max(0.0, sum / count - low * low);
      const auto s = static_cast<double>(scale.data<float>()[at % m.cols]);
      m.slope[at] = static_cast<float>(s / std::sqrt(variance + epsilon));
    });
    each_block(c.team(), m, [&](int64_t sample, int64_t row, int64_t rows, int64_t) {
      const int64_t at = (sample * m.rows + row) * m.cols, column = sample * m.cols;
      kernels_.column_affine(x.data<float>() + at, y.data<float>() + at, rows, m.cols,
                             m.high + column, m.low + column, m.slope + column, bias.data<float>());
    });
    return {};
  }

  // f(sample, first row, rows, block) for every block.
  template <class F>
  static void each_block(Team& team, const Columns& m, F f) {
    const bool worthwhile = m.samples * m.rows * m.cols >= kMinParallelValues;
    parallel_range(team, m.samples * m.blocks, worthwhile, [&](int64_t from, int64_t to, int) {
      for (int64_t u = from; u < to; ++u) {
        const int64_t row = u % m.blocks * m.block;
        f(u / m.blocks, row, std::min(m.block, m.rows - row), u);
      }
    });
  }

  // Of the values, or of what they lie beside m.high.
  void sum_blocks(Team& team, const Columns& m, const float* x, bool deviations) const {
    each_block(team, m, [&](int64_t sample, int64_t row, int64_t rows, int64_t block) {
      const float* from = x + (sample * m.rows + row) * m.cols;
      double* sums = m.sums + block * m.cols;
      if (!deviations) return kernels_.column_sums(from, rows, m.cols, sums);
      kernels_.column_deviations(from, rows, m.cols, m.high + sample * m.cols, sums,
                                 m.squares + block * m.cols);
    });
  }

  // f(sample and column, sum over the group of that column).
  template <class F>
  static void add_up(const Columns& m, double* sums, F f) {
    for (int64_t sample = 0; sample < m.samples; ++sample) {
      double* total = sums + sample * m.blocks * m.cols;
      for (int64_t b = 1; b < m.blocks; ++b) {
        for (int64_t c = 0; c < m.cols; ++c) total[c] += total[b * m.cols + c];
      }
      for (int64_t c = 0; c < m.cols; c += m.per_group) {
        double sum = 0;
        for (int64_t k = 0; k < m.per_group; ++k) sum += total[c + k];
        for (int64_t k = 0; k < m.per_group; ++k) f(sample * m.cols + c + k, sum);
      }
    }
  }

  const MomentKernels& kernels_;
  Op op_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  if (request.type(0).dtype != DType::kFloat32) return KernelOffer(std::string("not f32"));
  return KernelOffer(std::make_unique<GroupNormStep>(request.isa, request.node.op));
}

class DoubleGroupNormStep final : public StepKernel {
 public:
  DoubleGroupNormStep(Isa isa, Op op) : kernels_(double_row_kernels(isa)), op_(std::move(op)) {}
  std::string name() const override { return "group_norm_f64"; }
  Status run(StepContext& c) const override {
    return with_groups(c, op_, [&](int64_t groups, Tensor& y) -> Status {
      normalize_planes<double>(c, kernels_, groups, op_.as<GroupNormalization>()->epsilon, y);
      return {};
    });
  }

 private:
  const DoubleRowKernels& kernels_;
  Op op_;
};

Result<KernelOffer> make_double(const KernelRequest& request) {
  if (request.type(0).dtype != DType::kFloat64) return KernelOffer(std::string("not f64"));
  if (request.node.op.as<GroupNormalization>()->channels_last) {
    return KernelOffer(std::string("channels last"));
  }
  return KernelOffer(std::make_unique<DoubleGroupNormStep>(request.isa, request.node.op));
}

}  // namespace

void register_group_normalization_cpu(KernelRegistry& r) {
  for (const char* op : {"GroupNormalization", "InstanceNormalization"}) {
    r.add(op, "group_norm_f32", make);
    r.add(op, "group_norm_f64", make_double);
  }
}

}  // namespace ferry
