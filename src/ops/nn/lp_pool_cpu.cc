// SPDX-License-Identifier: Apache-2.0
// Pooling of planar fp32 images, where no convolution asks for channels last: a row of the output
// at a time.
#include <algorithm>
#include <cmath>

#include "base/status.h"
#include "kernels/pool/norm_pool.h"
#include "ops/nn/pool.h"
#include "ops/nn/window.h"
#include "ops_cpu/parallel.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

// Positions of one window along an axis that lie in the image: first, first + dilation, ...
struct Taps {
  int64_t first = 0, count = 0;
};

Taps taps_at(const WindowAxis& a, int64_t in, int64_t out) {
  const int64_t start = out * a.stride - a.pad_begin;
  const int64_t from = start < 0 ? ceil_div(-start, a.dilation) : 0;
  const int64_t to = std::min(a.kernel, ceil_div(in - start, a.dilation));
  return {start + from * a.dilation, std::max<int64_t>(to - from, 0)};
}

class LpPoolStep final : public StepKernel {
 public:
  LpPoolStep(Isa isa, Pool op) : kernels_(norm_pool_kernels(isa)), op_(std::move(op)) {}
  std::string name() const override { return "lp_pool_f32"; }

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
                     std::fill_n(line, row, 0.0f);
                     for (int64_t r = r0; r < r1; ++r) {
                       pool_row(x.data<float>(), in, out, w, r, line, inputs,
                                y.data<float>() + r * out.back());
                     }
                   });
    return {};
  }

 private:
  // Row r of the output, counted over batch and channels.
  void pool_row(const float* x, const Dims& in, const Dims& out, const Window& w, int64_t r,
                float* line, const float** inputs, float* y) const {
    const WindowAxis& last = w.axes[in.size() - 1];
    const int64_t width = in.back(), n = out.back();
    Taps outer[2] = {{0, 1}, {0, 1}};  // depth and height
    int64_t sizes[2] = {1, 1}, dilations[2] = {1, 1};
    for (size_t a = in.size() - 1; a-- > 0;) {
      const size_t d = 3 - in.size() + a;
      outer[d] = taps_at(w.axes[a], in[a], r % out[a]);
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
    const bool squares = op_.p == 2;
    if (count > 0)
      kernels_.combine(squares, inputs, count, inside, width);
    else
      std::fill_n(inside, width, 0.0f);
    kernels_.slide(line, last.kernel, last.dilation, last.stride, y, n);
    for (int64_t i = 0; i < n && squares; ++i) y[i] = std::sqrt(y[i]);
  }

  const NormPoolKernels& kernels_;
  Pool op_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  const Pool& op = *request.node.op.as<Pool>();
  const Type& x = request.type(0);
  if (x.dtype != DType::kFloat32) return KernelOffer(std::string("not f32"));
  if (op.channels_last) return KernelOffer(std::string("channels last"));
  if (op.p != 1 && op.p != 2) {
    return KernelOffer(std::string("a norm that is neither L1 nor L2"));
  }
  // Windows larger than images are left to the reference, which reads what lies inside alone.
  constexpr int64_t kMostTaps = 1024;
  int64_t taps = 1;
  for (int64_t k : op.kernel_shape) taps = k > kMostTaps ? kMostTaps + 1 : taps * k;
  if (op.kernel_shape.empty() || op.kernel_shape.size() > 3 || taps > kMostTaps) {
    return KernelOffer(std::string("too many axes or taps"));
  }
  return KernelOffer(std::make_unique<LpPoolStep>(request.isa, op));
}

}  // namespace

void register_lp_pool_cpu(KernelRegistry& r) { r.add("LpPool", "lp_pool_f32", make); }

}  // namespace ferry
