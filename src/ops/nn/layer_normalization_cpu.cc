// SPDX-License-Identifier: Apache-2.0
// LayerNormalization and RMSNormalization of fp32 and f64, with one scale per element of a row.
#include "base/status.h"
#include "ir/infer.h"
#include "kernels/rows/double_rows.h"
#include "ops/nn/layer_normalization.h"
#include "ops_cpu/parallel.h"
#include "ops_cpu/pause_of.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

// Rows of n values and what is wanted of them.
struct RowNorm {
  int64_t rows, n;
  float epsilon;
  bool centred;
  float *mean, *inverse;  // per row, or none
};

// T is what Kernels take: float or double.
template <class T, class Kernels>
void normalize_rows(StepContext& c, const Kernels& kernels, const RowNorm& m, Tensor& y) {
  const T *x = c.input(0).data<T>(), *scale = c.input(1).data<T>();
  const T* bias = c.has_input(2) ? c.input(2).data<T>() : nullptr;
  const Pause pause = pause_of(c.team());
  parallel_range(
      c.team(), m.rows, m.rows * m.n >= kMinParallelValues, [&](int64_t from, int64_t to, int) {
        NormArgs<T> args;
        args.scale = scale;
        args.bias = bias;
        args.epsilon = m.epsilon;
        args.centred = m.centred;
        if (m.mean != nullptr) args.mean = m.mean + from;
        if (m.inverse != nullptr) args.inverse = m.inverse + from;
        args.pause = pause;
        kernels.normalize(x + from * m.n, y.data<T>() + from * m.n, to - from, m.n, args);
      });
}

class NormKernel final : public StepKernel {
 public:
  NormKernel(Isa isa, DType type, Op op, int64_t axis, float epsilon, bool centred)
      : isa_(isa),
        type_(type),
        op_(std::move(op)),
        axis_(axis),
        epsilon_(epsilon),
        centred_(centred) {}
  std::string name() const override {
    if (type_ == DType::kFloat64) return centred_ ? "layer_norm_f64" : "rms_norm_f64";
    return centred_ ? "layer_norm_f32" : "rms_norm_f32";
  }

  Status run(StepContext& c) const override {
    const Tensor& x = c.input(0);
    FERRY_ASSIGN_OR_RETURN(const int64_t signed_axis, InferContext::axis(axis_, x.rank()));
    const auto axis = static_cast<size_t>(signed_axis);
    if (x.count() == 0 || !fits(c, 1, axis) || (c.has_input(2) && !fits(c, 2, axis))) {
      return op_.def().eval(op_, c);
    }
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
    RowNorm m{x.dims().count(0, axis),
              x.dims().count(axis, x.rank()),
              epsilon_,
              centred_,
              nullptr,
              nullptr};
    Dims reduced = x.dims();
    for (size_t a = axis; a < x.rank(); ++a) reduced[a] = 1;
    for (size_t i = 1; i < 3; ++i) {
      if (!c.has_output(i)) continue;
      FERRY_ASSIGN_OR_RETURN(Tensor t, c.output(i, DType::kFloat32, reduced));
      (i == 1 ? m.mean : m.inverse) = t.data<float>();
    }
    if (type_ == DType::kFloat64) {
      normalize_rows<double>(c, double_row_kernels(isa_), m, y);
    } else {
      normalize_rows<float>(c, row_kernels(isa_), m, y);
    }
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

  Isa isa_;
  DType type_;
  Op op_;
  int64_t axis_;
  float epsilon_;
  bool centred_;
};

template <class T, DType kType>
Result<KernelOffer> make(const KernelRequest& request) {
  constexpr bool kCentred = std::is_same_v<T, LayerNormalization>;
  for (size_t i = 0; i < request.node.inputs.size(); ++i) {
    if (request.has_input(i) && request.type(i).dtype != kType) {
      return KernelOffer(std::string(kType == DType::kFloat64 ? "not f64" : "not f32"));
    }
  }
  const T& op = *request.node.op.as<T>();
  if (kCentred && op.stash_type != 1) return KernelOffer(std::string("statistics are not f32"));
  return KernelOffer(std::make_unique<NormKernel>(request.isa, kType, request.node.op, op.axis,
                                                  op.epsilon, kCentred));
}

}  // namespace

void register_layer_normalization_cpu(KernelRegistry& r) {
  r.add("LayerNormalization", "layer_norm_f32", make<LayerNormalization, DType::kFloat32>);
  r.add("LayerNormalization", "layer_norm_f64", make<LayerNormalization, DType::kFloat64>);
  r.add("RMSNormalization", "rms_norm_f32", make<RMSNormalization, DType::kFloat32>);
  r.add("RMSNormalization", "rms_norm_f64", make<RMSNormalization, DType::kFloat64>);
}

}  // namespace ferry
