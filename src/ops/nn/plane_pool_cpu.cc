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

// Floats of a row with the padding around it, as far as windows reach; longer ones are rare.
constexpr int64_t kMostReach = 1 << 24;
int64_t line_reach(const WindowAxis& a, int64_t in, int64_t out) {
  return std::max((out - 1) * a.stride + a.extent(), a.pad_begin + in);
}

// The last axis: how a line with the padding around it lies in memory, and what is read from it.
struct Line final : StepState {
  int64_t length = 0;         // floats, with room for a vector read beyond the last output
  int64_t even = 0, odd = 0;  // where the row of the image begins in it; odd 0: in one piece
  int64_t step = 1;           // from output to output
  std::vector<int64_t> taps;
  std::vector<float> columns;  // of the mean: what each output counts along the row

  Line(const Pool& op, const WindowAxis& a, int64_t in, int64_t out) {
    constexpr int64_t kRoom = 16;  // lanes of the widest vector
    const bool halves = a.stride == 2;
    const int64_t reach = line_reach(a, in, out);
    step = halves || out == 1 ? 1 : a.stride;
    const int64_t half = reach / 2 + 1 + kRoom;
    length = halves ? 2 * half : reach + kRoom * step;
    const auto place = [&](int64_t q) { return halves ? q % 2 * half + q / 2 : q; };
    even = place(a.pad_begin);
    odd = halves ? place(a.pad_begin + 1) : 0;
    for (int64_t t = 0; t < a.kernel; ++t) taps.push_back(place(t * a.dilation));
    for (int64_t o = 0; o < out && op.kind == PoolKind::kAverage; ++o) {
      const WindowTaps w(a, in, o);
      columns.push_back(static_cast<float>(op.count_include_pad ? w.padded : w.count));
    }
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
      c.state() = std::make_unique<Line>(op_, last, in.back(), out.back());
    }
    const auto& line = static_cast<const Line&>(*c.state());
    int64_t height = 1;
    for (size_t a = 0; a + 1 < in.size(); ++a) height *= w.axes[a].kernel;
    const int64_t rows_at = (line.length * int64_t{sizeof(float)} + 63) / 64 * 64;
    FERRY_RETURN_IF_ERROR(c.reserve_scratch(
        c.team().size(), rows_at + height * static_cast<int64_t>(sizeof(const float*))));
    const int64_t rows = y.count() / out.back();
    parallel_range(c.team(), rows, y.count() * w.taps() >= kMinParallelValues,
                   [&](int64_t r0, int64_t r1, int thread) {
                     auto* memory = c.scratch<float>(thread);
                     auto* inputs =
                         reinterpret_cast<const float**>(c.scratch<char>(thread) + rows_at);
                     std::fill_n(memory, line.length, outside());
                     for (int64_t r = r0; r < r1; ++r) {
                       pool_row(x.data<float>(), in, out, w, line, r, memory, inputs,
                                y.data<float>() + r * out.back());
                     }
                   });
    return {};
  }

 private:
  float outside() const {
    return op_.kind == PoolKind::kMax ? -std::numeric_limits<float>::infinity() : 0;
  }

  // Row r of the output, counted over batch and channels.
  void pool_row(const float* x, const Dims& in, const Dims& out, const Window& w, const Line& line,
                int64_t r, float* memory, const float** inputs, float* y) const {
    const int64_t width = in.back();
    WindowTaps outer[2];  // depth and height
    int64_t sizes[2] = {1, 1}, dilations[2] = {1, 1};
    for (size_t a = in.size() - 1; a-- > 0;) {
      const size_t d = 3 - in.size() + a;
      outer[d] = WindowTaps(w.axes[a], in[a], r % out[a]);
      sizes[d] = in[a];
      dilations[d] = w.axes[a].dilation;
      r /= out[a];
    }
    const float* plane = x + r * sizes[0] * sizes[1] * width;
    int64_t count = 0;
    for (int64_t i = 0; i < outer[0].count; ++i) {
      for (int64_t j = 0; j < outer[1].count; ++j) {
        const int64_t at =
            (outer[0].first + i * dilations[0]) * sizes[1] + outer[1].first + j * dilations[1];
        inputs[count++] = plane + at * width;
      }
    }
    const int64_t counted = op_.count_include_pad ? outer[0].padded * outer[1].padded : count;
    float* odd = line.odd == 0 ? nullptr : memory + line.odd;
    if (count > 0) {
      kernels_.combine(join_, inputs, count, width, memory + line.even, odd);
    } else {
      std::fill_n(memory, line.length, outside());
    }
    kernels_.slide(join_, memory, line.step, line.taps.data(),
                   static_cast<int64_t>(line.taps.size()), line.columns.data(),
                   static_cast<float>(counted), y, out.back());
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
