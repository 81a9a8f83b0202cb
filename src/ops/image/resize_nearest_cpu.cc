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
  Dims rows;  // sizes of y's axes before `last`

  Dims position_of(int64_t row) const {
    Dims at = rows;
    for (size_t a = rows.size(); a-- > 0; row /= rows[a]) at[a] = row % rows[a];
    return at;
  }

  // The row of y at these positions along the axes before `last` comes from x at this element.
  int64_t source_of(const Dims& at) const {
    int64_t source = 0;
    for (size_t a = 0; a < last; ++a) source = source * axes[a].in + pick(a, at[a]);
    return source * axes[last].in * inner;
  }

  int64_t pick(size_t axis, int64_t i) const {
    return index[axis].empty() ? i : index[axis][static_cast<size_t>(i)];
  }

  // To the next row and where it comes from.
  void advance(Dims& at, int64_t& source) const {
    if (last > 0 && at[last - 1] + 1 < rows[last - 1]) {
      const int64_t i = at[last - 1]++;
      source += (pick(last - 1, i + 1) - pick(last - 1, i)) * axes[last].in * inner;
    } else {
      next_position(at, rows);
      source = source_of(at);
    }
  }
};

// Outputs [i0, i1) along the last resampled axis.
template <class T>
void pick_row(const ResizeKernels& kernels, const Picks& p, const T* x, T* y, int64_t i0,
              int64_t i1) {
  const int32_t* index = p.index[p.last].data();
  if (p.inner > 1) {
    for (int64_t i = i0; i < i1; ++i, y += p.inner) {
      std::memcpy(y, x + index[i] * p.inner, static_cast<size_t>(p.inner) * sizeof(T));
    }
  } else if constexpr (sizeof(T) == 4) {
    kernels.pick_rising(x, p.axes[p.last].in, index + i0, y, i1 - i0);
  } else {
    for (int64_t i = i0; i < i1; ++i) *y++ = x[index[i]];
  }
}

template <class T>
void pick_all(const ResizeKernels& kernels, Team& team, const Picks& p, const T* x, T* y,
              int64_t count) {
  constexpr int64_t kStrip = 16 << 10;  // elements that a thread takes from a long row
  const int64_t out = p.axes[p.last].out, rows = count / (out * p.inner);
  const int64_t step = std::max<int64_t>(1, kStrip / p.inner), strips = (out + step - 1) / step;
  parallel_range(team, rows * strips, count >= kMinParallelValues,
                 [&](int64_t u0, int64_t u1, int) {
                   int64_t row = u0 / strips, strip = u0 % strips;
                   Dims at = p.position_of(row);
                   int64_t source = p.source_of(at), before = -1;
                   for (int64_t u = u0; u < u1; ++u) {
                     const int64_t i0 = strip * step, i1 = std::min(out, i0 + step);
                     T* to = y + (row * out + i0) * p.inner;
                     if (source == before && u - strips >= u0) {
                       const int64_t n = (i1 - i0) * p.inner;
                       std::memcpy(to, to - out * p.inner, static_cast<size_t>(n) * sizeof(T));
                     } else {
                       pick_row(kernels, p, x + source, to, i0, i1);
                     }
                     if (++strip < strips) continue;
                     strip = 0;
                     ++row;
                     before = source;
                     p.advance(at, source);
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
  static bool make_picks(const Resize& op, const Dims& x, Picks& p) {
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
    for (size_t a = 0; a < p.last; ++a) p.rows.push_back(p.axes[a].out);
    p.inner = x.count(p.last + 1, x.size());
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
