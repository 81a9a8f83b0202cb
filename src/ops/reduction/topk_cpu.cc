// SPDX-License-Identifier: Apache-2.0
// TopK of fp32, int32 and int64: one pass that keeps candidates above the k-th best so far.
#include <algorithm>
#include <bit>
#include <functional>
#include <limits>
#include <mutex>
#include <type_traits>

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

// The values in the order that is wanted, as keys: the larger, the better.
template <class T>
struct Order {
  bool largest;
  int64_t worst = 0;  // of all values, where T is an integer
  uint32_t key(T v) const {
    if constexpr (std::is_integral_v<T>) {
      const auto u = static_cast<uint64_t>(v), w = static_cast<uint64_t>(worst);
      return static_cast<uint32_t>(largest ? u - w : w - u);
    } else {
      return largest ? key_of(v) : ~key_of(v);
    }
  }
};

// Whether the integers of x lie close enough together for keys of 32 bits; if so, the worst of them
// becomes order.worst.
template <class T>
bool has_keys(Team& team, const Tensor& x, Order<T>& order) {
  const T* values = x.data<T>();
  std::mutex mutex;
  T low = values[0], high = values[0];
  parallel_range(team, x.count(), x.count() >= kMinParallelValues,
                 [&](int64_t from, int64_t to, int) {
                   T least = values[from], most = values[from];
                   team.in_slices(from, to, kAtAStroke, [&](int64_t i0, int64_t i1) {
                     for (int64_t i = i0; i < i1; ++i) {
                       least = std::min(least, values[i]), most = std::max(most, values[i]);
                     }
                   });
                   const std::lock_guard lock(mutex);
                   low = std::min(low, least), high = std::max(high, most);
                 });
  order.worst = order.largest ? low : high;
  return static_cast<uint64_t>(high) - static_cast<uint64_t>(low) <= UINT32_MAX;
}

// A key and a position as one number: of equal keys the first is better.
template <class T>
uint64_t item_of(const Order<T>& order, T v, int64_t i) {
  return uint64_t{order.key(v)} << 32 | (UINT32_MAX - static_cast<uint32_t>(i));
}
int64_t place_of(uint64_t item) { return UINT32_MAX - static_cast<uint32_t>(item); }

// Whether one of m values may be better than `bar`; a NaN may.
template <class T>
bool any_candidate(const T* x, int64_t m, T bar, bool largest) {
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
template <class T>
struct Best {
  Order<T> order;
  uint64_t* items;
  int64_t k, room;
  T bar;  // no value worse than it is among the best
  int64_t held = 0;
  uint64_t least = 0;  // of the best k, once there are k
};

// Takes in values [from, to) of x.
template <class T>
void take_in(const Team& team, const T* x, int64_t from, int64_t to, Best<T>& best) {
  constexpr int64_t kBlock = 32;
  const bool largest = best.order.largest;
  for (; from < to; from += kBlock) {
    const int64_t end = std::min(to, from + kBlock);
    if (best.least != 0 && !any_candidate(x + from, end - from, best.bar, largest)) continue;
    for (int64_t i = from; i < end; ++i) {
      if (largest ? x[i] < best.bar : x[i] > best.bar) continue;
      const uint64_t item = item_of(best.order, x[i], i);
      if (item <= best.least) continue;
      best.items[best.held++] = item;
      if (best.held < best.room) continue;
      best.least = move_largest_first(team, best.items, best.held, best.k);
      best.held = best.k;
      const T value = x[place_of(best.least)];
      if (value == value) best.bar = value;
    }
  }
}

// Leaves the k best of n values in order at the front of `items`, which has room for
// room_for(n, k). Stopped on the way, it leaves any.
template <class T>
void select_best(const Team& team, const T* x, int64_t n, int64_t k, const Order<T>& order,
                 uint64_t* items) {
  using Limits = std::numeric_limits<T>;
  constexpr T kTop = Limits::has_infinity ? Limits::infinity() : Limits::max();
  constexpr T kBottom = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
  Best<T> best{order, items, k, room_for(n, k), order.largest ? kBottom : kTop};
  team.in_slices(0, n, kAtAStroke,
                 [&](int64_t from, int64_t to) { take_in(team, x, from, to, best); });
  if (best.held <= kAtAStroke) {
    std::partial_sort(items, items + std::min(k, best.held), items + best.held, std::greater<>());
    return;
  }
  move_largest_first(team, items, best.held, k);
  sort_falling(team, items, k, items + k);
}

template <class T>
class TopKStep final : public StepKernel {
 public:
  explicit TopKStep(Op op) : op_(std::move(op)) {}
  std::string name() const override { return "topk"; }
  Status run(StepContext& c) const override {
    const auto& op = *op_.as<TopK>();
    const Tensor& x = c.input(0);
    FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op.axis, x.rank()));
    FERRY_ASSIGN_OR_RETURN(const int64_t k, read_int(c.input(1), "k"));
    const int64_t n = x.dim(axis), inner = x.dims().count(axis + 1, x.rank());
    if (k <= 0 || k > n || n >= UINT32_MAX || x.count() == 0) return op_.def().eval(op_, c);
    Order<T> order{op.largest};
    if constexpr (std::is_integral_v<T>) {
      if (!has_keys(c.team(), x, order)) return op_.def().eval(op_, c);
    }
    Dims dims = x.dims();
    dims[axis] = k;
    FERRY_ASSIGN_OR_RETURN(Tensor values, c.output(0, x.dtype(), dims));
    FERRY_ASSIGN_OR_RETURN(Tensor indices, c.output(1, DType::kInt64, dims));
    const Geometry g{n, k, inner, columns_for(n)};
    const int64_t column_bytes = inner == 1 ? 0 : g.columns * n * int64_t{sizeof(T)};
    FERRY_RETURN_IF_ERROR(c.reserve_scratch(
        c.team().size(), room_for(n, k) * int64_t{sizeof(uint64_t)} + column_bytes));
    parallel_range(c.team(), x.count() / n, x.count() >= kMinParallelValues,
                   [&](int64_t from, int64_t to, int thread) {
                     run_part(c, g, order, x.data<T>(), values.data<T>(), indices.data<int64_t>(),
                              c.scratch<uint64_t>(thread), from, to);
                   });
    return {};
  }

 private:
  struct Geometry {
    int64_t n, k, inner;
    int64_t columns;  // that are made contiguous together
  };
  // As many as a line of memory has, unless they leave the second-level cache.
  static int64_t columns_for(int64_t n) {
    constexpr int64_t kLine = 64 / int64_t{sizeof(T)}, kBytes = 128 << 10;
    return std::clamp<int64_t>(kBytes / (n * int64_t{sizeof(T)}), 1, kLine);
  }

  // Rows [from, to). `items` has room for candidates, and behind them for columns.
  static void run_part(StepContext& c, const Geometry& g, const Order<T>& order, const T* x,
                       T* values, int64_t* indices, uint64_t* items, int64_t from, int64_t to) {
    auto* contiguous = reinterpret_cast<T*>(items + room_for(g.n, g.k));
    for (int64_t u = from; u < to;) {
      const int64_t outer = u / g.inner, in = u % g.inner;
      const T* rows = x + outer * g.n * g.inner + in;
      const int64_t together = g.inner == 1 ? 1 : std::min({g.columns, g.inner - in, to - u});
      if (g.inner > 1) {
        c.team().in_slices(0, g.n, kAtAStroke / together, [&](int64_t j0, int64_t j1) {
          for (int64_t j = j0; j < j1; ++j) {
            for (int64_t i = 0; i < together; ++i) contiguous[i * g.n + j] = rows[j * g.inner + i];
          }
        });
        rows = contiguous;
      }
      for (int64_t i = 0; i < together; ++i, ++u) {
        const T* row = rows + i * g.n;
        select_best(c.team(), row, g.n, g.k, order, items);
        // Stopped, there are no items to follow.
        if (!c.poll().ok()) return;
        c.team().in_slices(0, g.k, kAtAStroke, [&](int64_t j0, int64_t j1) {
          for (int64_t j = j0; j < j1; ++j) {
            const int64_t at = place_of(items[j]), place = (outer * g.k + j) * g.inner + in + i;
            values[place] = row[at];
            indices[place] = at;
          }
        });
      }
    }
  }

  Op op_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  switch (request.type(0).dtype) {
    case DType::kFloat32:
      return KernelOffer(std::make_unique<TopKStep<float>>(request.node.op));
    case DType::kInt32:
      return KernelOffer(std::make_unique<TopKStep<int32_t>>(request.node.op));
    case DType::kInt64:
      return KernelOffer(std::make_unique<TopKStep<int64_t>>(request.node.op));
    default:
      return KernelOffer(std::string("no kernel for this type"));
  }
}

}  // namespace

void register_topk_cpu(KernelRegistry& r) { r.add("TopK", "topk", make); }

}  // namespace ferry
