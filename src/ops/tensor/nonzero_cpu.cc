// SPDX-License-Identifier: Apache-2.0
// NonZero: parts are counted, then each writes its positions where they belong.
#include <algorithm>

#include "ops/tensor/nonzero.h"
#include "ops_cpu/kept_positions.h"
#include "ops_cpu/mover.h"

namespace ferry {
namespace {

// The position of element `i` of `dims`, but for the last axis.
void outer_position(int64_t row, const Dims& dims, int64_t* at) {
  for (size_t a = dims.size() - 1; a-- > 0;) {
    at[a] = row % dims[a];
    row /= dims[a];
  }
}

// Positions of elements [i0, i1), the first of which is number `n` of `count`.
template <class T>
void write_positions(const T* x, const Dims& dims, int64_t i0, int64_t i1, int64_t n, int64_t count,
                     int64_t* y) {
  constexpr int64_t kChunk = 512;
  int64_t kept[kChunk], at[Dims::kMaxRank];
  const int64_t cols = dims.back();
  const size_t last = dims.size() - 1;
  for (int64_t i = i0; i < i1;) {
    const int64_t row = i / cols, column = i - row * cols;
    const int64_t length = std::min({cols - column, i1 - i, kChunk});
    const int64_t found = list_kept(x + i, length, column, kept);
    if (found > 0) {
      outer_position(row, dims, at);
      for (size_t a = 0; a < last; ++a) {
        std::fill_n(y + static_cast<int64_t>(a) * count + n, found, at[a]);
      }
      std::copy_n(kept, found, y + static_cast<int64_t>(last) * count + n);
      n += found;
    }
    i += length;
  }
}

template <class T>
Status positions(StepContext& c) {
  const Tensor& x = c.input(0);
  const auto rank = static_cast<int64_t>(x.rank());
  const int64_t total = x.count(), parts = (total + kKeptPart - 1) / kKeptPart;
  FERRY_RETURN_IF_ERROR(c.reserve_scratch(1, (parts + 1) * int64_t{sizeof(int64_t)}));
  auto* first = c.scratch<int64_t>(0);
  const auto* p = static_cast<const T*>(x.raw());
  const bool worthwhile = total >= kMinParallelValues;
  parallel_range(c.team(), parts, worthwhile, [&](int64_t p0, int64_t p1, int) {
    for (int64_t part = p0; part < p1; ++part) {
      const int64_t begin = part * kKeptPart;
      first[part + 1] = count_kept(p + begin, std::min(kKeptPart, total - begin));
    }
  });
  FERRY_RETURN_IF_ERROR(c.poll());
  first[0] = 0;
  for (int64_t part = 0; part < parts; ++part) first[part + 1] += first[part];
  const int64_t count = first[parts];
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, DType::kInt64, Dims{rank, count}));
  if (rank == 0) return {};
  parallel_range(c.team(), parts, worthwhile, [&](int64_t p0, int64_t p1, int) {
    for (int64_t part = p0; part < p1; ++part) {
      const int64_t begin = part * kKeptPart;
      write_positions(p, x.dims(), begin, std::min(total, begin + kKeptPart), first[part], count,
                      y.data<int64_t>());
    }
  });
  return {};
}

class NonZeroStep final : public StepKernel {
 public:
  std::string name() const override { return "nonzero"; }
  Status run(StepContext& c) const override {
    Status status;
    with_plain_type(c.input(0).dtype(), [&]<class T>(T) { status = positions<T>(c); });
    return status;
  }
};

Result<KernelOffer> make(const KernelRequest& request) {
  if (!with_plain_type(request.type(0).dtype, [](auto) {})) {
    return KernelOffer(std::string("no kernel for this type"));
  }
  return KernelOffer(std::make_unique<NonZeroStep>());
}

}  // namespace

void register_nonzero_cpu(KernelRegistry& r) { r.add("NonZero", "nonzero", make); }

}  // namespace ferry
