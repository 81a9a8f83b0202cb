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

// The last axis, as kernels take it.
struct Line final : StepState {
  PoolLine line;
  int64_t length = 0;  // floats, with room for a vector read beyond the last output
  std::vector<int64_t> taps;
  std::vector<float> columns;

  Line(const Pool& op, const WindowAxis& a, int64_t in, int64_t out) {
    constexpr int64_t kRoom = 16;  // lanes of the widest vector
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
      c.state() = std::make_unique<Line>(op_, last, in.back(), out.back());
    }
    const auto& line = static_cast<const Line&>(*c.state());
    int64_t height = 1;
    for (size_t a = 0; a + 1 < in.size(); ++a) height *= w.axes[a].kernel;
    const int64_t line_bytes = (line.length * int64_t{sizeof(float)} + 63) / 64 * 64;
    const int64_t row_bytes = line_bytes + (height * int64_t{sizeof(const float*)} + 63) / 64 * 64;
    FERRY_RETURN_IF_ERROR(c.reserve_scratch(c.team().size(), kRowsAtOnce * row_bytes));
    const int64_t rows = y.count() / out.back();
    parallel_range(
        c.team(), rows, y.count() * w.taps() >= kMinParallelValues,
        [&](int64_t r0, int64_t r1, int thread) {
          char* scratch = c.scratch<char>(thread);
          for (int64_t i = 0; i < kRowsAtOnce; ++i) {
            std::fill_n(reinterpret_cast<float*>(scratch + i * row_bytes), line.length, outside());
          }
          RowAt at(out, r0);
          for (int64_t r = r0; r < r1; r += kRowsAtOnce) {
            const int64_t n = std::min(kRowsAtOnce, r1 - r);
            PoolRow batch[kRowsAtOnce];
            for (int64_t i = 0; i < n; ++i, at.next()) {
              char* memory = scratch + i * row_bytes;
              batch[i] = row_of(x.data<float>(), in, w, line, at, memory, memory + line_bytes);
              batch[i].y = y.data<float>() + (r + i) * out.back();
            }
            kernels_.pool(join_, line.line, batch, n);
          }
        });
    return {};
  }

 private:
  float outside() const {
    return op_.kind == PoolKind::kMax ? -std::numeric_limits<float>::infinity() : 0;
  }

  PoolRow row_of(const float* x, const Dims& in, const Window& w, const Line& line, const RowAt& at,
                 char* memory, char* pointers) const {
    const int64_t width = in.back();
    const int64_t indices[2] = {at.depth, at.height};
    WindowTaps outer[2];  // depth and height
    int64_t sizes[2] = {1, 1}, dilations[2] = {1, 1};
    for (size_t a = 0; a + 1 < in.size(); ++a) {
      const size_t d = 3 - in.size() + a;
      outer[d] = WindowTaps(w.axes[a], in[a], indices[d]);
      sizes[d] = in[a];
      dilations[d] = w.axes[a].dilation;
    }
    const auto inputs = reinterpret_cast<const float**>(pointers);
    const float* plane = x + at.plane * sizes[0] * sizes[1] * width;
    int64_t count = 0;
    for (int64_t i = 0; i < outer[0].count; ++i) {
      for (int64_t j = 0; j < outer[1].count; ++j) {
        const int64_t row =
            (outer[0].first + i * dilations[0]) * sizes[1] + outer[1].first + j * dilations[1];
        inputs[count++] = plane + row * width;
      }
    }
    const int64_t counted = op_.count_include_pad ? outer[0].padded * outer[1].padded : count;
    const auto values = reinterpret_cast<float*>(memory);
    if (count == 0) std::fill_n(values, line.length, outside());
    return {inputs, count, static_cast<float>(counted), values, nullptr};
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
