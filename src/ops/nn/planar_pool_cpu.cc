// SPDX-License-Identifier: Apache-2.0
// Pooling of planar fp32 images, where no convolution asks for channels last: a row of the output
// at a time.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/status.h"
#include "kernels/pool/planar_pool.h"
#include "ops/nn/pool.h"
#include "ops/nn/window.h"
#include "ops_cpu/parallel.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

// Positions of one window along an axis that lie in the image, and those that count.
struct Taps {
  int64_t first = 0, count = 0;  // positions first, first + dilation, ...
  int64_t counted = 0;           // of a mean's divisor
};

Taps taps_at(const WindowAxis& a, int64_t in, int64_t out, bool count_padding) {
  const int64_t start = out * a.stride - a.pad_begin;
  const int64_t from = start < 0 ? ceil_div(-start, a.dilation) : 0;
  const int64_t to = std::min(a.kernel, ceil_div(in - start, a.dilation));
  Taps t;
  t.first = start + from * a.dilation;
  t.count = std::max<int64_t>(to - from, 0);
  t.counted = t.count;
  // With padding, what lies in it before and behind; a window may reach beyond that.
  if (count_padding) {
    t.counted = std::min(a.kernel, ceil_div(in + a.pad_end - start, a.dilation));
  }
  return t;
}

class PlanarPoolStep final : public StepKernel {
 public:
  PlanarPoolStep(Isa isa, Pool op) : kernels_(planar_pool_kernels(isa)), op_(std::move(op)) {}
  std::string name() const override { return "planar_pool_f32"; }

  Status run(StepContext& c) const override {
    const Tensor& x = c.input(0);
    const Dims in = spatial_dims(x.dims(), false);
    FERRY_ASSIGN_OR_RETURN(Window w, window_of(op_, in.size()));
    FERRY_ASSIGN_OR_RETURN(const Dims out, resolve_window(w, in));
    FERRY_ASSIGN_OR_RETURN(Tensor y,
                           c.output(0, x.dtype(), image_dims(x.dim(0), x.dim(1), out, false)));
    if (y.count() == 0) return {};
    const WindowAxis& last = w.axes[in.size() - 1];
    // A row with the padding around it, as far as windows reach.
    const int64_t width = in.back(), reach = (out.back() - 1) * last.stride + last.extent();
    const int64_t row = std::max(reach, last.pad_begin + width);
    int64_t height = 1;
    for (size_t a = 0; a + 1 < in.size(); ++a) height *= w.axes[a].kernel;
    const int64_t rows_at = (row * int64_t{sizeof(float)} + 63) / 64 * 64;
    FERRY_RETURN_IF_ERROR(c.reserve_scratch(
        c.team().size(), rows_at + height * static_cast<int64_t>(sizeof(const float*))));
    const int64_t rows = y.count() / out.back();
    parallel_range(c.team(), rows, y.count() * w.taps() >= kMinParallelValues,
                   [&](int64_t r0, int64_t r1, int thread) {
                     auto* line = c.scratch<float>(thread);
                     auto* inputs =
                         reinterpret_cast<const float**>(c.scratch<char>(thread) + rows_at);
                     const bool max = op_.kind == PoolKind::kMax;
                     const float none = max ? -std::numeric_limits<float>::infinity() : 0.0f;
                     std::fill_n(line, last.pad_begin, none);
                     std::fill_n(line + last.pad_begin, row - last.pad_begin, none);
                     for (int64_t r = r0; r < r1; ++r) {
                       pool_row(x.data<float>(), in, out, w, r, none, line, inputs,
                                y.data<float>() + r * out.back());
                     }
                   });
    return {};
  }

 private:
  PoolFold fold() const {
    if (op_.kind == PoolKind::kMax) return PoolFold::kMax;
    if (op_.kind == PoolKind::kAverage) return PoolFold::kSum;
    return op_.p == 1 ? PoolFold::kSumMagnitude : PoolFold::kSumSquare;
  }

  // Row r of the output, counted over batch and channels.
  void pool_row(const float* x, const Dims& in, const Dims& out, const Window& w, int64_t r,
                float none, float* line, const float** inputs, float* y) const {
    const WindowAxis& last = w.axes[in.size() - 1];
    const int64_t width = in.back(), n = out.back();
    Taps outer[2] = {{0, 1, 1}, {0, 1, 1}};  // depth and height
    int64_t sizes[2] = {1, 1}, dilations[2] = {1, 1};
    for (size_t a = in.size() - 1; a-- > 0;) {
      const size_t d = 3 - in.size() + a;
      outer[d] = taps_at(w.axes[a], in[a], r % out[a], op_.count_include_pad);
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
    float* inside = line + last.pad_begin;
    if (count > 0)
      kernels_.combine(fold(), inputs, count, inside, width);
    else
      std::fill_n(inside, width, none);
    kernels_.slide(fold(), line, last.kernel, last.dilation, last.stride, y, n);
    if (op_.kind == PoolKind::kAverage) {
      const auto rows = static_cast<float>(outer[0].counted * outer[1].counted);
      for (int64_t i = 0; i < n; ++i) {
        const Taps t = taps_at(last, width, i, op_.count_include_pad);
        y[i] /= rows * static_cast<float>(t.counted);
      }
    } else if (op_.kind == PoolKind::kLp && op_.p == 2) {
      for (int64_t i = 0; i < n; ++i) y[i] = std::sqrt(y[i]);
    }
  }

  const PlanarPoolKernels& kernels_;
  Pool op_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  const Pool& op = *request.node.op.as<Pool>();
  const Type& x = request.type(0);
  if (x.dtype != DType::kFloat32) return KernelOffer(std::string("not f32"));
  if (op.channels_last) return KernelOffer(std::string("channels last"));
  if (request.output_type(1).is_tensor()) return KernelOffer(std::string("indices are wanted"));
  if (op.kind == PoolKind::kLp && op.p != 1 && op.p != 2) {
    return KernelOffer(std::string("a norm that is neither L1 nor L2"));
  }
  // Windows larger than images are left to the reference, which reads what lies inside alone.
  constexpr int64_t kMostTaps = 1024;
  int64_t taps = 1;
  for (int64_t k : op.kernel_shape) taps = k > kMostTaps ? kMostTaps + 1 : taps * k;
  if (op.kernel_shape.empty() || op.kernel_shape.size() > 3 || taps > kMostTaps) {
    return KernelOffer(std::string("too many axes or taps"));
  }
  return KernelOffer(std::make_unique<PlanarPoolStep>(request.isa, op));
}

}  // namespace

void register_planar_pool_cpu(KernelRegistry& r) {
  for (const char* op : {"MaxPool", "AveragePool", "LpPool"}) {
    r.add(op, "planar_pool_f32", make);
  }
}

}  // namespace ferry
