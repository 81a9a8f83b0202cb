// SPDX-License-Identifier: Apache-2.0
// Softmax and LogSoftmax of fp32 and f64.
#include <algorithm>

#include "base/status.h"
#include "ir/infer.h"
#include "kernels/rows/double_rows.h"
#include "ops/nn/log_softmax.h"
#include "ops/nn/softmax.h"
#include "ops_cpu/parallel.h"
#include "ops_cpu/pause_of.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

// The lines of x along an axis: [outer, n, inner].
struct Lines {
  int64_t outer, n, inner;
  bool log;
};

// T is what Kernels take: float or double.
template <class T, class Kernels>
void softmax_lines(Team& team, const Kernels& kernels, const Lines& m, const T* from, T* to) {
  const bool worthwhile = m.outer * m.n * m.inner >= kMinParallelValues;
  const Pause pause = pause_of(team);
  if (m.inner == 1) {
    parallel_range(team, m.outer, worthwhile, [&](int64_t r0, int64_t r1, int) {
      kernels.softmax(from + r0 * m.n, to + r0 * m.n, r1 - r0, m.n, m.log, pause);
    });
    return;
  }
  // Units are strips of columns.
  constexpr int64_t kStrip = 64;
  const int64_t strips = (m.inner + kStrip - 1) / kStrip;
  parallel_range(team, m.outer * strips, worthwhile, [&](int64_t u0, int64_t u1, int) {
    for (int64_t u = u0; u < u1; ++u) {
      const int64_t column = u % strips * kStrip;
      const int64_t at = u / strips * m.n * m.inner + column;
      kernels.softmax_columns(from + at, to + at, m.n, m.inner, std::min(kStrip, m.inner - column),
                              m.log, pause);
    }
  });
}

class SoftmaxKernel final : public StepKernel {
 public:
  SoftmaxKernel(Isa isa, DType type, int64_t axis, bool log)
      : isa_(isa), type_(type), axis_(axis), log_(log) {}
  std::string name() const override {
    if (type_ == DType::kFloat64) return log_ ? "log_softmax_f64" : "softmax_f64";
    return log_ ? "log_softmax_f32" : "softmax_f32";
  }
  int in_place_input() const override { return 0; }

  Status run(StepContext& c) const override {
    const Tensor& x = c.input(0);
    FERRY_ASSIGN_OR_RETURN(const int64_t signed_axis, InferContext::axis(axis_, x.rank()));
    const auto axis = static_cast<size_t>(signed_axis);
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
    if (y.count() == 0) return {};
    const Lines m{x.dims().count(0, axis), x.dim(axis), x.dims().count(axis + 1, x.rank()), log_};
    if (type_ == DType::kFloat64) {
      softmax_lines(c.team(), double_row_kernels(isa_), m, x.data<double>(), y.data<double>());
    } else {
      softmax_lines(c.team(), row_kernels(isa_), m, x.data<float>(), y.data<float>());
    }
    return {};
  }

 private:
  Isa isa_;
  DType type_;
  int64_t axis_;
  bool log_;
};

template <class T, DType kType>
Result<KernelOffer> make(const KernelRequest& request) {
  if (request.type(0).dtype != kType) {
    return KernelOffer(std::string(kType == DType::kFloat64 ? "not f64" : "not f32"));
  }
  return KernelOffer(std::make_unique<SoftmaxKernel>(
      request.isa, kType, request.node.op.as<T>()->axis, std::is_same_v<T, LogSoftmax>));
}

}  // namespace

void register_softmax_cpu(KernelRegistry& r) {
  r.add("Softmax", "softmax_f32", make<Softmax, DType::kFloat32>);
  r.add("Softmax", "softmax_f64", make<Softmax, DType::kFloat64>);
  r.add("LogSoftmax", "log_softmax_f32", make<LogSoftmax, DType::kFloat32>);
  r.add("LogSoftmax", "log_softmax_f64", make<LogSoftmax, DType::kFloat64>);
}

}  // namespace ferry
