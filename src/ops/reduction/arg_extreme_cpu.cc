// SPDX-License-Identifier: Apache-2.0
// ArgMax and ArgMin of fp32, int32 and int64, the first of equal values.
#include <algorithm>

#include "kernels/order/order.h"
#include "ops/arguments.h"
#include "ops/reduction/arg_extreme.h"
#include "ops_cpu/parallel.h"
#include "ops_cpu/short_rows.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

// Strips of columns, and the elements of one that are looked at before the deadline is.
constexpr int64_t kStrip = 256, kSlice = 64 << 10;
constexpr int64_t kTurned = 64;  // longer rows fill vectors

template <class T>
bool is_better(T v, T best, bool largest) {
  if (best != best) return false;
  return v != v || (largest ? v > best : v < best);
}

template <class T>
int64_t arg_of_row(const OrderOf<T>& kernels, const Team& team, const T* x, int64_t n,
                   bool largest) {
  int64_t best = 0;
  team.in_slices(0, n, kSlice, [&](int64_t from, int64_t to) {
    const int64_t at = from + kernels.arg_row(x + from, to - from, largest);
    if (from == 0 || is_better(x[at], x[best], largest)) best = at;
  });
  return best;
}

// Columns [0, cols), up to kStrip.
template <class T>
void args_of_columns(const OrderOf<T>& kernels, const Team& team, const T* x, int64_t n,
                     int64_t stride, int64_t cols, bool largest, int64_t* best) {
  team.in_slices(0, n, kSlice / kStrip, [&](int64_t from, int64_t to) {
    if (from == 0) {
      kernels.arg_columns(x, to, stride, cols, largest, best);
      return;
    }
    int64_t at[kStrip];
    kernels.arg_columns(x + from * stride, to - from, stride, cols, largest, at);
    for (int64_t i = 0; i < cols; ++i) {
      const int64_t row = from + at[i];
      if (is_better(x[row * stride + i], x[best[i] * stride + i], largest)) best[i] = row;
    }
  });
}

// `count` lines of n values, `inner` apart, that lie in blocks of as many. A unit is a row, several
// short rows, or a strip of columns.
struct Lines {
  int64_t count, n, inner;
  bool largest;
  bool are_short() const { return inner == 1 && n <= kTurned; }
  int64_t strips() const { return (inner + kStrip - 1) / kStrip; }
  int64_t units() const {
    return are_short() ? (count + kRowsTogether - 1) / kRowsTogether : count / inner * strips();
  }
};

class ArgStep : public StepKernel {
 public:
  explicit ArgStep(Op op) : op_(std::move(op)) {}
  std::string name() const override { return "arg_extreme"; }
  Status run(StepContext& c) const override {
    const auto& op = *op_.as<ArgExtreme>();
    const Tensor& x = c.input(0);
    FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op.axis, x.rank()));
    const int64_t n = x.dim(axis), inner = x.dims().count(axis + 1, x.rank());
    if (x.count() == 0 || n > INT32_MAX) return op_.def().eval(op_, c);
    Dims dims;
    for (size_t a = 0; a < x.rank(); ++a) {
      if (a != axis)
        dims.push_back(x.dim(a));
      else if (op.keepdims)
        dims.push_back(1);
    }
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, DType::kInt64, dims));
    auto* to = y.data<int64_t>();
    const Lines g{y.count(), n, inner, op.max};
    parallel_range(c.team(), g.units(), x.count() >= kMinParallelValues,
                   [&](int64_t u0, int64_t u1, int) {
                     for (int64_t u = u0; u < u1; ++u) run_unit(c.team(), g, x.raw(), u, to);
                   });
    return {};
  }

 private:
  virtual void run_unit(const Team& team, const Lines& g, const void* x, int64_t unit,
                        int64_t* to) const = 0;

  Op op_;
};

template <class T>
class ArgOf final : public ArgStep {
 public:
  ArgOf(Isa isa, Op op)
      : ArgStep(std::move(op)),
        kernels_(order_of<T>(isa)),
        moves_(FERRY_SELECT_ISA_TABLE(isa, kMoveKernels)) {}

 private:
  void run_unit(const Team& team, const Lines& g, const void* values, int64_t unit,
                int64_t* to) const override {
    const auto* x = static_cast<const T*>(values);
    if (g.are_short()) {
      const int64_t row = unit * kRowsTogether;
      turn_short_rows(moves_, x + row * g.n, std::min(kRowsTogether, g.count - row), g.n,
                      [&](const T* columns, int64_t, int64_t count) {
                        kernels_.arg_columns(columns, g.n, kRowsTogether, count, g.largest,
                                             to + row);
                      });
      return;
    }
    if (g.inner == 1) {
      to[unit] = arg_of_row(kernels_, team, x + unit * g.n, g.n, g.largest);
      return;
    }
    const int64_t outer = unit / g.strips(), column = unit % g.strips() * kStrip;
    args_of_columns(kernels_, team, x + outer * g.n * g.inner + column, g.n, g.inner,
                    std::min(kStrip, g.inner - column), g.largest, to + outer * g.inner + column);
  }

  const OrderOf<T>& kernels_;
  const MoveKernels& moves_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  if (request.node.op.as<ArgExtreme>()->select_last_index) {
    return KernelOffer(std::string("the last of equal values is wanted"));
  }
  switch (request.type(0).dtype) {
    case DType::kFloat32:
      return KernelOffer(std::make_unique<ArgOf<float>>(request.isa, request.node.op));
    case DType::kInt32:
      return KernelOffer(std::make_unique<ArgOf<int32_t>>(request.isa, request.node.op));
    case DType::kInt64:
      return KernelOffer(std::make_unique<ArgOf<int64_t>>(request.isa, request.node.op));
    default:
      return KernelOffer(std::string("no kernel for this type"));
  }
}

}  // namespace

void register_arg_extreme_cpu(KernelRegistry& r) {
  r.add("ArgMax", "arg_extreme", make);
  r.add("ArgMin", "arg_extreme", make);
}

}  // namespace ferry
