// SPDX-License-Identifier: Apache-2.0
// Unique of the numbers of a whole tensor: a radix sort of ordered keys.
#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/status.h"
#include "ops/in_ranges.h"
#include "ops/tensor/unique.h"
#include "ops_cpu/ordered_key.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

struct Item {
  uint64_t key;
  int64_t at;
};

// Sorts n items by key, equal ones as they came, with room for as many in `other`; either pointer
// may end at either array.
Status radix_sort(StepContext& c, Item*& items, Item*& other, int64_t n) {
  uint64_t varies = 0;
  FERRY_RETURN_IF_ERROR(in_ranges(c, n, 1, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i) varies |= items[i].key ^ items[0].key;
  }));
  for (int shift = 0; shift < 64; shift += 8) {
    if ((varies >> shift & 0xff) == 0) continue;
    std::array<int64_t, 256> place{};
    FERRY_RETURN_IF_ERROR(in_ranges(c, n, 1, [&](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; ++i) ++place[items[i].key >> shift & 0xff];
    }));
    int64_t start = 0;
    for (int64_t& p : place) start += std::exchange(p, start);
    FERRY_RETURN_IF_ERROR(in_ranges(c, n, 4, [&](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; ++i) other[place[items[i].key >> shift & 0xff]++] = items[i];
    }));
    std::swap(items, other);
  }
  return {};
}

// The loops over elements.
struct Loops {
  void (*make_items)(const void* x, int64_t from, int64_t to, Item* items);
  void (*pick)(const void* x, const int64_t* places, int64_t from, int64_t to, void* y);
};

template <class T>
constexpr Loops loops_of() {
  return {[](const void* x, int64_t from, int64_t to, Item* items) {
            for (int64_t i = from; i < to; ++i) {
              items[i] = {ordered_key(static_cast<const T*>(x)[i]), i};
            }
          },
          [](const void* x, const int64_t* places, int64_t from, int64_t to, void* y) {
            for (int64_t i = from; i < to; ++i) {
              static_cast<T*>(y)[i] = static_cast<const T*>(x)[places[i]];
            }
          }};
}

class UniqueStep final : public StepKernel {
 public:
  UniqueStep(Op op, const Loops& loops) : op_(std::move(op)), loops_(loops) {}
  std::string name() const override { return "unique"; }
  Status run(StepContext& c) const override {
    const Tensor& x = c.input(0);
    const int64_t n = x.count();
    // Two arrays of items, then as many of integers as there are outputs of them.
    FERRY_RETURN_IF_ERROR(c.reserve_scratch(1, n * (2 * int64_t{sizeof(Item)} + 3 * 8)));
    auto *items = c.scratch<Item>(0), *other = items + n;
    auto *first = reinterpret_cast<int64_t*>(other + n), *counts = first + n, *inverse = counts + n;
    FERRY_RETURN_IF_ERROR(in_ranges(
        c, n, 2, [&](int64_t from, int64_t to) { loops_.make_items(x.raw(), from, to, items); }));
    FERRY_RETURN_IF_ERROR(radix_sort(c, items, other, n));
    int64_t groups = 0;
    FERRY_RETURN_IF_ERROR(in_ranges(c, n, 8, [&](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; ++i) {
        if (i == 0 || items[i].key != items[i - 1].key) {
          first[groups] = items[i].at;
          counts[groups++] = 0;
        }
        ++counts[groups - 1];
        inverse[items[i].at] = groups - 1;
      }
    }));
    if (!op_.as<Unique>()->sorted) {
      auto* number = reinterpret_cast<int64_t*>(other);
      FERRY_RETURN_IF_ERROR(in_order_of_first(c, items, number, n, groups, first, counts));
      FERRY_RETURN_IF_ERROR(in_ranges(c, n, 8, [&](int64_t from, int64_t to) {
        for (int64_t i = from; i < to; ++i) inverse[i] = number[inverse[i]];
      }));
    }
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), Dims{groups}));
    FERRY_RETURN_IF_ERROR(in_ranges(c, groups, 4, [&](int64_t from, int64_t to) {
      loops_.pick(x.raw(), first, from, to, y.raw());
    }));
    FERRY_RETURN_IF_ERROR(write(c, 1, first, groups));
    FERRY_RETURN_IF_ERROR(write(c, 2, inverse, n));
    return write(c, 3, counts, groups);
  }

 private:
  // Leaves a group's new number in `number`.
  static Status in_order_of_first(StepContext& c, Item* items, int64_t* number, int64_t n,
                                  int64_t groups, int64_t* first, int64_t* counts) {
    // A group stands at its first place, a count of 0 everywhere else.
    FERRY_RETURN_IF_ERROR(in_ranges(c, n, 2, [&](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; ++i) items[i].at = 0;
    }));
    FERRY_RETURN_IF_ERROR(in_ranges(c, groups, 8, [&](int64_t from, int64_t to) {
      for (int64_t g = from; g < to; ++g) items[first[g]] = {static_cast<uint64_t>(g), counts[g]};
    }));
    int64_t next = 0;
    return in_ranges(c, n, 8, [&](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; ++i) {
        if (items[i].at == 0) continue;
        first[next] = i;
        counts[next] = items[i].at;
        number[items[i].key] = next++;
      }
    });
  }

  static Status write(StepContext& c, size_t i, const int64_t* values, int64_t count) {
    if (!c.has_output(i)) return {};
    FERRY_ASSIGN_OR_RETURN(Tensor t, c.output(i, DType::kInt64, Dims{count}));
    return in_ranges(c, count, 1, [&](int64_t from, int64_t to) {
      std::copy(values + from, values + to, t.data<int64_t>() + from);
    });
  }

  Op op_;
  Loops loops_;
};

template <class... Ts>
Result<KernelOffer> make_of(const KernelRequest& request) {
  const DType type = request.type(0).dtype;
  std::optional<Loops> loops;
  ((type == dtype_of<Ts>() ? (void)(loops = loops_of<Ts>()) : (void)0), ...);
  if (!loops) return KernelOffer(std::string("no kernel for this type"));
  return KernelOffer(std::make_unique<UniqueStep>(request.node.op, *loops));
}

Result<KernelOffer> make(const KernelRequest& request) {
  if (request.node.op.as<Unique>()->axis) return KernelOffer(std::string("slices along an axis"));
  return make_of<float, double, int8_t, uint8_t, int16_t, uint16_t, int32_t, uint32_t, int64_t,
                 uint64_t>(request);
}

}  // namespace

void register_unique_cpu(KernelRegistry& r) { r.add("Unique", "unique", make); }

}  // namespace ferry
