// SPDX-License-Identifier: Apache-2.0
// Resize in fp32: one pass per resized axis with tables of taps that are kept until sizes change.
#include <algorithm>
#include <cstring>

#include "base/status.h"
#include "kernels/resize/resize.h"
#include "ops/arguments.h"
#include "ops/image/resize.h"
#include "ops_cpu/parallel.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

// Rows of fewer elements are gathered instead of added up row by row.
constexpr int64_t kMinRow = 8;

// Resamples [outer, in, inner] to [outer, out, inner].
struct Pass {
  int64_t outer, in, out, inner, taps;
  bool gathered;
  // Row by row: [out][taps], positions along the axis. Gathered: [taps][out * inner], offsets.
  std::vector<int32_t> index;
  std::vector<float> weight;

  int64_t count() const { return outer * out * inner; }
};

Pass make_pass(const AxisTaps& t, int64_t outer, const ResizeAxis& a, int64_t inner) {
  Pass p{outer, a.in, a.out, inner, t.taps, inner < kMinRow, {}, {}};
  if (!p.gathered) {
    p.index.assign(t.index.begin(), t.index.end());
    for (double w : t.weight) p.weight.push_back(static_cast<float>(w));
    return p;
  }
  for (int64_t k = 0; k < t.taps; ++k) {
    for (int64_t o = 0; o < a.out; ++o) {
      const auto at = static_cast<size_t>(o * t.taps + k);
      for (int64_t i = 0; i < inner; ++i) {
        p.index.push_back(static_cast<int32_t>(t.index[at] * inner + i));
        p.weight.push_back(static_cast<float>(t.weight[at]));
      }
    }
  }
  return p;
}

// Makes one pass of `front` and of `back`, which follows it on the next axis, where both pick rows:
// nothing then lies between them. False, with nothing done, where they do otherwise.
bool join_picks(Pass& front, const Pass& back) {
  constexpr int64_t kMost = 1 << 20;  // entries of the table
  if (front.taps != 1 || back.taps != 1 || back.gathered || front.out * back.out > kMost ||
      front.inner != back.in * back.inner || front.in * back.in > INT32_MAX) {
    return false;
  }
  std::vector<int32_t> index;
  for (const int32_t row : front.index) {
    for (const int32_t column : back.index) {
      index.push_back(static_cast<int32_t>(row * back.in + column));
    }
  }
  front = {
      front.outer, front.in * back.in, front.out * back.out, back.inner, 1, false, std::move(index),
      {}};
  return true;
}

// Rows of y that are not gathered are `pitch` floats apart.
void run_pass(const ResizeKernels& kernels, Team& team, const Pass& p, const float* x, float* y,
              int64_t pitch) {
  const bool worthwhile = p.count() * p.taps >= kMinParallelValues;
  if (p.gathered) {
    const int64_t row = p.in * p.inner, n = p.out * p.inner;
    parallel_range(team, p.outer, worthwhile, [&](int64_t from, int64_t to, int) {
      for (int64_t o = from; o < to; ++o) {
        kernels.blend_gathered(x + o * row, p.index.data(), p.weight.data(), p.taps, y + o * n, n);
      }
    });
    return;
  }
  parallel_range(team, p.outer * p.out, worthwhile, [&](int64_t from, int64_t to, int) {
    const float* rows[64];
    for (int64_t r = from; r < to; ++r) {
      const float* image = x + r / p.out * p.in * p.inner;
      const int64_t at = r % p.out * p.taps;
      float* target = y + r * pitch;
      for (int64_t t = 0; t < p.taps; ++t) {
        rows[t] = image + p.index[static_cast<size_t>(at + t)] * p.inner;
      }
      if (p.taps == 1) {
        std::memcpy(target, rows[0], static_cast<size_t>(p.inner) * sizeof(float));
      } else {
        kernels.blend_rows(rows, p.weight.data() + at, p.taps, target, p.inner);
      }
    }
  });
}

struct ResizeState final : StepState {
  ResizeAxes axes;
  std::vector<Pass> passes;
  bool fits = true;  // tables are small enough
};

class ResizeKernel final : public StepKernel {
 public:
  ResizeKernel(Isa isa, Op op, bool by_pixel)
      : kernels_(resize_kernels(isa)), op_(std::move(op)), by_pixel_(by_pixel) {}
  std::string name() const override { return "resize_f32"; }
  bool writes_pitch() const override { return by_pixel_; }

  Status run(StepContext& c) const override {
    const Resize& op = *op_.as<Resize>();
    const Tensor& x = c.input(0);
    FERRY_ASSIGN_OR_RETURN(const ResizeAxes axes, resize_axes(op, c));
    Dims dims;
    for (const ResizeAxis& a : axes) dims.push_back(a.out);
    // Before the tables: they are as long as y's axes, which only its memory bounds.
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), dims));
    if (y.count() == 0) return {};
    auto* state = dynamic_cast<ResizeState*>(c.state().get());
    if (state == nullptr || !std::ranges::equal(state->axes, axes)) {
      auto fresh = std::make_unique<ResizeState>();
      fresh->axes = axes;
      make_passes(op, x, *fresh);
      state = fresh.get();
      c.state() = std::move(fresh);
    }
    if (!state->fits || state->passes.empty()) return op_.def().eval(op_, c);
    const int64_t pitch = by_pixel_ ? c.output_pitch(0) : state->passes.back().inner;
    return run_passes(c, state->passes, x.data<float>(), y.data<float>(), pitch);
  }

 private:
  // In what order: gathering is dear, so axes of short rows that grow come first.
  static Axes pass_order(const ResizeAxes& axes, const Dims& dims) {
    Axes order;
    for (bool first : {true, false}) {
      for (size_t a = 0; a < dims.size(); ++a) {
        const bool gathers = dims.count(a + 1, dims.size()) < kMinRow;
        if ((gathers && axes[a].out > axes[a].in) == first) order.push_back(a);
      }
    }
    return order;
  }

  static void make_passes(const Resize& op, const Tensor& x, ResizeState& state) {
    Dims dims = x.dims();
    for (size_t a : pass_order(state.axes, dims)) {
      const ResizeAxis& axis = state.axes[a];
      if (axis.is_identity()) continue;
      if (axis.in == 0) {
        state.fits = false;
        return;
      }
      const int64_t outer = dims.count(0, a), inner = dims.count(a + 1, dims.size());
      const AxisTaps taps = resize_taps(op, axis);
      state.fits = state.fits && taps.taps <= 64 && axis.in * inner < INT32_MAX;
      if (!state.fits) return;
      Pass pass = make_pass(taps, outer, axis, inner);
      dims[a] = axis.out;
      if (!state.passes.empty() && join_picks(state.passes.back(), pass)) continue;
      state.passes.push_back(std::move(pass));
    }
  }

  Status run_passes(StepContext& c, const std::vector<Pass>& passes, const float* x, float* y,
                    int64_t pitch) const {
    // What lies between two passes alternates between two buffers.
    int64_t most = 0;
    for (size_t i = 0; i + 1 < passes.size(); ++i) most = std::max(most, passes[i].count());
    FERRY_RETURN_IF_ERROR(c.reserve_scratch(1, 2 * most * int64_t{sizeof(float)}));
    auto* between = c.scratch<float>(0);
    for (size_t i = 0; i < passes.size(); ++i) {
      FERRY_RETURN_IF_ERROR(c.poll());
      const bool last = i + 1 == passes.size();
      float* to = last ? y : between + (i % 2 == 0 ? 0 : most);
      run_pass(kernels_, c.team(), passes[i], x, to, last ? pitch : passes[i].inner);
      x = to;
    }
    return {};
  }

  const ResizeKernels& kernels_;
  Op op_;
  bool by_pixel_;
};

// The last pass writes rows of channels, whatever the values of the inputs: it resizes the last but
// one axis of known sizes, and nothing can make it refuse.
bool is_by_pixel(const Resize& op, const Type& x, const Type& y) {
  if (op.antialias || !x.has_rank() || !y.has_rank() || x.rank() < 2) return false;
  const auto from = constant_dims(*x.shape), to = constant_dims(*y.shape);
  if (!from || !to || from->size() != to->size()) return false;
  const size_t last = from->size() - 1;
  return from->count() > 0 && from->count() < INT32_MAX && (*from)[last] == (*to)[last] &&
         (*from)[last] >= kMinRow && (*from)[last - 1] != (*to)[last - 1];
}

Result<KernelOffer> make(const KernelRequest& request) {
  if (request.type(0).dtype != DType::kFloat32) return KernelOffer(std::string("not f32"));
  const Resize& op = *request.node.op.as<Resize>();
  if (op.coordinate_transformation_mode == "tf_crop_and_resize") {
    return KernelOffer(std::string("crops"));
  }
  return KernelOffer(std::make_unique<ResizeKernel>(
      request.isa, request.node.op, is_by_pixel(op, request.type(0), request.output_type(0))));
}

}  // namespace

void register_resize_cpu(KernelRegistry& r) { r.add("Resize", "resize_f32", make); }

}  // namespace ferry
