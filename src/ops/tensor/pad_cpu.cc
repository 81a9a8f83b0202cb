// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "ops/tensor/pad.h"
#include "ops_cpu/mover.h"

namespace ferry {
namespace {

// Rows [from, to) of y, which are its last axis; only the ends of a row are looked up one by one.
template <class T>
void pad_rows(const Team& team, const PadSources& s, const T* x, T value, T* y, int64_t from,
              int64_t to) {
  constexpr int64_t kSlice = 64 << 10;  // elements of a row between two looks at the deadline
  const size_t last = s.dims.size() - 1;
  const auto* row = s.from[last].data<int64_t>();
  const int64_t n = s.dims[last];
  for (int64_t r = from; r < to; ++r) {
    int64_t rest = r, offset = 0;
    bool inside = true;
    for (size_t a = last; a-- > 0;) {
      const int64_t at = s.from[a].data<int64_t>()[rest % s.dims[a]];
      rest /= s.dims[a];
      inside = inside && at >= 0;
      offset += at;
    }
    T* to_row = y + r * n;
    if (!inside) {
      team.in_slices(0, n, kSlice,
                     [&](int64_t i, int64_t stop) { std::fill(to_row + i, to_row + stop, value); });
      continue;
    }
    const auto element = [&](int64_t i) {
      const int64_t at = row[i];
      to_row[i] = at >= 0 ? x[offset + at] : value;
    };
    team.in_slices(0, n, kSlice, [&](int64_t i, int64_t stop) {
      for (const int64_t left = std::min(stop, s.run_begin); i < left; ++i) element(i);
      if (const int64_t run = std::min(stop, s.run_end); i < run) {
        std::memcpy(to_row + i, x + (offset + s.run_from + i - s.run_begin),
                    static_cast<size_t>(run - i) * sizeof(T));
        i = run;
      }
      for (; i < stop; ++i) element(i);
    });
  }
}

// Kept while the pads and the dims of x stay the same.
struct PadState final : StepState {
  Pads pads;
  Dims x;
  PadSources sources;
};

Status run(const Pad& op, Isa, StepContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(const Pads pads, read_pads(c));
  auto* state = static_cast<PadState*>(c.state().get());
  if (state == nullptr || !(state->pads == pads) || !(state->x == x.dims())) {
    auto fresh = std::make_unique<PadState>();
    FERRY_ASSIGN_OR_RETURN(fresh->sources, pad_sources(op, pads, c));
    fresh->pads = pads;
    fresh->x = x.dims();
    state = fresh.get();
    c.state() = std::move(fresh);
  }
  const PadSources& s = state->sources;
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), s.dims));
  if (y.count() == 0) return {};
  if (x.rank() == 0) {
    std::memcpy(y.raw(), x.raw(), x.size_bytes());
    return {};
  }
  const auto pad = [&]<class T>(T) {
    const T value = c.has_input(2) ? *c.input(2).data<T>() : T{};
    parallel_range(c.team(), s.dims.count(0, s.dims.size() - 1),
                   static_cast<int64_t>(y.size_bytes()) >= kMinParallelBytes,
                   [&](int64_t from, int64_t to, int) {
                     pad_rows(c.team(), s, x.data<T>(), value, y.data<T>(), from, to);
                   });
  };
  with_mover_type(x.dtype(), pad);
  return {};
}

}  // namespace

void register_pad_cpu(KernelRegistry& r) { add_mover<Pad>(r, "Pad", "pad", run); }

}  // namespace ferry
