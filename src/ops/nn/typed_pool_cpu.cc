// SPDX-License-Identifier: Apache-2.0
// MaxPool of planes that also says where its maxima lie, or of other types than f32: a row of the
// output at a time, tap by tap.
#include <limits>

#include "base/status.h"
#include "kernels/pool/typed_pool.h"
#include "ops/nn/pool.h"
#include "ops_cpu/parallel.h"
#include "ops_cpu/window_taps.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

void fill_lowest(DType type, void* y, int64_t n) {
  if (type == DType::kFloat32)
    std::fill_n(static_cast<float*>(y), n, -std::numeric_limits<float>::infinity());
  else if (type == DType::kFloat64)
    std::fill_n(static_cast<double*>(y), n, -std::numeric_limits<double>::infinity());
  else if (type == DType::kInt8)
    std::fill_n(static_cast<int8_t*>(y), n, std::numeric_limits<int8_t>::lowest());
  else
    std::fill_n(static_cast<uint8_t*>(y), n, uint8_t{0});
}

// The image as depth, height, width; those that it lacks come first, as 1.
struct Volume {
  int64_t in[3] = {1, 1, 1}, out[3] = {1, 1, 1};
  WindowAxis axes[3] = {{.kernel = 1}, {.kernel = 1}, {.kernel = 1}};
  int64_t position[3];  // from neighbour to neighbour along each, as indices count

  Volume(const Window& w, const Dims& from, const Dims& to, bool column_major) {
    for (size_t a = 0; a < from.size(); ++a) {
      const size_t d = 3 - from.size() + a;
      in[d] = from[a];
      out[d] = to[a];
      axes[d] = w.axes[a];
    }
    position[0] = column_major ? 1 : in[1] * in[2];
    position[1] = column_major ? in[0] : in[2];
    position[2] = column_major ? in[0] * in[1] : 1;
  }
  int64_t plane() const { return in[0] * in[1] * in[2]; }
};

class MaxPoolStep final : public StepKernel {
 public:
  MaxPoolStep(MaxTap kernel, Op op) : kernel_(kernel), op_(std::move(op)) {}
  std::string name() const override { return "max_pool_typed"; }

  Status run(StepContext& c) const override {
    const Pool& op = *op_.as<Pool>();
    const Tensor& x = c.input(0);
    const Dims in = spatial_dims(x.dims(), false);
    FERRY_ASSIGN_OR_RETURN(Window w, window_of(op, in.size()));
    FERRY_ASSIGN_OR_RETURN(const Dims out, resolve_window(w, in));
    const Volume v(w, in, out, op.storage_order == 1);
    if (v.plane() > INT32_MAX / 2) return op_.def().eval(op_, c);
    const Dims y_dims = image_dims(x.dim(0), x.dim(1), out, false);
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), y_dims));
    int64_t* indices = nullptr;
    if (c.has_output(1)) {
      FERRY_ASSIGN_OR_RETURN(Tensor t, c.output(1, DType::kInt64, y_dims));
      indices = t.data<int64_t>();
    }
    if (y.count() == 0) return {};
    const int64_t width = v.out[2];
    FERRY_RETURN_IF_ERROR(c.reserve_scratch(c.team().size(), width * int64_t{sizeof(int32_t)}));
    parallel_range(c.team(), y.count() / width, y.count() * 4 >= kMinParallelValues,
                   [&](int64_t r0, int64_t r1, int thread) {
                     auto* at = indices == nullptr ? nullptr : c.scratch<int32_t>(thread);
                     for (int64_t r = r0; r < r1; ++r) {
                       pool_row(v, x, y, r, at);
                       if (at != nullptr) {
                         tell(at, width, r / (v.out[0] * v.out[1]) * v.plane(),
                              indices + r * width);
                       }
                     }
                   });
    return {};
  }

 private:
  // Nothing but padding lies at the plane's first element.
  static void tell(const int32_t* at, int64_t n, int64_t plane, int64_t* indices) {
    for (int64_t i = 0; i < n; ++i) indices[i] = plane + std::max(at[i], 0);
  }

  void pool_row(const Volume& v, const Tensor& x, Tensor& y, int64_t r, int32_t* at) const {
    const auto element = static_cast<int64_t>(dtype_bits(x.dtype()) / 8);
    const int64_t width = v.out[2];
    auto* to = static_cast<char*>(y.raw()) + r * width * element;
    fill_lowest(x.dtype(), to, width);
    if (at != nullptr) std::fill_n(at, width, -1);
    const WindowTaps h(v.axes[1], v.in[1], r % v.out[1]);
    const WindowTaps d(v.axes[0], v.in[0], r / v.out[1] % v.out[0]);
    const auto* plane =
        static_cast<const char*>(x.raw()) + r / (v.out[0] * v.out[1]) * v.plane() * element;
    const WindowAxis& a = v.axes[2];
    const UsedTaps used(a, v.in[2], width);
    for (int64_t i = 0; i < d.count; ++i) {
      const int64_t z = d.first + i * v.axes[0].dilation;
      for (int64_t j = 0; j < h.count; ++j) {
        const int64_t row = h.first + j * v.axes[1].dilation;
        const auto* line = plane + (z * v.in[1] + row) * v.in[2] * element;
        const int64_t base = z * v.position[0] + row * v.position[1];
        for (int64_t t = used.begin; t < used.end; ++t) {
          const TapOutputs o(a, v.in[2], width, t);
          if (o.begin == o.end) continue;
          const int64_t first = o.begin * a.stride - a.pad_begin + t * a.dilation;
          kernel_(line + first * element, a.stride,
                  static_cast<int32_t>(base + first * v.position[2]),
                  static_cast<int32_t>(a.stride * v.position[2]), to + o.begin * element,
                  at == nullptr ? nullptr : at + o.begin, o.end - o.begin);
        }
      }
    }
  }

  MaxTap kernel_;
  Op op_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  const Pool& op = *request.node.op.as<Pool>();
  if (op.channels_last) return KernelOffer(std::string("channels last"));
  if (op.kernel_shape.empty() || op.kernel_shape.size() > 3) {
    return KernelOffer(std::string("too many axes"));
  }
  const DType type = request.type(0).dtype;
  const MaxTap kernel = typed_pool_kernels(request.isa).maximum(type);
  if (kernel == nullptr) return KernelOffer("no kernel for " + std::string(dtype_name(type)));
  return KernelOffer(std::make_unique<MaxPoolStep>(kernel, request.node.op));
}

}  // namespace

void register_typed_pool_cpu(KernelRegistry& r) { r.add("MaxPool", "max_pool_typed", make); }

}  // namespace ferry
