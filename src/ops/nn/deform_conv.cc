// SPDX-License-Identifier: Apache-2.0
#include "ops/nn/deform_conv.h"

#include <cmath>

#include "ops/nn/convolve.h"
#include "ops/nn/parameters.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

constexpr size_t kOffset = 2, kBias = 3, kMask = 4;

Status infer(const DeformConv& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, types::kFloating, 3));
  FERRY_ASSIGN_OR_RETURN(const Type w, c.tensor(1, types::kFloating, 3));
  FERRY_RETURN_IF_ERROR(c.tensor(kOffset, types::kFloating, 3).status());
  if (c.has_input(kBias)) {
    FERRY_RETURN_IF_ERROR(c.tensor(kBias, types::kFloating, 1, 1).status());
  }
  if (c.has_input(kMask)) FERRY_RETURN_IF_ERROR(c.tensor(kMask, types::kFloating, 3).status());
  for (size_t i = 1; i < 5; ++i) FERRY_RETURN_IF_ERROR(c.same_dtype(0, i));
  if (op.offset_group < 1) {
    return invalid_model("attribute 'offset_group' is {}, wanted is at least 1", op.offset_group);
  }
  FERRY_ASSIGN_OR_RETURN(std::optional<Shape> shape, infer_conv({op.auto_pad, op.kernel_shape,
                                                                 op.strides, op.pads, op.dilations},
                                                                op.group, false, x, w, c));
  c.set_tensor(0, x.dtype, std::move(shape));
  return {};
}

// The corners of the cell around a position, with their weights; outside ones are left out.
struct Corner {
  int64_t position;
  double weight;
};
void find_corners(const std::vector<double>& at, const Dims& in, std::vector<Corner>& corners) {
  corners.assign(1, {0, 1});
  for (size_t a = 0; a < in.size(); ++a) {
    // Far outside, and for NaN, nothing is read.
    if (!(at[a] > -1 && at[a] < double(in[a]))) return corners.clear();
    const double floor = std::floor(at[a]), rest = at[a] - floor;
    const auto low = static_cast<int64_t>(floor);
    const size_t n = corners.size();
    for (size_t i = 0; i < n; ++i) {
      const Corner old = corners[i];
      const auto take = [&](int64_t k, double w) {
        return Corner{old.position * in[a] + k, k < 0 || k >= in[a] ? 0 : old.weight * w};
      };
      corners[i] = take(low, 1 - rest);
      corners.push_back(take(low + 1, rest));
    }
  }
  std::erase_if(corners, [](const Corner& c) { return c.weight == 0; });
}

struct Operands {
  const Tensor& x;
  const Tensor& offset;
  const Tensor* mask;
  int64_t taps, offset_groups;
};

// Patch of one output position: every channel under every tap.
template <class T>
void fill_patch(const Operands& o, const ConvSizes& s, const Window& w, int64_t n, int64_t position,
                const Dims& at, WorkingArray<double>& patch) {
  const auto rank = static_cast<int64_t>(s.in.size());
  const int64_t out_count = s.out.count(), in_count = s.in.count();
  const int64_t per_group = s.in_total() / o.offset_groups;
  Dims kernel;
  for (const WindowAxis& a : w.axes) kernel.push_back(a.kernel);
  std::vector<double> where(s.in.size());
  std::vector<Corner> corners;
  for (int64_t g = 0; g < o.offset_groups; ++g) {
    Dims tap = Dims::filled(s.in.size(), 0);
    for (int64_t t = 0; t < o.taps; ++t, next_position(tap, kernel)) {
      const int64_t row = (n * o.offset_groups + g) * o.taps + t;
      for (size_t a = 0; a < s.in.size(); ++a) {
        const T moved = o.offset.data<T>()[(row * rank + int64_t(a)) * out_count + position];
        where[a] =
            double(at[a] * w.axes[a].stride - w.axes[a].pad_begin + tap[a] * w.axes[a].dilation) +
            double(compute_t<T>(moved));
      }
      find_corners(where, s.in, corners);
      const double factor =
          o.mask != nullptr ? double(compute_t<T>(o.mask->data<T>()[row * out_count + position]))
                            : 1;
      for (int64_t ch = g * per_group; ch < (g + 1) * per_group; ++ch) {
        const T* plane = o.x.data<T>() + (n * s.in_total() + ch) * in_count;
        double sum = 0;
        for (const Corner& k : corners) sum += k.weight * double(compute_t<T>(plane[k.position]));
        patch[size_t(ch * o.taps + t)] = sum * factor;
      }
    }
  }
}

template <class T>
Status run(const Operands& o, const ConvSizes& s, const Window& w, const Tensor& weights,
           const WorkingArray<double>& bias, Tensor& y, EvalContext& c) {
  PollEvery polls(c);
  FERRY_ASSIGN_OR_RETURN(
      const auto packed,
      pack_weights<double>(
          c, s, o.taps,
          [&](int64_t i, int64_t) { return double(compute_t<T>(weights.data<T>()[i])); }, polls));
  const int64_t out_count = s.out.count(), depth = s.in_channels * o.taps;
  FERRY_ASSIGN_OR_RETURN(auto patch, WorkingArray<double>::make(c, s.in_total() * o.taps));
  for (int64_t n = 0; n < s.batch; ++n) {
    Dims at = Dims::filled(s.out.size(), 0);
    for (int64_t p = 0; p < out_count; ++p, next_position(at, s.out)) {
      FERRY_RETURN_IF_ERROR(polls.spend(16 * s.in_total() * o.taps));
      fill_patch<T>(o, s, w, n, p, at, patch);
      for (int64_t m = 0; m < s.out_total(); ++m) {
        FERRY_RETURN_IF_ERROR(polls.spend(depth));
        const int64_t g = m / s.out_channels;
        const double* row = packed.data() + g * depth * s.out_channels + m % s.out_channels;
        double sum = bias.empty() ? 0 : bias[size_t(m)];
        for (int64_t k = 0; k < depth; ++k) {
          sum += patch[size_t(g * depth + k)] * row[k * s.out_channels];
        }
        y.data<T>()[(n * s.out_total() + m) * out_count + p] = T(static_cast<compute_t<T>>(sum));
      }
    }
  }
  return {};
}

Status check_moves(const DeformConv& op, const ConvSizes& s, int64_t taps, EvalContext& c) {
  if (op.offset_group < 1 || s.in_total() % op.offset_group != 0) {
    return shape_mismatch("{} channels do not divide into {} offset groups", s.in_total(),
                          op.offset_group);
  }
  const auto check = [&](size_t i, int64_t per_tap) -> Status {
    if (!c.has_input(i)) return {};
    int64_t rows;
    if (__builtin_mul_overflow(op.offset_group, taps * per_tap, &rows)) {
      return limit_exceeded("{} offset groups of {} taps", op.offset_group, taps);
    }
    const Dims wanted = image_dims(s.batch, rows, s.out, false);
    if (c.input(i).dims() == wanted) return {};
    return shape_mismatch("input {} is {}, wanted is {}", i, c.input(i).describe(),
                          wanted.to_string());
  };
  FERRY_RETURN_IF_ERROR(check(kOffset, static_cast<int64_t>(s.in.size())));
  return check(kMask, 1);
}

Status eval(const DeformConv& op, EvalContext& c) {
  const Tensor &x = c.input(0), &w = c.input(1);
  // 2^8 corners per tap are plenty.
  if (x.rank() < 3 || x.rank() > 10) {
    return shape_mismatch("x is {}, wanted is rank 3 to 10", x.describe());
  }
  FERRY_ASSIGN_OR_RETURN(Window window, window_of(op, x.rank() - 2));
  FERRY_ASSIGN_OR_RETURN(const ConvSizes s, conv_sizes(window, x, w, op.group, false, false));
  FERRY_RETURN_IF_ERROR(check_bias(c, kBias, s.out_total()));
  const int64_t taps = s.in_channels == 0 || s.out_total() == 0 ? 0 : window.taps();
  FERRY_ASSIGN_OR_RETURN(Tensor y,
                         c.output(0, x.dtype(), image_dims(s.batch, s.out_total(), s.out, false)));
  if (y.count() == 0) return {};
  if (taps > 0) FERRY_RETURN_IF_ERROR(check_moves(op, s, taps, c));
  WorkingArray<double> bias;
  if (c.has_input(kBias)) {
    FERRY_ASSIGN_OR_RETURN(bias, as_doubles(c, c.input(kBias)));
  }
  const Operands o{x, c.input(kOffset), c.has_input(kMask) ? &c.input(kMask) : nullptr, taps,
                   op.offset_group};
  return visit_floating(x.dtype(),
                        [&]<class T>(TypeTag<T>) { return run<T>(o, s, window, w, bias, y, c); });
}

}  // namespace

void register_deform_conv(OpRegistry& r) {
  r.op<DeformConv>("DeformConv")
      .since(22)
      .inputs(3, 5)
      .attr("kernel_shape", &DeformConv::kernel_shape)
      .attr("strides", &DeformConv::strides)
      .attr("pads", &DeformConv::pads)
      .attr("dilations", &DeformConv::dilations)
      .attr("group", &DeformConv::group)
      .attr("offset_group", &DeformConv::offset_group)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
