// SPDX-License-Identifier: Apache-2.0
// Reductions: of fp32 on the row kernels, of other types and kinds on plain loops per instruction
// set.
#include <algorithm>
#include <cmath>
#include <optional>

#include "kernels/reduce/reduce.h"
#include "ops/reduction/reduce.h"
#include "ops_cpu/reduce_matrix.h"
#include "ops_cpu/reduce_stages.h"
#include "ops_cpu/short_rows.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

// The common part: which axes, the passes over them, what lies between two passes.
class ReduceStep : public StepKernel {
 public:
  explicit ReduceStep(Op op) : op_(std::move(op)) {}

  Status run(StepContext& c) const final {
    const Reduce& op = *op_.as<Reduce>();
    const Tensor& x = c.input(0);
    Ints axes;
    if (c.has_input(1)) {
      FERRY_ASSIGN_OR_RETURN(axes, read_ints(c.input(1), "axes"));
    }
    FERRY_ASSIGN_OR_RETURN(const AxisFlags reduced, reduced_axes(op, axes, x.rank()));
    ReduceStages stages = reduce_stages(x.dims(), reduced);
    if (x.count() == 0) return op_.def().eval(op_, c);
    if (stages.empty()) stages.push_back({x.count(), 1, 1});
    FERRY_ASSIGN_OR_RETURN(Tensor y,
                           c.output(0, x.dtype(), reduced_dims(x.dims(), reduced, op.keepdims)));
    const Split split(stages[0]);
    // Passes but the last write to one half of the scratch and read the other.
    const int64_t element = dtype_bits(x.dtype()) / 8;
    int64_t half = stages.size() < 2 ? 0 : stages[0].outer * stages[0].inner * element;
    if (split.blocks > 0) half = (split.blocks + 1) * stages[0].inner * element;
    if (half > 0) FERRY_RETURN_IF_ERROR(c.reserve_scratch(1, 2 * half));
    char* between = half > 0 ? c.scratch<char>(0) : nullptr;
    const void* from = x.raw();
    bool first = true;
    if (split.blocks > 0) {
      from = run_split(c, split, stages[0], x.raw(), between, element);
      between += half;
      first = false;
    }
    const int64_t terms = x.count() / y.count();
    for (size_t s = 0; s < stages.size(); ++s) {
      const bool last = s + 1 == stages.size();
      void* to = last ? y.raw() : between + static_cast<int64_t>(s % 2) * half;
      const bool mean = last && op.kind == ReduceKind::kMean;
      const float factor = mean ? 1.0f / static_cast<float>(terms) : 1.0f;
      reduce(c, stages[s], from, to, first, factor);
      from = to;
      first = false;
    }
    finish(y, terms);
    return {};
  }

 protected:
  // One pass; later ones combine partial results. `factor`: of a mean, in the last pass; f64 leaves
  // it to finish().
  virtual void reduce(StepContext& c, const ReduceStage& s, const void* x, void* y, bool first,
                      float factor) const = 0;
  // What is left to do with y, each of `count` values.
  virtual void finish(Tensor& y, int64_t count) const = 0;
  ReduceKind kind() const { return op_.as<Reduce>()->kind; }

 private:
  // A pass that has one unit of work: blocks of its rows are reduced first, then their results. No
  // number of threads decides that.
  struct Split {
    int64_t blocks = 0, rows = 0, rest = 0;

    explicit Split(const ReduceStage& s) {
      constexpr int64_t kBlockValues = 64 << 10, kNarrow = 64;
      if (s.outer > 1 || s.inner > kNarrow || s.n * s.inner < 4 * kBlockValues) return;
      rows = kBlockValues / s.inner;
      blocks = s.n / rows;
      rest = s.n % rows;
    }
  };

  // Leaves to `s` what is left to do: the results of the blocks, which are returned.
  const void* run_split(StepContext& c, const Split& split, ReduceStage& s, const void* x,
                        char* part, int64_t element) const {
    reduce(c, {split.blocks, split.rows, s.inner}, x, part, true, 1);
    if (split.rest > 0) {
      const int64_t done = split.blocks * s.inner * element;
      reduce(c, {1, split.rest, s.inner}, static_cast<const char*>(x) + done * split.rows,
             part + done, true, 1);
    }
    s.n = split.blocks + (split.rest > 0 ? 1 : 0);
    return part;
  }

  Op op_;
};

std::optional<RowReduction> row_reduction(ReduceKind kind) {
  switch (kind) {
    case ReduceKind::kSum:
    case ReduceKind::kMean:
    case ReduceKind::kLogSum:
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

// Calls f(element of x, blocks, columns, element of y) for units that cover a pass.
template <class F>
void each_unit(Team& team, const ReduceStage& s, F&& f) {
  const int64_t strip = reduce_strip(team, s.outer, s.n, s.inner);
  const int64_t strips = (s.inner + strip - 1) / strip;
  const bool worthwhile = s.outer * s.n * s.inner >= kMinParallelValues;
  parallel_range(team, s.outer * strips, worthwhile, [&](int64_t u0, int64_t u1, int) {
    if (strips == 1) return f(u0 * s.n * s.inner, u1 - u0, s.inner, u0 * s.inner);
    for (int64_t u = u0; u < u1; ++u) {
      const int64_t row = u / strips, column = u % strips * strip;
      f(row * s.n * s.inner + column, 1, std::min(strip, s.inner - column), row * s.inner + column);
    }
  });
}

class RowReduceStep final : public ReduceStep {
 public:
  RowReduceStep(Isa isa, Op op, RowReduction rows)
      : ReduceStep(std::move(op)),
        kernels_(row_kernels(isa)),
        moves_(FERRY_SELECT_ISA_TABLE(isa, kMoveKernels)),
        rows_(rows) {}
  std::string name() const override { return "reduce_f32"; }

 protected:
  void reduce(StepContext& c, const ReduceStage& s, const void* x, void* y, bool first,
              float factor) const override {
    // Sums of squares and of magnitudes are added up.
    const bool adds = rows_ != RowReduction::kMax && rows_ != RowReduction::kMin;
    const RowReduction kind = !first && adds ? RowReduction::kSum : rows_;
    if (!adds && s.inner == 1 && s.n <= kTurnedExtremes) {
      return reduce_short_rows(c.team(), s, static_cast<const float*>(x), static_cast<float*>(y));
    }
    reduce_matrix(kernels_, c.team(), kind, static_cast<const float*>(x), static_cast<float*>(y),
                  s.outer, s.n, s.inner, factor);
  }
  void finish(Tensor& y, int64_t) const override {
    float* p = y.data<float>();
    if (kind() == ReduceKind::kL2) {
      for (int64_t i = 0; i < y.count(); ++i) p[i] = std::sqrt(p[i]);
    }
    if (kind() == ReduceKind::kLogSum) {
      for (int64_t i = 0; i < y.count(); ++i) p[i] = std::log(p[i]);
    }
  }

 private:
  static constexpr int64_t kTurnedExtremes = 4;  // longer rows fill more of a vector

  void reduce_short_rows(Team& team, const ReduceStage& s, const float* x, float* y) const {
    parallel_range(team, s.outer, s.outer * s.n >= kMinParallelValues,
                   [&](int64_t from, int64_t to, int) {
                     turn_short_rows(moves_, x + from * s.n, to - from, s.n,
                                     [&](const float* columns, int64_t first, int64_t count) {
                                       kernels_.reduce_columns(rows_, columns, y + from + first,
                                                               s.n, kRowsTogether, count, 1, {});
                                     });
                   });
  }

  const RowKernels& kernels_;
  const MoveKernels& moves_;
  RowReduction rows_;
};

class TypedReduceStep final : public ReduceStep {
 public:
  TypedReduceStep(Op op, DType type, TypedReduce first, TypedReduce rest)
      : ReduceStep(std::move(op)), element_(dtype_bits(type) / 8), first_(first), rest_(rest) {}
  std::string name() const override { return "reduce_typed"; }

 protected:
  void reduce(StepContext& c, const ReduceStage& s, const void* x, void* y, bool first,
              float) const override {
    const auto* from = static_cast<const char*>(x);
    auto* to = static_cast<char*>(y);
    const TypedReduce kernel = first ? first_ : rest_;
    const Pause pause = pause_of(c.team());
    each_unit(c.team(), s, [&](int64_t at, int64_t blocks, int64_t columns, int64_t out) {
      kernel(from + at * element_, to + out * element_, blocks, s.n, s.inner, columns, pause);
    });
  }
  void finish(Tensor& y, int64_t count) const override {
    if (y.dtype() != DType::kFloat64) return;
    double* p = y.data<double>();
    for (int64_t i = 0; i < y.count(); ++i) {
      if (kind() == ReduceKind::kMean) p[i] /= static_cast<double>(count);
      if (kind() == ReduceKind::kL2) p[i] = std::sqrt(p[i]);
      if (kind() == ReduceKind::kLogSum) p[i] = std::log(p[i]);
    }
  }

 private:
  int64_t element_;
  TypedReduce first_, rest_;
};

class LogSumExpStep final : public ReduceStep {
 public:
  LogSumExpStep(Isa isa, Op op)
      : ReduceStep(std::move(op)),
        kernels_(reduce_kernels(isa)),
        moves_(FERRY_SELECT_ISA_TABLE(isa, kMoveKernels)) {}
  std::string name() const override { return "log_sum_exp_f32"; }

 protected:
  void reduce(StepContext& c, const ReduceStage& s, const void* x, void* y, bool,
              float) const override {
    const auto* from = static_cast<const float*>(x);
    auto* to = static_cast<float*>(y);
    const Pause pause = pause_of(c.team());
    each_unit(c.team(), s, [&](int64_t at, int64_t blocks, int64_t columns, int64_t out) {
      if (s.inner == 1 && s.n <= kTurned) {
        turn_short_rows(moves_, from + at, blocks, s.n,
                        [&](const float* turned, int64_t first, int64_t count) {
                          kernels_.log_sum_exp_columns(turned, to + out + first, s.n, kRowsTogether,
                                                       count, pause);
                        });
        return;
      }
      if (s.inner == 1) return kernels_.log_sum_exp(from + at, to + out, blocks, s.n, pause);
      for (int64_t o = 0; o < blocks; ++o) {
        kernels_.log_sum_exp_columns(from + at + o * s.n * s.inner, to + out + o * s.inner, s.n,
                                     s.inner, columns, pause);
      }
    });
  }
  void finish(Tensor&, int64_t) const override {}

 private:
  static constexpr int64_t kTurned = 8;

  const ReduceKernels& kernels_;
  const MoveKernels& moves_;
};

std::optional<TypedReduction> typed_reduction(ReduceKind kind, DType type) {
  switch (kind) {
    case ReduceKind::kSum:
      return TypedReduction::kSum;
    case ReduceKind::kProd:
      return TypedReduction::kProd;
    case ReduceKind::kMax:
      return TypedReduction::kMax;
    case ReduceKind::kMin:
      return TypedReduction::kMin;
    case ReduceKind::kSumSquare:
      return TypedReduction::kSumSquare;
    case ReduceKind::kL1:
      return TypedReduction::kL1;
    default:
      break;
  }
  // The rest ends with arithmetic that integers round.
  if (type != DType::kFloat64) return std::nullopt;
  if (kind == ReduceKind::kMean || kind == ReduceKind::kLogSum) return TypedReduction::kSum;
  return kind == ReduceKind::kL2 ? std::optional(TypedReduction::kSumSquare) : std::nullopt;
}

Result<KernelOffer> make_typed(const KernelRequest& request) {
  const DType type = request.type(0).dtype;
  const auto kind = typed_reduction(request.node.op.as<Reduce>()->kind, type);
  const ReduceKernels& kernels = reduce_kernels(request.isa);
  const TypedReduce first = kind ? kernels.typed(*kind, type) : nullptr;
  if (first == nullptr) return KernelOffer(std::string("no kernel for this kind and type"));
  const bool adds = *kind == TypedReduction::kSumSquare || *kind == TypedReduction::kL1;
  const TypedReduce rest = adds ? kernels.typed(TypedReduction::kSum, type) : first;
  return KernelOffer(std::make_unique<TypedReduceStep>(request.node.op, type, first, rest));
}

Result<KernelOffer> make_rows(const KernelRequest& request) {
  if (request.type(0).dtype != DType::kFloat32) return KernelOffer(std::string("not f32"));
  const ReduceKind kind = request.node.op.as<Reduce>()->kind;
  if (kind == ReduceKind::kLogSumExp) {
    return KernelOffer(std::make_unique<LogSumExpStep>(request.isa, request.node.op));
  }
  const auto rows = row_reduction(kind);
  if (!rows) return KernelOffer(std::string("a product"));
  return KernelOffer(std::make_unique<RowReduceStep>(request.isa, request.node.op, *rows));
}

}  // namespace

void register_reduce_cpu(KernelRegistry& r) {
  for (const char* op :
       {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2",
        "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare"}) {
    r.add(op, op == std::string_view("ReduceLogSumExp") ? "log_sum_exp_f32" : "reduce_f32",
          make_rows);
    r.add(op, "reduce_typed", make_typed);
  }
}

}  // namespace ferry
