// SPDX-License-Identifier: Apache-2.0
// TopK of fp32, int32 and int64: one pass that keeps candidates above the k-th best so far.
#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <limits>
#include <mutex>
#include <type_traits>

#include "kernels/move/move.h"
#include "kernels/order/order.h"
#include "ops/arguments.h"
#include "ops/reduction/topk.h"
#include "ops_cpu/parallel.h"
#include "ops_cpu/short_rows.h"
#include "ops_cpu/sliced_order.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

// Order-preserving key of a float: NaN above all numbers, the zeros equal.
uint32_t key_of(float v) {
  if (v != v) return UINT32_MAX;
  const uint32_t bits = v == 0 ? 0 : std::bit_cast<uint32_t>(v);
  return bits ^ (0x80000000u | (0 - (bits >> 31)));
}

// The values in the order that is wanted, as keys: the larger, the better.
template <class T>
struct Order {
  bool largest;
  int64_t worst;  // of all values, where T is an integer
  uint32_t key(T v) const {
    if constexpr (std::is_integral_v<T>) {
      const auto u = static_cast<uint64_t>(v), w = static_cast<uint64_t>(worst);
      return static_cast<uint32_t>(largest ? u - w : w - u);
    } else {
      return largest ? key_of(v) : ~key_of(v);
    }
  }
};

// Whether the integers of x lie close enough together for keys of 32 bits; if so, `worst` becomes
// the worst of them.
template <class T>
bool integers_have_keys(const OrderOf<T>& kernels, Team& team, const Tensor& x, bool largest,
                        int64_t& worst) {
  const T* values = x.data<T>();
  std::mutex mutex;
  T low = values[0], high = values[0];
  parallel_range(team, x.count(), x.count() >= kMinParallelValues,
                 [&](int64_t from, int64_t to, int) {
                   T least = values[from], most = values[from];
                   team.in_slices(from, to, kAtAStroke, [&](int64_t i0, int64_t i1) {
                     T first, last;
                     kernels.range(values + i0, i1 - i0, first, last);
                     least = std::min(least, first), most = std::max(most, last);
                   });
                   const std::lock_guard lock(mutex);
                   low = std::min(low, least), high = std::max(high, most);
                 });
  worst = largest ? low : high;
  return static_cast<uint64_t>(high) - static_cast<uint64_t>(low) <= UINT32_MAX;
}

// A key and a position as one number: of equal keys the first is better.
template <class T>
uint64_t item_of(const Order<T>& order, T v, int64_t i) {
  return uint64_t{order.key(v)} << 32 | (UINT32_MAX - static_cast<uint32_t>(i));
}
int64_t place_of(uint64_t item) { return UINT32_MAX - static_cast<uint32_t>(item); }

// Up to so many are kept in order; more are collected, and the best of them selected now and then.
constexpr int64_t kInserted = 16;

// Items that select_best() works with: some that may be among the best, and a block of others.
int64_t room_for(int64_t n, int64_t k) {
  return std::max(std::min(n, 4 * k + 64) + kOrderBlock, 2 * k);
}

// The k best so far of the values of a row.
template <class T>
struct Best {
  const OrderOf<T>& kernels;
  Order<T> order;
  uint64_t* items;
  int64_t k, room;
  T bar;  // no value worse than it is among the best
  int64_t held = 0;
  uint64_t least = 0;  // of the best k, once there are k
};

// A bar that lets pass what is better than the least of the best.
template <class T>
void raise_bar(const T* x, uint64_t least, Best<T>& best) {
  best.least = least;
  const T value = x[place_of(least)];
  if (value == value) best.bar = value;
}

// Puts an item into its place among the best, which are few and in order.
template <class T>
void insert(const T* x, uint64_t item, Best<T>& best) {
  if (item <= best.least) return;
  int64_t i = std::min(best.held, best.k - 1);
  best.held = i + 1;
  for (; i > 0 && best.items[i - 1] < item; --i) best.items[i] = best.items[i - 1];
  best.items[i] = item;
  if (best.held == best.k) raise_bar(x, best.items[best.k - 1], best);
}

// Takes in values [from, to) of x.
template <class T>
void take_in(const Team& team, const T* x, int64_t from, int64_t to, Best<T>& best) {
  const bool largest = best.order.largest;
  for (; from < to; from += kOrderBlock) {
    if (best.least != 0) from = best.kernels.pass_worse(x, from, to, best.bar, largest);
    const int64_t end = std::min(to, from + kOrderBlock);
    // No jumps but one per candidate: which values are, nobody foresees.
    std::array<int64_t, kOrderBlock> at;  // NOLINT(*-member-init)
    size_t candidates = 0;
    for (int64_t i = from; i < end; ++i) {
      at[candidates] = i;
      candidates += (largest ? x[i] < best.bar : x[i] > best.bar) ? 0 : 1;
    }
    if (best.k <= kInserted) {
      for (size_t j = 0; j < candidates; ++j) {
        insert(x, item_of(best.order, x[at[j]], at[j]), best);
      }
      continue;
    }
    for (size_t j = 0; j < candidates; ++j) {
      const uint64_t item = item_of(best.order, x[at[j]], at[j]);
      best.items[best.held] = item;
      best.held += item > best.least ? 1 : 0;
    }
    if (best.held + kOrderBlock <= best.room) continue;
    raise_bar(x, move_largest_first(team, best.items, best.held, best.k), best);
    best.held = best.k;
  }
}

template <class T>
constexpr T kHighest = std::numeric_limits<T>::has_infinity ? std::numeric_limits<T>::infinity()
                                                            : std::numeric_limits<T>::max();
template <class T>
constexpr T kLowest = std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity()
                                                           : std::numeric_limits<T>::lowest();

// Leaves the k best of n values in order at the front of `items`, which has room for
// room_for(n, k). Stopped on the way, it leaves any.
template <class T>
void select_best(const OrderOf<T>& kernels, const Team& team, const T* x, int64_t n, int64_t k,
                 const Order<T>& order, uint64_t* items) {
  Best<T> best{kernels, order, items, k, room_for(n, k), order.largest ? kLowest<T> : kHighest<T>};
  team.in_slices(0, n, kAtAStroke,
                 [&](int64_t from, int64_t to) { take_in(team, x, from, to, best); });
  if (best.held > k) move_largest_first(team, items, best.held, k);
  sort_falling(team, items, k, items + k);
}

struct Geometry {
  int64_t n, k, inner;
  int64_t line;     // elements of a line of memory
  int64_t columns;  // that are made contiguous together
  // What lies between them: a line more than their length, so that they are not all in one set of
  // the first-level cache.
  int64_t pitch() const { return n + line; }
};

// Columns together are as many as a line of memory has, unless they leave the second-level cache.
Geometry geometry_of(int64_t n, int64_t k, int64_t inner, int64_t element) {
  constexpr int64_t kBytes = 128 << 10;
  const int64_t line = 64 / element;
  return {n, k, inner, line, std::clamp<int64_t>(kBytes / (n * element), 1, line)};
}

class TopKStep : public StepKernel {
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
    int64_t worst = 0;
    if (!has_keys(c.team(), x, op.largest, worst)) return op_.def().eval(op_, c);
    Dims dims = x.dims();
    dims[axis] = k;
    FERRY_ASSIGN_OR_RETURN(Tensor values, c.output(0, x.dtype(), dims));
    FERRY_ASSIGN_OR_RETURN(Tensor indices, c.output(1, DType::kInt64, dims));
    const auto element = static_cast<int64_t>(x.size_bytes()) / x.count();
    const Geometry g = geometry_of(n, k, inner, element);
    const int64_t column_bytes = inner == 1 ? 0 : g.columns * g.pitch() * element;
    FERRY_RETURN_IF_ERROR(c.reserve_scratch(
        c.team().size(), room_for(n, k) * int64_t{sizeof(uint64_t)} + column_bytes));
    parallel_range(c.team(), x.count() / n, x.count() >= kMinParallelValues,
                   [&](int64_t from, int64_t to, int thread) {
                     run_part(c, g, worst, x.raw(), values.raw(), indices.data<int64_t>(),
                              c.scratch<uint64_t>(thread), from, to);
                   });
    return {};
  }

 protected:
  bool largest() const { return op_.as<TopK>()->largest; }

 private:
  // Whether the values have keys of 32 bits; of integers, `worst` becomes the worst of all.
  virtual bool has_keys(Team& team, const Tensor& x, bool largest, int64_t& worst) const = 0;
  // Rows [from, to). `items` has room for candidates, and behind them for columns.
  virtual void run_part(StepContext& c, const Geometry& g, int64_t worst, const void* x,
                        void* values, int64_t* indices, uint64_t* items, int64_t from,
                        int64_t to) const = 0;

  Op op_;
};

template <class T>
class TopKOf final : public TopKStep {
 public:
  TopKOf(Isa isa, Op op)
      : TopKStep(std::move(op)),
        kernels_(order_of<T>(isa)),
        moves_(FERRY_SELECT_ISA_TABLE(isa, kMoveKernels)) {}

 private:
  bool has_keys(Team& team, const Tensor& x, bool largest, int64_t& worst) const override {
    if constexpr (std::is_integral_v<T>) {
      return integers_have_keys(kernels_, team, x, largest, worst);
    }
    return true;
  }

  void run_part(StepContext& c, const Geometry& g, int64_t worst, const void* all, void* best,
                int64_t* indices, uint64_t* items, int64_t from, int64_t to) const override {
    const Order<T> order{largest(), worst};
    const auto* x = static_cast<const T*>(all);
    auto* values = static_cast<T*>(best);
    if (g.inner == 1 && g.n <= kShortRow && g.k <= kFew) {
      few_of_short_rows(c, g, order, x, values, indices, items, from, to);
      return;
    }
    auto* contiguous = reinterpret_cast<T*>(items + room_for(g.n, g.k));
    for (int64_t u = from; u < to;) {
      const int64_t outer = u / g.inner, in = u % g.inner;
      const T* rows = x + outer * g.n * g.inner + in;
      const int64_t together = g.inner == 1 ? 1 : std::min({g.columns, g.inner - in, to - u});
      if (g.inner > 1) {
        c.team().in_slices(0, g.n, kAtAStroke / together, [&](int64_t j0, int64_t j1) {
          transpose(rows + j0 * g.inner, g.inner, contiguous + j0, g.pitch(), j1 - j0, together);
        });
        rows = contiguous;
      }
      for (int64_t i = 0; i < together; ++i, ++u) {
        const T* row = rows + i * g.pitch();
        if (const int64_t at = g.k == 1 ? place_of_best(row, g.n) : -1; at >= 0) {
          values[u] = row[at];
          indices[u] = at;
          continue;
        }
        select_best(kernels_, c.team(), row, g.n, g.k, order, items);
        // Stopped, there are no items to follow.
        if (c.team().stopped()) return;
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

  static constexpr int64_t kFew = 8;

  // The best one of all rows, then the next one. What was taken becomes the worst of all values; a
  // row in which another is as bad is done by itself.
  void few_of_short_rows(StepContext& c, const Geometry& g, const Order<T>& order, const T* x,
                         T* values, int64_t* indices, uint64_t* items, int64_t from,
                         int64_t to) const {
    const T taken = largest() ? kLowest<T> : kHighest<T>;
    turn_short_rows(
        moves_, x + from * g.n, to - from, g.n, [&](T* columns, int64_t first, int64_t count) {
          std::array<int64_t, kRowsTogether> at{};
          std::array<bool, kRowsTogether> ends{};
          const int64_t row0 = from + first;
          for (int64_t j = 0; j < g.k; ++j) {
            kernels_.arg_columns(columns, g.n, kRowsTogether, count, largest(), at.data());
            for (int64_t i = 0; i < count; ++i) {
              const auto lane = static_cast<size_t>(i);
              T& v = columns[at[lane] * kRowsTogether + i];
              ends[lane] = ends[lane] || v == taken || (!largest() && v != v);
              values[(row0 + i) * g.k + j] = v;
              indices[(row0 + i) * g.k + j] = at[lane];
              v = taken;
            }
          }
          for (int64_t i = 0; i < count; ++i) {
            if (!ends[static_cast<size_t>(i)]) continue;
            const T* row = x + (row0 + i) * g.n;
            select_best(kernels_, c.team(), row, g.n, g.k, order, items);
            if (c.team().stopped()) return;
            for (int64_t j = 0; j < g.k; ++j) {
              indices[(row0 + i) * g.k + j] = place_of(items[j]);
              values[(row0 + i) * g.k + j] = row[place_of(items[j])];
            }
          }
        });
  }

  // Or -1: of many values, or where a NaN, which is the worst of the smallest, stands in the way.
  int64_t place_of_best(const T* row, int64_t n) const {
    if (n > kAtAStroke) return -1;
    const int64_t at = kernels_.arg_row(row, n, largest());
    return largest() || row[at] == row[at] ? at : -1;
  }

  void transpose(const T* x, int64_t x_stride, T* y, int64_t y_stride, int64_t rows,
                 int64_t cols) const {
    if constexpr (sizeof(T) == sizeof(float)) {
      moves_.transpose_f32(reinterpret_cast<const float*>(x), x_stride, reinterpret_cast<float*>(y),
                           y_stride, rows, cols);
    } else {
      moves_.transpose_u64(reinterpret_cast<const uint64_t*>(x), x_stride,
                           reinterpret_cast<uint64_t*>(y), y_stride, rows, cols);
    }
  }

  const OrderOf<T>& kernels_;
  const MoveKernels& moves_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  switch (request.type(0).dtype) {
    case DType::kFloat32:
      return KernelOffer(std::make_unique<TopKOf<float>>(request.isa, request.node.op));
    case DType::kInt32:
      return KernelOffer(std::make_unique<TopKOf<int32_t>>(request.isa, request.node.op));
    case DType::kInt64:
      return KernelOffer(std::make_unique<TopKOf<int64_t>>(request.isa, request.node.op));
    default:
      return KernelOffer(std::string("no kernel for this type"));
  }
}

}  // namespace

void register_topk_cpu(KernelRegistry& r) { r.add("TopK", "topk", make); }

}  // namespace ferry
