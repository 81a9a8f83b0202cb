// SPDX-License-Identifier: Apache-2.0
#include "passes/lower_conv_transpose.h"

#include <algorithm>

#include "ops/nn/conv.h"
#include "ops/nn/conv_transpose.h"
#include "ops/tensor/depth_to_space.h"
#include "passes/match.h"

namespace ferry {
namespace {

constexpr int64_t kLanes = 16;  // of the widest vectors

int64_t whole_vectors(int64_t channels) { return (channels + kLanes - 1) / kLanes * kLanes; }

// One spatial axis: output u s + r is the sum over t of x[u + t - before] w[s (last - t) + r +
// pad].
struct Axis {
  int64_t kernel, stride, pad;
  int64_t last;    // of the steps between an input and the block of outputs that it reaches
  int64_t before;  // padding of the convolution
  int64_t taps, after;

  Axis(int64_t k, int64_t s, int64_t p)
      : kernel(k),
        stride(s),
        pad(p),
        last((k - 1 - p) / s),
        before(last),
        taps(last + (s - 1 + p) / s + 1),
        after(taps - 1 - before) {}

  // The tap of the transposed convolution, or -1.
  int64_t source(int64_t t, int64_t remainder) const {
    const int64_t k = stride * (last - t) + remainder + pad;
    return k >= 0 && k < kernel ? k : -1;
  }
};

// The two axes of `op`, when its output is `stride` times its input.
std::optional<std::vector<Axis>> axes_of(const ConvTranspose& op, const Tensor& w) {
  if (op.group != 1 || op.channels_last || w.rank() != 4 || w.dtype() != DType::kFloat32) {
    return std::nullopt;
  }
  if (op.auto_pad != "NOTSET" || !op.output_shape.empty() || op.strides.size() != 2) {
    return std::nullopt;
  }
  if (op.strides[0] != op.strides[1] || op.strides[0] < 2) return std::nullopt;
  if (std::any_of(op.dilations.begin(), op.dilations.end(), [](int64_t d) { return d != 1; })) {
    return std::nullopt;
  }
  std::vector<Axis> axes;
  for (size_t a = 0; a < 2; ++a) {
    const int64_t k = w.dim(2 + a), s = op.strides[a];
    const int64_t begin = op.pads.empty() ? 0 : op.pads[a],
                  end = op.pads.empty() ? 0 : op.pads[2 + a];
    const int64_t extra = op.output_padding.empty() ? 0 : op.output_padding[a];
    if (begin < 0 || begin >= k || k - begin - end + extra != s) return std::nullopt;
    axes.emplace_back(k, s, begin);
  }
  return axes;
}

// [channels out, row, column][channels in][taps], as DepthToSpace's CRD mode reads the channels.
std::optional<Tensor> phase_weights(const Tensor& w, const Axis& h, const Axis& v) {
  const int64_t in = w.dim(0), out = w.dim(1), s = h.stride;
  Result<Tensor> y = Tensor::allocate(DType::kFloat32, {out * s * s, in, h.taps, v.taps});
  if (!y.ok()) return std::nullopt;
  const auto* from = w.data<float>();
  float* to = y->data<float>();
  for (int64_t channel = 0; channel < out * s * s; ++channel) {
    const int64_t c = channel / (s * s), row = channel / s % s, column = channel % s;
    for (int64_t i = 0; i < in; ++i) {
      for (int64_t a = 0; a < h.taps; ++a) {
        for (int64_t b = 0; b < v.taps; ++b, ++to) {
          const int64_t ka = h.source(a, row), kb = v.source(b, column);
          *to = ka < 0 || kb < 0 ? 0.0f : from[((i * out + c) * h.kernel + ka) * v.kernel + kb];
        }
      }
    }
  }
  return *std::move(y);
}

std::optional<Patch> lower(const Graph& g, const Node& n, const PassOptions&) {
  const auto* op = n.op.as<ConvTranspose>();
  const Tensor* w = op == nullptr ? nullptr : constant_of(g, n.inputs[1]);
  if (w == nullptr || w->count() == 0) return std::nullopt;
  const auto axes = axes_of(*op, *w);
  if (!axes) return std::nullopt;
  const Axis &h = axes->front(), &v = axes->back();
  const int64_t out = w->dim(1), blocks = h.stride * h.stride;
  const int64_t apart = h.kernel * v.kernel * whole_vectors(out);
  const int64_t together = h.taps * v.taps * whole_vectors(out * blocks);
  if (3 * together > 2 * apart) return std::nullopt;
  const auto weights = phase_weights(*w, h, v);
  if (!weights) return std::nullopt;
  PatchBuilder p(g);
  std::vector<ValueId> inputs = {n.inputs[0], p.constant(*weights)};
  if (input(n, 2) != kNone) {
    const auto bias = constant_numbers(g, n.inputs[2]);
    if (!bias || static_cast<int64_t>(bias->size()) != out) return std::nullopt;
    std::vector<double> repeated;
    for (double b : *bias) repeated.insert(repeated.end(), static_cast<size_t>(blocks), b);
    inputs.push_back(p.constant(make_floats(DType::kFloat32, {out * blocks}, repeated)));
  }
  Conv conv;
  conv.pads = {h.before, v.before, h.after, v.after};
  const ValueId deep = p.add(make_op("Conv", conv), inputs);
  const ValueId y = p.add(make_op("DepthToSpace", DepthToSpace{h.stride, "CRD"}), {deep});
  if (!(p.type(y) == g.value(n.outputs[0]).type)) return std::nullopt;
  p.replace(n.outputs[0], y);
  return std::move(p).build();
}

}  // namespace

Pass lower_conv_transpose() { return {"lower_conv_transpose", {{"lower", lower}}, nullptr}; }

}  // namespace ferry
