// SPDX-License-Identifier: Apache-2.0
// LayerNormalization and RMSNormalization in fp32, with one scale per element of a row.
#include "base/status.h"
#include "ir/infer.h"
#include "kernels/rows/rows.h"
#include "ops/nn/layer_normalization.h"
#include "ops_cpu/parallel.h"
#include "ops_cpu/pause_of.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

class NormKernel final : public StepKernel {
 public:
  NormKernel(Isa isa, Op op, int64_t axis, float epsilon, bool centred)
      : kernels_(row_kernels(isa)),
        op_(std::move(op)),
        axis_(axis),
        epsilon_(epsilon),
        centred_(centred) {}
  std::string name() const override { return centred_ ? "layer_norm_f32" : "rms_norm_f32"; }

  Status run(StepContext& c) const override {
    const Tensor& x = c.input(0);
    FERRY_ASSIGN_OR_RETURN(const int64_t signed_axis, InferContext::axis(axis_, x.rank()));
    const auto axis = static_cast<size_t>(signed_axis);
    const int64_t rows = x.dims().count(0, axis), n = x.dims().count(axis, x.rank());
    if (x.count() == 0 || !fits(c, 1, axis) || (c.has_input(2) && !fits(c, 2, axis))) {
      return op_.def().eval(op_, c);
    }
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
    NormArgs args;
    args.scale = c.input(1).data<float>();
    args.bias = c.has_input(2) ? c.input(2).data<float>() : nullptr;
    args.epsilon = epsilon_;
    args.centred = centred_;
    args.pause = pause_of(c.team());
    Dims reduced = x.dims();
    for (size_t a = axis; a < x.rank(); ++a) reduced[a] = 1;
    for (size_t i = 1; i < 3; ++i) {
      if (!c.has_output(i)) continue;
      FERRY_ASSIGN_OR_RETURN(Tensor t, c.output(i, DType::kFloat32, reduced));
      (i == 1 ? args.mean : args.inverse) = t.data<float>();
    }
    parallel_range(c.team(), rows, x.count() >= kMinParallelValues,
                   [&](int64_t from, int64_t to, int) {
                     NormArgs part = args;
                     if (part.mean != nullptr) part.mean += from;
                     if (part.inverse != nullptr) part.inverse += from;
                     kernels_.normalize(x.data<float>() + from * n, y.data<float>() + from * n,
                                        to - from, n, part);
                   });
    return {};
  }

 private:
  // Input i has exactly the dims that are normalised.
  static bool fits(const StepContext& c, size_t i, size_t axis) {
    const Dims &x = c.input(0).dims(), &t = c.input(i).dims();
    const size_t kept = x.size() - axis;
    if (t.size() < kept || c.input(i).count() != x.count(axis, x.size())) return false;
    for (size_t a = 0; a < kept; ++a) {
      if (t[t.size() - kept + a] != x[axis + a]) return false;
    }
    return true;
  }

  const RowKernels& kernels_;
  Op op_;
  int64_t axis_;
  float epsilon_;
  bool centred_;
};

template <class T>
Result<KernelOffer> make(const KernelRequest& request) {
  constexpr bool kCentred = std::is_same_v<T, LayerNormalization>;
  for (size_t i = 0; i < request.node.inputs.size(); ++i) {
    if (request.has_input(i) && request.type(i).dtype != DType::kFloat32) {
      return KernelOffer(std::string("not f32"));
    }
  }
  const T& op = *request.node.op.as<T>();
  if (kCentred && op.stash_type != 1) return KernelOffer(std::string("statistics are not f32"));
  return KernelOffer(
      std::make_unique<NormKernel>(request.isa, request.node.op, op.axis, op.epsilon, kCentred));
}

}  // namespace

void register_layer_normalization_cpu(KernelRegistry& r) {
  r.add("LayerNormalization", "layer_norm_f32", make<LayerNormalization>);
  r.add("RMSNormalization", "rms_norm_f32", make<RMSNormalization>);
}

}  // namespace ferry
