// SPDX-License-Identifier: Apache-2.0
// TopK of fp32: one pass that keeps candidates above the k-th best so far.
#include <algorithm>
#include <bit>
#include <functional>
#include <limits>

#include "ops/arguments.h"
#include "ops/reduction/topk.h"
#include "ops_cpu/parallel.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

// Order-preserving key of a float: NaN above all numbers, the zeros equal.
uint32_t key_of(float v) {
  if (v != v) return UINT32_MAX;
  if (v == 0) v = 0;
  const auto bits = std::bit_cast<uint32_t>(v);
  return (bits >> 31) != 0 ? ~bits : bits | 0x80000000u;
}

// A key and a position as one number: larger is better, of equal keys the first is.
uint64_t item_of(float v, int64_t i, bool largest) {
  const uint32_t key = largest ? key_of(v) : ~key_of(v);
  return uint64_t{key} << 32 | (UINT32_MAX - static_cast<uint32_t>(i));
}

// Whether one of m values may be better than `bar`; a NaN may.
bool any_candidate(const float* x, int64_t m, float bar, bool largest) {
  int32_t any = 0;
  if (largest) {
    for (int64_t i = 0; i < m; ++i) any |= x[i] < bar ? 0 : 1;
  } else {
    for (int64_t i = 0; i < m; ++i) any |= x[i] > bar ? 0 : 1;
  }
  return any != 0;
}

// Leaves the k best of n values in order at the front of `items`, which has room for
// min(n, 4 k + 64).
void select_best(const float* x, int64_t n, int64_t k, bool largest, uint64_t* items) {
  constexpr int64_t kBlock = 32;
  const int64_t room = std::min(n, 4 * k + 64);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  int64_t held = 0;
  uint64_t least = 0;  // of the best k, once there are k; `bar` is its value
  float bar = largest ? -kInfinity : kInfinity;
  for (int64_t from = 0; from < n; from += kBlock) {
    const int64_t to = std::min(n, from + kBlock);
    if (least != 0 && !any_candidate(x + from, to - from, bar, largest)) continue;
    for (int64_t i = from; i < to; ++i) {
      if (largest ? x[i] < bar : x[i] > bar) continue;
      const uint64_t item = item_of(x[i], i, largest);
      if (item <= least) continue;
      items[held++] = item;
      if (held < room || i + 1 == n) continue;
      std::nth_element(items, items + k - 1, items + held, std::greater<>());
      held = k;
      least = items[k - 1];
      const float value = x[UINT32_MAX - static_cast<uint32_t>(least)];
      if (value == value) bar = value;
    }
  }
  std::partial_sort(items, items + k, items + held, std::greater<>());
}

class TopKStep final : public StepKernel {
 public:
  explicit TopKStep(Op op) : op_(std::move(op)) {}
  std::string name() const override { return "topk_f32"; }
  Status run(StepContext& c) const override {
    const auto& op = *op_.as<TopK>();
    const Tensor& x = c.input(0);
    FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op.axis, x.rank()));
    FERRY_ASSIGN_OR_RETURN(const int64_t k, read_int(c.input(1), "k"));
    const int64_t n = x.dim(axis), inner = x.dims().count(axis + 1, x.rank());
    if (k <= 0 || k > n || n >= UINT32_MAX || x.count() == 0) return op_.def().eval(op_, c);
    Dims dims = x.dims();
    dims[axis] = k;
    FERRY_ASSIGN_OR_RETURN(Tensor values, c.output(0, x.dtype(), dims));
    FERRY_ASSIGN_OR_RETURN(Tensor indices, c.output(1, DType::kInt64, dims));
    const int64_t room = std::min(n, 4 * k + 64);
    // Candidates, and behind them a column made contiguous.
    const int64_t column_bytes = inner == 1 ? 0 : n * int64_t{sizeof(float)};
    FERRY_RETURN_IF_ERROR(
        c.reserve_scratch(c.team().size(), room * int64_t{sizeof(uint64_t)} + column_bytes));
    parallel_range(c.team(), x.count() / n, x.count() >= kMinParallelValues,
                   [&](int64_t from, int64_t to, int thread) {
                     auto* items = c.scratch<uint64_t>(thread);
                     for (int64_t u = from; u < to; ++u) {
                       const int64_t outer = u / inner, in = u % inner;
                       const float* row = x.data<float>() + outer * n * inner + in;
                       if (inner > 1) {
                         auto* column = reinterpret_cast<float*>(items + room);
                         for (int64_t j = 0; j < n; ++j) column[j] = row[j * inner];
                         row = column;
                       }
                       select_best(row, n, k, op.largest, items);
                       for (int64_t j = 0; j < k; ++j) {
                         const int64_t at = UINT32_MAX - static_cast<uint32_t>(items[j]);
                         const int64_t place = (outer * k + j) * inner + in;
                         values.data<float>()[place] = row[at];
                         indices.data<int64_t>()[place] = at;
                       }
                     }
                   });
    return {};
  }

 private:
  Op op_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  if (request.type(0).dtype != DType::kFloat32) return KernelOffer(std::string("not f32"));
  return KernelOffer(std::make_unique<TopKStep>(request.node.op));
}

}  // namespace

void register_topk_cpu(KernelRegistry& r) { r.add("TopK", "topk_f32", make); }

}  // namespace ferry
