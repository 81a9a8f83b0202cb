// SPDX-License-Identifier: Apache-2.0
// Pooling of planar fp32 images, where no convolution asks for channels last: a row of the output
// at a time.
#include <algorithm>
#include <limits>

#include "base/status.h"
#include "kernels/pool/plane_pool.h"
#include "ops/nn/pool.h"
#include "ops_cpu/parallel.h"
#include "ops_cpu/window_taps.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

PoolJoin join_of(const Pool& op) {
  if (op.kind == PoolKind::kMax) return PoolJoin::kMax;
  if (op.kind == PoolKind::kAverage) return PoolJoin::kSum;
  return op.p == 1 ? PoolJoin::kMagnitudes : PoolJoin::kSquares;
}

// Rows of the output that a kernel makes together.
constexpr int64_t kRowsAtOnce = 8;

// Floats of a row with the padding around it, as far as windows reach; longer ones are rare.
constexpr int64_t kMostReach = 1 << 24;
int64_t line_reach(const WindowAxis& a, int64_t in, int64_t out) {
  return std::max((out - 1) * a.stride + a.extent(), a.pad_begin + in);
}

// The last axis as kernels take it, and the windows along the others.
struct Line final : StepState {
  PoolLine line;
  int64_t length = 0;  // floats, with room for what kernels read and write beyond the last one
  std::vector<int64_t> taps;
  std::vector<float> columns;
  std::vector<WindowTaps> slices, rows;  // of each depth and of each height of the output
  int64_t plane = 0;                     // floats of the image

  Line(const Pool& op, const Window& w, const Dims& in, const Dims& out)
      : Line(op, w.axes[in.size() - 1], in.back(), out.back()) {
    const auto windows = [&](size_t axes_behind, int64_t stride,
                             std::vector<WindowTaps>& windows_of) {
      if (in.size() <= axes_behind) {
        windows_of.resize(1);
        return;
      }
      const size_t a = in.size() - 1 - axes_behind;
      for (int64_t o = 0; o < out[a]; ++o) {
        windows_of.emplace_back(w.axes[a], in[a], o);
        windows_of.back().first *= stride;
      }
    };
    plane = in.count();
    const int64_t slice = in.size() > 2 ? in[1] * in[2] : 0;
    windows(1, in.back(), rows);
    windows(2, slice, slices);
    if (in.size() > 1) line.row_stride = w.axes[in.size() - 2].dilation * in.back();
    if (in.size() > 2) line.slice_stride = w.axes[0].dilation * slice;
  }

 private:
  Line(const Pool& op, const WindowAxis& a, int64_t in, int64_t out) {
    constexpr int64_t kRoom = 2 * 16;  // two of the widest vectors
    const bool halves = a.stride == 2;
    const int64_t reach = line_reach(a, in, out);
    line.width = in;
    line.outputs = out;
    line.step = halves || out == 1 ? 1 : a.stride;
    const int64_t half = reach / 2 + 1 + kRoom;
    length = halves ? 2 * half : reach + kRoom * line.step;
    const auto place = [&](int64_t q) { return halves ? q % 2 * half + q / 2 : q; };
    line.even = place(a.pad_begin);
    line.odd = halves ? place(a.pad_begin + 1) : 0;
    for (int64_t t = 0; t < a.kernel; ++t) taps.push_back(place(t * a.dilation));
    for (int64_t o = 0; o < out && op.kind == PoolKind::kAverage; ++o) {
      const WindowTaps w(a, in, o);
      columns.push_back(static_cast<float>(op.count_include_pad ? w.padded : w.count));
    }
    line.taps = taps.data();
    line.num_taps = std::ssize(taps);
    line.columns = columns.data();
    line.outside = op.kind == PoolKind::kMax ? -std::numeric_limits<float>::infinity() : 0;
  }
};

// A row of the output: its plane, counted over batch and channels, its depth and its height.
struct RowAt {
  int64_t plane, depth, height, depths, heights;

  RowAt(const Dims& out, int64_t row)
      : depths(out.size() > 2 ? out[0] : 1), heights(out.size() > 1 ? out[out.size() - 2] : 1) {
    height = row % heights;
    depth = row / heights % depths;
    plane = row / heights / depths;
  }
  void next() {
    if (++height < heights) return;
    height = 0;
    if (++depth < depths) return;
    depth = 0;
    ++plane;
  }
};

class PlanePoolStep final : public StepKernel {
 public:
  PlanePoolStep(Isa isa, Op op)
      : kernels_(plane_pool_kernels(isa)),
        fallback_(std::move(op)),
        op_(*fallback_.as<Pool>()),
        join_(join_of(op_)) {}
  std::string name() const override { return "plane_pool_f32"; }

  Status run(StepContext& c) const override {
    const Tensor& x = c.input(0);
    const Dims in = spatial_dims(x.dims(), false);
    FERRY_ASSIGN_OR_RETURN(Window w, window_of(op_, in.size()));
    FERRY_ASSIGN_OR_RETURN(const Dims out, resolve_window(w, in));
    const WindowAxis& last = w.axes[in.size() - 1];
    if (line_reach(last, in.back(), out.back()) > kMostReach)
      return fallback_.def().eval(fallback_, c);
    FERRY_ASSIGN_OR_RETURN(Tensor y,
                           c.output(0, x.dtype(), image_dims(x.dim(0), x.dim(1), out, false)));
    if (y.count() == 0) return {};
    if (c.state() == nullptr) {
      c.state() = std::make_unique<Line>(op_, w, in, out);
    }
    const auto& line = static_cast<const Line&>(*c.state());
    const int64_t line_bytes = (line.length * int64_t{sizeof(float)} + 63) / 64 * 64;
    FERRY_RETURN_IF_ERROR(c.reserve_scratch(c.team().size(), kRowsAtOnce * line_bytes));
    const int64_t rows = y.count() / out.back();
    parallel_range(c.team(), rows, y.count() * w.taps() >= kMinParallelValues,
                   [&](int64_t r0, int64_t r1, int thread) {
                     char* scratch = c.scratch<char>(thread);
                     const auto values = [&](int64_t i) {
                       return reinterpret_cast<float*>(scratch + i * line_bytes);
                     };
                     for (int64_t i = 0; i < kRowsAtOnce; ++i) {
                       std::fill_n(values(i), line.length, line.line.outside);
                     }
                     RowAt at(out, r0);
                     for (int64_t r = r0; r < r1; r += kRowsAtOnce) {
                       const int64_t n = std::min(kRowsAtOnce, r1 - r);
                       PoolRow batch[kRowsAtOnce];
                       for (int64_t i = 0; i < n; ++i, at.next()) {
                         batch[i] = row_of(x.data<float>(), line, at, values(i));
                         batch[i].y = y.data<float>() + (r + i) * out.back();
                       }
                       kernels_.pool(join_, line.line, batch, n);
                     }
                   });
    return {};
  }

 private:
  PoolRow row_of(const float* x, const Line& line, const RowAt& at, float* values) const {
    const WindowTaps& slices = line.slices[static_cast<size_t>(at.depth)];
    const WindowTaps& rows = line.rows[static_cast<size_t>(at.height)];
    const int64_t count = slices.count * rows.count;
    const int64_t counted = op_.count_include_pad ? slices.padded * rows.padded : count;
    if (count == 0) std::fill_n(values, line.length, line.line.outside);
    return {x + at.plane * line.plane + slices.first + rows.first,
            slices.count,
            rows.count,
            static_cast<float>(counted),
            values,
            nullptr};
  }

  const PlanePoolKernels& kernels_;
  Op fallback_;
  const Pool& op_;
  PoolJoin join_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  const Pool& op = *request.node.op.as<Pool>();
  if (request.type(0).dtype != DType::kFloat32) return KernelOffer(std::string("not f32"));
  if (op.channels_last) return KernelOffer(std::string("channels last"));
  if (request.output_type(1).is_tensor()) return KernelOffer(std::string("indices are wanted"));
  if (op.kind == PoolKind::kLp && op.p != 1 && op.p != 2) {
    return KernelOffer(std::string("a norm that is neither L1 nor L2"));
  }
  if (!pools_planes(op)) return KernelOffer(std::string("too many axes or taps"));
  return KernelOffer(std::make_unique<PlanePoolStep>(request.isa, request.node.op));
}

}  // namespace

void register_plane_pool_cpu(KernelRegistry& r) {
  for (const char* op : {"MaxPool", "AveragePool", "LpPool"}) r.add(op, "plane_pool_f32", make);
}

}  // namespace ferry
