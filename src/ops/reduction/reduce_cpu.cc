// SPDX-License-Identifier: Apache-2.0
// Reductions in fp32 over neighbouring axes, or over two groups of them of which the last axes are
// one.
#include <cmath>

#include "ops/arguments.h"
#include "ops/reduction/reduce.h"
#include "ops_cpu/reduce_matrix.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

std::optional<RowReduction> row_reduction(ReduceKind kind) {
  switch (kind) {
    case ReduceKind::kSum:
    case ReduceKind::kMean:
      return RowReduction::kSum;
    case ReduceKind::kMax:
      return RowReduction::kMax;
    case ReduceKind::kMin:
      return RowReduction::kMin;
    case ReduceKind::kL1:
      return RowReduction::kL1;
    case ReduceKind::kL2:
    case ReduceKind::kSumSquare:
      return RowReduction::kSumSquare;
    default:
      return std::nullopt;
  }
}

// What combines partial results: sums of squares and of magnitudes are added up.
RowReduction second_stage(RowReduction kind) {
  return kind == RowReduction::kMax || kind == RowReduction::kMin ? kind : RowReduction::kSum;
}

class ReduceKernel final : public StepKernel {
 public:
  ReduceKernel(Isa isa, Op op, RowReduction kind)
      : kernels_(row_kernels(isa)), op_(std::move(op)), kind_(kind) {}
  std::string name() const override { return "reduce_f32"; }

  Status run(StepContext& c) const override {
    const Reduce& op = *op_.as<Reduce>();
    const Tensor& x = c.input(0);
    Ints axes;
    if (c.has_input(1)) {
      FERRY_ASSIGN_OR_RETURN(axes, read_ints(c.input(1), "axes"));
    }
    FERRY_ASSIGN_OR_RETURN(const AxisFlags reduced, reduced_axes(op, axes, x.rank()));
    // [outer, n, inner, tail]: n and tail are reduced.
    int64_t outer = 1, n = 1, inner = 1, tail = 1;
    Dims dims;
    bool simple = x.count() > 0;
    for (size_t a = 0; a < x.rank(); ++a) {
      const int64_t d = x.dim(a);
      if (!reduced[a])
        dims.push_back(d);
      else if (op.keepdims)
        dims.push_back(1);
      if (d == 1) continue;
      if (!reduced[a]) {
        simple = simple && tail == 1;
        (n == 1 ? outer : inner) *= d;
      } else {
        (inner == 1 ? n : tail) *= d;
      }
    }
    if (!simple) return op_.def().eval(op_, c);
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), dims));
    const float factor = op.kind == ReduceKind::kMean ? 1.0f / static_cast<float>(n * tail) : 1.0f;
    float* to = y.data<float>();
    if (tail == 1) {
      reduce_matrix(kernels_, c.team(), kind_, x.data<float>(), to, outer, n, inner, factor);
    } else {
      // The tail first, which is contiguous; what is left of it is small.
      const int64_t rows = outer * n * inner;
      FERRY_RETURN_IF_ERROR(c.reserve_scratch(1, rows * int64_t{sizeof(float)}));
      auto* sums = c.scratch<float>(0);
      reduce_matrix(kernels_, c.team(), kind_, x.data<float>(), sums, rows, tail, 1, 1.0f);
      reduce_matrix(kernels_, c.team(), second_stage(kind_), sums, to, outer, n, inner, factor);
    }
    if (op.kind == ReduceKind::kL2) {
      for (int64_t i = 0; i < y.count(); ++i) to[i] = std::sqrt(to[i]);
    }
    return {};
  }

 private:
  const RowKernels& kernels_;
  Op op_;
  RowReduction kind_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  if (request.type(0).dtype != DType::kFloat32) return KernelOffer(std::string("not f32"));
  const auto kind = row_reduction(request.node.op.as<Reduce>()->kind);
  if (!kind) return KernelOffer(std::string("no kernel for this kind"));
  return KernelOffer(std::make_unique<ReduceKernel>(request.isa, request.node.op, *kind));
}

}  // namespace

void register_reduce_cpu(KernelRegistry& r) {
  for (const char* op : {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1",
                         "ReduceL2", "ReduceSumSquare"}) {
    r.add(op, "reduce_f32", make);
  }
}

}  // namespace ferry
