// SPDX-License-Identifier: Apache-2.0
// Pooling of channels-last fp32 images; global pooling in either layout.
#include <algorithm>
#include <cmath>

#include "base/status.h"
#include "kernels/pool/pool.h"
#include "ops/nn/pool.h"
#include "ops/nn/window.h"
#include "ops_cpu/reduce_matrix.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

class PoolKernel final : public StepKernel {
 public:
  PoolKernel(Isa isa, Pool op) : isa_(isa), op_(std::move(op)) {}
  std::string name() const override { return "pool_f32"; }
  bool takes_pitch(size_t i) const override { return i == 0; }
  bool writes_pitch() const override { return true; }

  Status run(StepContext& c) const override {
    const Tensor& x = c.input(0);
    const Dims in = spatial_dims(x.dims(), true);
    FERRY_ASSIGN_OR_RETURN(Window w, window_of(op_, in.size()));
    FERRY_ASSIGN_OR_RETURN(const Dims out, resolve_window(w, in));
    PoolShape s;
    s.max = op_.kind == PoolKind::kMax;
    s.count_padding = op_.count_include_pad;
    s.batch = x.dim(0);
    s.channels = x.dim(x.rank() - 1);
    for (size_t a = 0; a < in.size(); ++a) {
      const size_t d = 3 - in.size() + a;
      s.in[d] = in[a];
      s.out[d] = out[a];
      s.kernel[d] = w.axes[a].kernel;
      s.stride[d] = w.axes[a].stride;
      s.dilation[d] = w.axes[a].dilation;
      s.pad[d] = w.axes[a].pad_begin;
      s.pad_end[d] = w.axes[a].pad_end;
    }
    FERRY_ASSIGN_OR_RETURN(Tensor y,
                           c.output(0, x.dtype(), image_dims(s.batch, s.channels, out, true)));
    if (y.count() == 0) return {};
    s.x_pitch = c.input_pitch(0);
    s.y_pitch = c.output_pitch(0);
    parallel_range(c.team(), s.rows(), y.count() * s.taps() >= kMinParallelValues,
                   [&](int64_t from, int64_t to, int) {
                     pool_rows(isa_, s, x.data<float>(), y.data<float>(), from, to);
                   });
    return {};
  }

 private:
  Isa isa_;
  Pool op_;
};

class GlobalPoolKernel final : public StepKernel {
 public:
  GlobalPoolKernel(Isa isa, GlobalPool op) : kernels_(row_kernels(isa)), op_(op) {}
  std::string name() const override { return "global_pool_f32"; }

  Status run(StepContext& c) const override {
    const Tensor& x = c.input(0);
    const bool last = op_.channels_last;
    const int64_t batch = x.dim(0), channels = x.dim(image_axes(x.rank(), last).channel);
    const Dims in = spatial_dims(x.dims(), last);
    const Dims ones = Dims::filled(in.size(), 1);
    FERRY_ASSIGN_OR_RETURN(Tensor y,
                           c.output(0, x.dtype(), image_dims(batch, channels, ones, last)));
    if (y.count() == 0) return {};
    const int64_t n = in.count();
    const float factor = op_.kind == PoolKind::kAverage ? 1.0f / static_cast<float>(n) : 1.0f;
    reduce_matrix(kernels_, c.team(), reduction(), x.data<float>(), y.data<float>(),
                  last ? batch : batch * channels, n, last ? channels : 1, factor);
    if (reduction() == RowReduction::kSumSquare) {
      for (int64_t i = 0; i < y.count(); ++i) y.data<float>()[i] = std::sqrt(y.data<float>()[i]);
    }
    return {};
  }

 private:
  RowReduction reduction() const {
    if (op_.kind == PoolKind::kMax) return RowReduction::kMax;
    if (op_.kind == PoolKind::kAverage) return RowReduction::kSum;
    return op_.p == 1 ? RowReduction::kL1 : RowReduction::kSumSquare;
  }

  const RowKernels& kernels_;
  GlobalPool op_;
};

Result<KernelOffer> make_pool(const KernelRequest& request) {
  const Pool& op = *request.node.op.as<Pool>();
  if (request.type(0).dtype != DType::kFloat32) return KernelOffer(std::string("not f32"));
  if (!op.channels_last) return KernelOffer(std::string("planar layout"));
  if (request.output_type(1).is_tensor()) return KernelOffer(std::string("indices are wanted"));
  const size_t spatial = op.kernel_shape.size();
  // Of a window larger than the image only what lies inside is read.
  const Type& x = request.type(0);
  double taps = 1;
  for (size_t a = 0; a < spatial; ++a) {
    int64_t k = op.kernel_shape[a];
    if (x.has_rank() && x.rank() == spatial + 2 && (*x.shape)[a + 1].is_constant()) {
      k = std::min(k, (*x.shape)[a + 1].constant());
    }
    taps *= static_cast<double>(k);
  }
  if (spatial < 1 || spatial > 3 || taps > static_cast<double>(PoolShape::kMaxTaps)) {
    return KernelOffer(std::string("too many axes or taps"));
  }
  return KernelOffer(std::make_unique<PoolKernel>(request.isa, op));
}

Result<KernelOffer> make_global(const KernelRequest& request) {
  const GlobalPool& op = *request.node.op.as<GlobalPool>();
  const Type& x = request.type(0);
  if (x.dtype != DType::kFloat32) return KernelOffer(std::string("not f32"));
  if (!x.has_rank() || x.rank() < 2) return KernelOffer(std::string("rank is not known"));
  if (op.kind == PoolKind::kLp && op.p != 1 && op.p != 2) {
    return KernelOffer(std::string("a norm that is neither L1 nor L2"));
  }
  return KernelOffer(std::make_unique<GlobalPoolKernel>(request.isa, op));
}

}  // namespace

void register_pool_cpu(KernelRegistry& r) {
  for (const char* op : {"MaxPool", "AveragePool"}) r.add(op, "pool_f32", make_pool);
  for (const char* op : {"GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool"}) {
    r.add(op, "global_pool_f32", make_global);
  }
}

}  // namespace ferry
