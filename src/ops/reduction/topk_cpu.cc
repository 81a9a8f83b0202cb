// SPDX-License-Identifier: Apache-2.0
// TopK of fp32: one pass that keeps candidates above the k-th best so far.
#include <algorithm>
#include <bit>
#include <functional>
#include <limits>

#include "ops/arguments.h"
#include "ops/reduction/topk.h"
#include "ops_cpu/parallel.h"
#include "ops_cpu/sliced_order.h"
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

float value_of(uint32_t key) {
  if (key == UINT32_MAX) return std::numeric_limits<float>::quiet_NaN();
  return std::bit_cast<float>((key >> 31) != 0 ? key & 0x7fffffffu : ~key);
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

// Items that select_best() works with.
int64_t room_for(int64_t n, int64_t k) { return std::max(std::min(n, 4 * k + 64), 2 * k); }

// The k best so far of the values of a row.
struct Best {
  uint64_t* items;
  int64_t k, room;
  bool largest;
  int64_t held = 0;
  uint64_t least = 0;  // of the best k, once there are k; `bar` is its value
  float bar = 0;
};

// Takes in values [from, to) of x.
void take_in(const Team& team, const float* x, int64_t from, int64_t to, Best& best) {
  constexpr int64_t kBlock = 32;
  for (; from < to; from += kBlock) {
    const int64_t end = std::min(to, from + kBlock);
    if (best.least != 0 && !any_candidate(x + from, end - from, best.bar, best.largest)) continue;
    for (int64_t i = from; i < end; ++i) {
      if (best.largest ? x[i] < best.bar : x[i] > best.bar) continue;
      const uint64_t item = item_of(x[i], i, best.largest);
      if (item <= best.least) continue;
      best.items[best.held++] = item;
      if (best.held < best.room) continue;
      best.least = move_largest_first(team, best.items, best.held, best.k);
      best.held = best.k;
      const auto key = static_cast<uint32_t>(best.least >> 32);
      const float value = value_of(best.largest ? key : ~key);
      if (value == value) best.bar = value;
    }
  }
}

// Leaves the k best of n values in order at the front of `items`, which has room for
// room_for(n, k). Stopped on the way, it leaves any.
void select_best(const Team& team, const float* x, int64_t n, int64_t k, bool largest,
                 uint64_t* items) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  Best best{items, k, room_for(n, k), largest};
  best.bar = largest ? -kInfinity : kInfinity;
  team.in_slices(0, n, kAtAStroke,
                 [&](int64_t from, int64_t to) { take_in(team, x, from, to, best); });
  if (best.held <= kAtAStroke) {
    std::partial_sort(items, items + std::min(k, best.held), items + best.held, std::greater<>());
    return;
  }
  move_largest_first(team, items, best.held, k);
  sort_falling(team, items, k, items + k);
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
    const int64_t room = room_for(n, k);
    // Candidates, and behind them a column made contiguous.
    const int64_t column_bytes = inner == 1 ? 0 : n * int64_t{sizeof(float)};
    FERRY_RETURN_IF_ERROR(
        c.reserve_scratch(c.team().size(), room * int64_t{sizeof(uint64_t)} + column_bytes));
    parallel_range(c.team(), x.count() / n, x.count() >= kMinParallelValues,
                   [&](int64_t from, int64_t to, int thread) {
                     auto* items = c.scratch<uint64_t>(thread);
                     auto* column = reinterpret_cast<float*>(items + room);
                     for (int64_t u = from; u < to; ++u) {
                       const int64_t outer = u / inner, in = u % inner;
                       const float* row = x.data<float>() + outer * n * inner + in;
                       if (inner > 1) {
                         c.team().in_slices(0, n, kAtAStroke, [&](int64_t j0, int64_t j1) {
                           for (int64_t j = j0; j < j1; ++j) column[j] = row[j * inner];
                         });
                         row = column;
                       }
                       select_best(c.team(), row, n, k, op.largest, items);
                       // Stopped, there are no items to follow.
                       if (!c.poll().ok()) return;
                       c.team().in_slices(0, k, kAtAStroke, [&](int64_t j0, int64_t j1) {
                         for (int64_t j = j0; j < j1; ++j) {
                           const int64_t at = UINT32_MAX - static_cast<uint32_t>(items[j]);
                           const int64_t place = (outer * k + j) * inner + in;
                           values.data<float>()[place] = row[at];
                           indices.data<int64_t>()[place] = at;
                         }
                       });
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
