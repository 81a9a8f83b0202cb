// SPDX-License-Identifier: Apache-2.0
// MaxUnpool: threads share out the result, not the values, so that the last of one place stays.
#include <algorithm>
#include <atomic>

#include "base/status.h"
#include "ops/nn/max_unpool.h"
#include "ops_cpu/mover.h"

namespace ferry {
namespace {

constexpr int64_t kSlice = 16 << 10;  // elements between two looks at the deadline

// Where element `at` of `full` lies in y.
int64_t place_in(const MaxUnpoolDims& dims, int64_t at) {
  int64_t place = 0, stride = 1;
  for (size_t a = dims.full.size(); a-- > 0;) {
    place += at % dims.full[a] * stride;
    at /= dims.full[a];
    stride *= dims.y[a];
  }
  return place;
}

template <class T>
[[gnu::noinline]] void fill_zeros(const Team& team, T* y, int64_t from, int64_t to) {
  team.in_slices(from, to, kSlice,
                 [&](int64_t first, int64_t stop) { std::fill(y + first, y + stop, T(0)); });
}

// Puts the values whose places lie in [begin, end) of y there, zeros elsewhere; whether all indices
// lie in `full`. Zeros go ahead of the values, so that both find y in a cache.
template <class T>
bool place(const Team& team, const T* x, const int64_t* indices, int64_t n,
           const MaxUnpoolDims& dims, int64_t begin, int64_t end, T* y) {
  constexpr int64_t kAhead = 4096;
  const bool dense = dims.full == dims.y;
  const auto count = static_cast<uint64_t>(dims.full.count()), first = static_cast<uint64_t>(begin);
  bool inside = true;
  int64_t filled = begin;
  team.in_slices(0, n, kSlice, [&](int64_t i, int64_t stop) {
    // Of its own, so that both lie in registers.
    bool all = inside;
    int64_t done = filled;
    for (; i < stop; ++i) {
      int64_t at = indices[i];
      if (!dense) {
        const bool fits = static_cast<uint64_t>(at) < count;
        all &= fits;
        at = fits ? place_in(dims, at) : end;
      }
      if (static_cast<uint64_t>(at) - first >= static_cast<uint64_t>(done) - first) {
        all &= !dense || static_cast<uint64_t>(at) < count;
        if (at < begin || at >= end) continue;
        const int64_t to = at < end - kAhead ? at + kAhead : end;
        fill_zeros(team, y, done, to);
        done = to;
      }
      y[at] = x[i];
    }
    inside = all;
    filled = done;
  });
  fill_zeros(team, y, filled, end);
  return inside;
}

class MaxUnpoolStep final : public StepKernel {
 public:
  explicit MaxUnpoolStep(Op op) : op_(std::move(op)) {}
  std::string name() const override { return "max_unpool"; }

  Status run(StepContext& c) const override {
    const Tensor &x = c.input(0), &indices = c.input(1);
    FERRY_ASSIGN_OR_RETURN(const MaxUnpoolDims dims, max_unpool_dims(*op_.as<MaxUnpool>(), c));
    const auto* at = indices.data<int64_t>();
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), dims.y));
    const int64_t parts = y.count() >= kMinParallelValues ? c.team().size() : 1;
    std::atomic<bool> inside = true;
    const auto run = [&]<class T>(T) {
      c.team().parallel(static_cast<int>(parts), [&](int part, int) {
        const bool all = place(c.team(), static_cast<const T*>(x.raw()), at, x.count(), dims,
                               y.count() * part / parts, y.count() * (part + 1) / parts,
                               static_cast<T*>(y.raw()));
        if (!all) inside = false;
      });
    };
    with_mover_type(x.dtype(), run);
    return inside ? Status() : op_.def().eval(op_, c);  // which says what is wrong
  }

 private:
  Op op_;
};

}  // namespace

void register_max_unpool_cpu(KernelRegistry& r) {
  r.add("MaxUnpool", "max_unpool", [](const KernelRequest& request) -> Result<KernelOffer> {
    return KernelOffer(std::make_unique<MaxUnpoolStep>(request.node.op));
  });
}

}  // namespace ferry
