// SPDX-License-Identifier: Apache-2.0
// Resize to the nearest element, of any type in any layout: all axes at once, a row of y at a time.
#include <algorithm>
#include <cstring>
#include <type_traits>

#include "base/status.h"
#include "kernels/resize/resize.h"
#include "ops/image/resize.h"
#include "ops/nn/window.h"
#include "ops_cpu/mover.h"

namespace ferry {
namespace {

// Where y's elements lie in x; one table per resampled axis, none for the others.
struct Picks final : StepState {
  ResizeAxes axes;
  size_t last = 0;    // the last axis that is resampled
  int64_t inner = 1;  // elements behind it
  std::vector<std::vector<int32_t>> index;
  std::vector<int32_t> base, lane;  // of RisingPicks along `last`
  // A plane is the rows of y along the axis before `last`, or the one row: where each starts, from
  // the plane's start in x.
  std::vector<int64_t> starts;
  Dims planes;  // sizes of y's axes before the plane's

  int64_t plane_start(int64_t plane) const {
    int64_t at = 0, stride = 1;
    for (size_t a = last; a-- > planes.size();) stride *= axes[a].in;
    stride *= axes[last].in * inner;
    for (size_t a = planes.size(); a-- > 0; plane /= planes[a]) {
      at += pick(a, plane % planes[a]) * stride;
      stride *= axes[a].in;
    }
    return at;
  }

  int64_t pick(size_t axis, int64_t i) const {
    return index[axis].empty() ? i : index[axis][static_cast<size_t>(i)];
  }
};

// Outputs [i0, i1) along the last resampled axis; to `again` too, unless that is null.
template <class T>
[[gnu::noinline]] void pick_row(const ResizeKernels& kernels, const Picks& p, const T* x, T* y,
                                T* again, int64_t i0, int64_t i1) {
  const int32_t* index = p.index[p.last].data() + i0;
  const int64_t n = i1 - i0;
  if (p.inner == 1 && sizeof(T) == sizeof(float)) {
    if constexpr (sizeof(T) == sizeof(float)) {
      const RisingPicks picks{p.axes[p.last].in, index, p.base.data() + i0 / kernels.lanes,
                              p.lane.data() + i0};
      kernels.pick_rising(x, picks, y, again, n);
    }
    return;
  }
  for (T* to : {y, again}) {
    if (to == nullptr) continue;
    if (p.inner == 1) {
      for (int64_t i = 0; i < n; ++i) to[i] = x[index[i]];
      continue;
    }
    const auto bytes = static_cast<size_t>(p.inner) * sizeof(T);
    for (int64_t i = 0; i < n; ++i) std::memcpy(to + i * p.inner, x + index[i] * p.inner, bytes);
  }
}

// Rows [j0, j1) of a plane. Those that come from the same row of x are written in pairs, or copied.
template <class T>
[[gnu::noinline]] void pick_rows(const ResizeKernels& kernels, const Picks& p, const T* x, T* y,
                                 int64_t j0, int64_t j1) {
  const int64_t out = p.axes[p.last].out, pitch = out * p.inner;
  for (int64_t j = j0; j < j1;) {
    const int64_t start = p.starts[static_cast<size_t>(j)];
    int64_t same = 1;
    while (j + same < j1 && p.starts[static_cast<size_t>(j + same)] == start) ++same;
    pick_row(kernels, p, x + start, y, same > 1 ? y + pitch : nullptr, 0, out);
    for (int64_t k = 2; k < same; ++k) {
      std::memcpy(y + k * pitch, y, static_cast<size_t>(pitch) * sizeof(T));
    }
    j += same;
    y += same * pitch;
  }
}

template <class T>
void pick_all(const ResizeKernels& kernels, Team& team, const Picks& p, const T* x, T* y,
              int64_t count) {
  // Elements that a thread takes from a long row; whole groups of picks.
  constexpr int64_t kStrip = 16 << 10;
  const int64_t out = p.axes[p.last].out, rows = count / (out * p.inner);
  const auto height = static_cast<int64_t>(p.starts.size());
  const bool worthwhile = count >= kMinParallelValues;
  if (out * p.inner <= kStrip) {
    parallel_range(team, rows, worthwhile, [&](int64_t r0, int64_t r1, int) {
      for (int64_t r = r0; r < r1;) {
        const int64_t j0 = r % height, j1 = std::min(height, j0 + r1 - r);
        pick_rows(kernels, p, x + p.plane_start(r / height), y + r * out * p.inner, j0, j1);
        r += j1 - j0;
      }
    });
    return;
  }
  const int64_t step = std::max<int64_t>(1, kStrip / p.inner), strips = (out + step - 1) / step;
  parallel_range(team, rows * strips, worthwhile, [&](int64_t u0, int64_t u1, int) {
    for (int64_t u = u0; u < u1; ++u) {
      const int64_t row = u / strips, i0 = u % strips * step, i1 = std::min(out, i0 + step);
      const int64_t start = p.starts[static_cast<size_t>(row % height)];
      pick_row(kernels, p, x + p.plane_start(row / height) + start, y + (row * out + i0) * p.inner,
               static_cast<T*>(nullptr), i0, i1);
    }
  });
}

class NearestStep final : public StepKernel {
 public:
  NearestStep(Isa isa, Op op) : kernels_(resize_kernels(isa)), op_(std::move(op)) {}
  std::string name() const override { return "resize_nearest"; }

  Status run(StepContext& c) const override {
    const Resize& op = *op_.as<Resize>();
    const Tensor& x = c.input(0);
    FERRY_ASSIGN_OR_RETURN(const ResizeAxes axes, resize_axes(op, c));
    Dims dims;
    for (const ResizeAxis& a : axes) dims.push_back(a.out);
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), dims));
    if (y.count() == 0) return {};
    auto* state = dynamic_cast<Picks*>(c.state().get());
    if (state == nullptr || !std::ranges::equal(state->axes, axes)) {
      auto fresh = std::make_unique<Picks>();
      fresh->axes = axes;
      const bool fits = make_picks(op, x.dims(), *fresh);
      if (!fits) return op_.def().eval(op_, c);
      state = fresh.get();
      c.state() = std::move(fresh);
    }
    const auto pick = [&]<class T>(T) {
      using E = std::conditional_t<sizeof(T) == 4, float, T>;  // as pick_rising wants
      pick_all(kernels_, c.team(), *state, static_cast<const E*>(x.raw()), static_cast<E*>(y.raw()),
               y.count());
    };
    with_mover_type(x.dtype(), pick);
    return {};
  }

 private:
  bool make_picks(const Resize& op, const Dims& x, Picks& p) const {
    bool any = false;
    p.index.resize(x.size());
    for (size_t a = 0; a < x.size(); ++a) {
      if (p.axes[a].is_identity()) continue;
      if (p.axes[a].in == 0 || p.axes[a].in > INT32_MAX) return false;
      const AxisTaps taps = resize_taps(op, p.axes[a]);
      p.index[a].assign(taps.index.begin(), taps.index.end());
      p.last = a;
      any = true;
    }
    p.inner = x.count(p.last + 1, x.size());
    for (size_t a = 0; a + 1 < p.last; ++a) p.planes.push_back(p.axes[a].out);
    const int64_t height = p.last > 0 ? p.axes[p.last - 1].out : 1;
    for (int64_t j = 0; j < height; ++j) {
      p.starts.push_back(p.last > 0 ? p.pick(p.last - 1, j) * p.axes[p.last].in * p.inner : 0);
    }
    if (any && p.inner == 1) {
      const std::vector<int32_t>& index = p.index[p.last];
      const auto lanes = static_cast<size_t>(kernels_.lanes),
                 groups = (index.size() + lanes - 1) / lanes;
      p.base.resize(groups);
      p.lane.resize(groups * lanes);
      kernels_.plan_rising(index.data(), std::ssize(index), p.axes[p.last].in, p.base.data(),
                           p.lane.data());
    }
    return any;
  }

  const ResizeKernels& kernels_;
  Op op_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  const Resize& op = *request.node.op.as<Resize>();
  if (op.mode != "nearest") return KernelOffer(std::string("interpolates"));
  if (op.channels_last) return KernelOffer(std::string("channels last"));
  if (op.coordinate_transformation_mode == "tf_crop_and_resize") {
    return KernelOffer(std::string("crops"));
  }
  if (mover_element(request.type(0).dtype) == 0) {
    return KernelOffer(std::string("elements of no fixed size"));
  }
  return KernelOffer(std::make_unique<NearestStep>(request.isa, request.node.op));
}

}  // namespace

void register_resize_nearest_cpu(KernelRegistry& r) { r.add("Resize", "resize_nearest", make); }

}  // namespace ferry
