// SPDX-License-Identifier: Apache-2.0
#include "ops/image/resize.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/arguments.h"
#include "ops/in_ranges.h"
#include "ops/nn/parameters.h"
#include "ops/poll_every.h"
#include "ops/registry.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

template <size_t N>
Status check_word(std::string_view name, const std::string& seen,
                  const std::string_view (&known)[N]) {
  std::string words;
  for (std::string_view word : known) {
    if (seen == word) return {};
    words += (words.empty() ? "" : ", ") + std::string(word);
  }
  return invalid_model("attribute '{}' is '{}', wanted is one of {}", name, seen, words);
}

constexpr std::string_view kModes[] = {"nearest", "linear", "cubic"};
constexpr std::string_view kTransforms[] = {
    "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel",  "align_corners",
    "asymmetric", "tf_crop_and_resize",   "tf_half_pixel_for_nn"};
constexpr std::string_view kNearestModes[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                              "ceil"};
constexpr std::string_view kPolicies[] = {"stretch", "not_larger", "not_smaller"};

Status check_attrs(const Resize& op) {
  FERRY_RETURN_IF_ERROR(check_word("mode", op.mode, kModes));
  FERRY_RETURN_IF_ERROR(
      check_word("coordinate_transformation_mode", op.coordinate_transformation_mode, kTransforms));
  FERRY_RETURN_IF_ERROR(check_word("nearest_mode", op.nearest_mode, kNearestModes));
  return check_word("keep_aspect_ratio_policy", op.keep_aspect_ratio_policy, kPolicies);
}

// The axes of x, in x's own layout, that roi, scales and sizes speak of, in their order.
Result<Axes> resized_axes(const Resize& op, size_t rank) {
  Axes axes;
  for (size_t i = 0; op.axes.empty() && i < rank; ++i) axes.push_back(i);
  for (int64_t a : op.axes) {
    FERRY_ASSIGN_OR_RETURN(const int64_t axis, InferContext::axis(a, rank));
    if (std::find(axes.begin(), axes.end(), static_cast<size_t>(axis)) != axes.end()) {
      return invalid_model("attribute 'axes' names axis {} twice", axis);
    }
    axes.push_back(static_cast<size_t>(axis));
  }
  for (size_t& a : axes) {
    if (op.channels_last && rank > 2) a = a == 0 ? 0 : a == 1 ? rank - 1 : a - 1;
  }
  return axes;
}

Status wrong_count(const char* name, size_t seen, size_t wanted) {
  return shape_mismatch("{} has {} elements, wanted are {}", name, seen, wanted);
}

Status check_scale(float scale) {
  if (std::isfinite(scale) && scale > 0) return {};
  return invalid_argument("a scale is {}, wanted is above 0", scale);
}

bool rounds(const std::string& policy) { return policy != "stretch"; }

// The common scale of all resized axes under keep_aspect_ratio_policy.
double common_scale(const Resize& op, std::span<const int64_t> sizes, std::span<const int64_t> in) {
  double scale = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    const double s = double(sizes[i]) / double(in[i]);
    if (i == 0) scale = s;
    scale = op.keep_aspect_ratio_policy == "not_larger" ? std::min(scale, s) : std::max(scale, s);
  }
  return scale;
}

int64_t scaled_size(int64_t size, float scale) {
  const double v = std::floor(double(float(size) * scale));
  return v >= 9e18 ? -1 : static_cast<int64_t>(v);
}

// An input that is there and not the empty tensor that stands for an absent one.
bool given(const InferContext& c, size_t i) {
  if (!c.has_input(i)) return false;
  const Type& t = c.type(i);
  return !(t.has_rank() && t.rank() == 1 && (*t.shape)[0].is_constant(0));
}
bool given(const EvalContext& c, size_t i) { return c.has_input(i) && c.input(i).count() > 0; }

// Sizes along the resized axes from input 2 or 3; fresh dims where they are not known.
Status infer_sizes(const Resize& op, std::span<const size_t> axes, Shape& shape, InferContext& c) {
  const auto forget = [&] {
    for (size_t a : axes) shape[a] = c.fresh_dim(0, a);
  };
  if (const Tensor* scales = given(c, 2) ? c.constant(2) : nullptr) {
    if (scales->count() != static_cast<int64_t>(axes.size())) {
      return wrong_count("scales", static_cast<size_t>(scales->count()), axes.size());
    }
    for (size_t i = 0; i < axes.size(); ++i) {
      const float scale = scales->data<float>()[i];
      FERRY_RETURN_IF_ERROR(check_scale(scale));
      shape[axes[i]] = floor_scale(shape[axes[i]], scale);
    }
    return {};
  }
  for (const size_t i : {size_t{2}, size_t{3}}) {
    const auto count = given(c, i) ? constant_count(c, i) : std::nullopt;
    // None of a kind says that the other is given.
    if (count && *count != 0 && *count != static_cast<int64_t>(axes.size())) {
      return wrong_count(i == 2 ? "scales" : "sizes", static_cast<size_t>(*count), axes.size());
    }
  }
  const auto sizes = given(c, 3) ? c.partly_known(3) : std::nullopt;
  if (!sizes) return forget(), Status();
  if (sizes->size() != axes.size()) return wrong_count("sizes", sizes->size(), axes.size());
  if (!rounds(op.keep_aspect_ratio_policy)) {
    for (size_t i = 0; i < axes.size(); ++i) shape[axes[i]] = (*sizes)[i];
    return {};
  }
  Ints wanted, in;
  for (size_t i = 0; i < axes.size(); ++i) {
    if (!(*sizes)[i].is_constant() || !shape[axes[i]].is_constant()) return forget(), Status();
    wanted.push_back((*sizes)[i].constant());
    in.push_back(shape[axes[i]].constant());
    if (in.back() == 0) return forget(), Status();
  }
  const double scale = common_scale(op, wanted, in);
  for (size_t i = 0; i < axes.size(); ++i) {
    shape[axes[i]] = std::llround(scale * double(in[i]));
  }
  return {};
}

Status infer(const Resize& op, InferContext& c) {
  FERRY_RETURN_IF_ERROR(check_attrs(op));
  FERRY_ASSIGN_OR_RETURN(
      Type x, c.tensor(0, types::kNumeric | types::kBool | types::kComplex | types::kString));
  if (op.mode != "nearest" && x.dtype == DType::kString) {
    return unsupported_type("strings cannot be interpolated with mode '{}'", op.mode);
  }
  if (given(c, 1)) {
    FERRY_RETURN_IF_ERROR(
        c.tensor(1, {DType::kFloat16, DType::kFloat32, DType::kFloat64}, 1, 1).status());
  }
  if (given(c, 2)) FERRY_RETURN_IF_ERROR(c.tensor(2, {DType::kFloat32}, 1, 1).status());
  if (given(c, 3)) FERRY_RETURN_IF_ERROR(c.tensor(3, {DType::kInt64}, 1, 1).status());
  if (!c.has_input(2) && !c.has_input(3)) {
    return invalid_model("neither scales nor sizes are given, wanted is one of them");
  }
  if (c.constant(2) && given(c, 2) && c.constant(3) && given(c, 3)) {
    return invalid_model("both scales and sizes are given, wanted is one of them");
  }
  if (x.has_rank()) {
    FERRY_ASSIGN_OR_RETURN(const auto axes, resized_axes(op, x.rank()));
    FERRY_RETURN_IF_ERROR(infer_sizes(op, axes, *x.shape, c));
  }
  c.set_type(0, std::move(x));
  return {};
}

Status read_roi(const Resize& op, std::span<const size_t> axes, EvalContext& c, ResizeAxes& out) {
  if (op.coordinate_transformation_mode != "tf_crop_and_resize") return {};
  if (!given(c, 1)) return invalid_argument("tf_crop_and_resize needs the input roi");
  FERRY_ASSIGN_OR_RETURN(const auto roi, as_doubles(c, c.input(1)));
  if (roi.size() != 2 * axes.size()) return wrong_count("roi", roi.size(), 2 * axes.size());
  for (size_t i = 0; i < axes.size(); ++i) {
    out[axes[i]].roi_start = roi[i];
    out[axes[i]].roi_end = roi[i + axes.size()];
  }
  return {};
}

}  // namespace

Result<ResizeAxes> resize_axes(const Resize& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(const auto axes, resized_axes(op, x.rank()));
  ResizeAxes out(x.rank());
  for (size_t a = 0; a < x.rank(); ++a) out[a].in = out[a].out = x.dim(a);
  FERRY_RETURN_IF_ERROR(read_roi(op, axes, c, out));
  if (given(c, 2)) {
    if (given(c, 3)) return invalid_argument("both scales and sizes are given");
    const Tensor& scales = c.input(2);
    if (scales.count() != static_cast<int64_t>(axes.size())) {
      return wrong_count("scales", static_cast<size_t>(scales.count()), axes.size());
    }
    for (size_t i = 0; i < axes.size(); ++i) {
      const float scale = scales.data<float>()[i];
      FERRY_RETURN_IF_ERROR(check_scale(scale));
      ResizeAxis& a = out[axes[i]];
      a.scale = double(scale);
      a.out = scaled_size(a.in, scale);
      if (a.out < 0) return limit_exceeded("axis {} scales from {} by {}", axes[i], a.in, scale);
    }
    return out;
  }
  if (!c.has_input(3)) return invalid_argument("neither scales nor sizes are given");
  FERRY_ASSIGN_OR_RETURN(const Ints sizes, read_ints(c.input(3), "sizes"));
  if (sizes.size() != axes.size()) return wrong_count("sizes", sizes.size(), axes.size());
  Ints in;
  for (size_t i = 0; i < axes.size(); ++i) {
    in.push_back(out[axes[i]].in);
    if (sizes[i] < 0 || (in[i] == 0 && sizes[i] > 0)) {
      return invalid_argument("axis {} cannot be resized from {} to {}", axes[i], in[i], sizes[i]);
    }
  }
  const bool round = rounds(op.keep_aspect_ratio_policy);
  const double common = round ? common_scale(op, sizes, in) : 1;
  for (size_t i = 0; i < axes.size(); ++i) {
    ResizeAxis& a = out[axes[i]];
    if (a.in == 0) continue;
    a.by_sizes = !round;
    a.scale = round ? common : double(sizes[i]) / double(a.in);
    const double rounded = common * double(a.in) + 0.5;
    if (round && !(rounded < 9e18)) return limit_exceeded("axis {} scales by {}", axes[i], common);
    a.out = round ? static_cast<int64_t>(rounded) : sizes[i];
  }
  return out;
}

namespace {

// x of the output in the input. Sizes give exact quotients. Which element is nearest to what a
// scale gives is decided in floats, as the frameworks do that models come from: 17 / 1.7f is 10
// there.
double unscaled(const Resize& op, const ResizeAxis& a, double x) {
  if (a.by_sizes) return x * double(a.in) / double(a.out);
  return op.mode == "nearest" ? double(float(x) / float(a.scale)) : x / a.scale;
}

// Where output `i` lies in the input.
double source_position(const Resize& op, const ResizeAxis& a, int64_t i) {
  const std::string& mode = op.coordinate_transformation_mode;
  const double x = double(i), in = double(a.in);
  // "The length of the resized tensor": whole, even where the scale asks for a fractional one.
  const auto width = double(a.out);
  if (mode == "align_corners") return width == 1 ? 0 : x * (in - 1) / (width - 1);
  if (mode == "asymmetric") return unscaled(op, a, x);
  if (mode == "tf_half_pixel_for_nn") return unscaled(op, a, x + 0.5);
  if (mode == "tf_crop_and_resize") {
    const double extent = (a.roi_end - a.roi_start) * (in - 1);
    return a.roi_start * (in - 1) + (width == 1 ? extent / 2 : x * extent / (width - 1));
  }
  if (mode == "pytorch_half_pixel" && a.out <= 1) return 0;
  if (mode != "half_pixel_symmetric") return unscaled(op, a, x + 0.5) - 0.5;
  // The middle of x lies on that of y. The specification's sum of in / 2 (1 - out / width) and the
  // half pixel's position, in terms that are whole numbers: rounding would move one beyond another.
  return (in - 1) / 2 + (2 * x + 1 - double(a.out)) / (2 * a.scale);
}

int64_t nearest(const std::string& mode, double x) {
  const double floor = std::floor(x), rest = x - floor;
  bool up = rest > 0.5;
  if (mode == "round_prefer_ceil")
    up = rest >= 0.5;
  else if (mode == "floor")
    up = false;
  else if (mode == "ceil")
    up = rest > 0;
  return static_cast<int64_t>(floor) + (up ? 1 : 0);
}

double cubic(double x, double a) {
  x = std::fabs(x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

}  // namespace

AxisTaps resize_taps(const Resize& op, const ResizeAxis& a) {
  const bool is_nearest = op.mode == "nearest", is_cubic = op.mode == "cubic";
  const bool crop = op.coordinate_transformation_mode == "tf_crop_and_resize";
  // Antialiasing stretches the filter over as many inputs as one output covers.
  const double shrink = op.antialias && !is_nearest ? std::min(a.scale, 1.0) : 1;
  const double radius = is_cubic ? 2 : 1;
  // An output that exists covers at most two inputs' lengths; the bound is for scales without any.
  const double reach = std::min(radius / shrink, 4 * double(a.in) + 2);
  const int64_t first = static_cast<int64_t>(std::floor(-reach)) + 1;
  AxisTaps t;
  t.taps = is_nearest ? 1 : 2 - 2 * first;
  t.index.resize(static_cast<size_t>(a.out * t.taps));
  t.weight.resize(t.index.size(), 1.0);
  const double limit = double(a.in) + reach + 2;
  for (int64_t o = 0; o < a.out; ++o) {
    int64_t* index = t.index.data() + o * t.taps;
    double* weight = t.weight.data() + o * t.taps;
    const double exact = source_position(op, a, o);
    if (crop && !(exact >= 0 && exact <= double(a.in - 1))) {
      std::fill_n(index, t.taps, -1);
      std::fill_n(weight, t.taps, 1.0 / double(t.taps));
      continue;
    }
    const double x = exact > -limit && exact < limit ? exact : (exact >= limit ? limit : -limit);
    if (is_nearest) {
      *index = std::clamp<int64_t>(nearest(op.nearest_mode, x), 0, a.in - 1);
      continue;
    }
    const auto base = static_cast<int64_t>(std::ceil(x)) - 1;
    double sum = 0;
    for (int64_t k = 0; k < t.taps; ++k) {
      const int64_t i = base + first + k;
      const double distance = (double(i) - x) * shrink;
      weight[k] = is_cubic ? cubic(distance, double(op.cubic_coeff_a))
                           : std::max(0.0, 1 - std::fabs(distance));
      if (op.exclude_outside && (i < 0 || i >= a.in)) weight[k] = 0;
      index[k] = std::clamp<int64_t>(i, 0, a.in - 1);
      sum += weight[k];
    }
    if ((op.exclude_outside || shrink < 1) && sum != 0) {
      for (int64_t k = 0; k < t.taps; ++k) weight[k] /= sum;
    }
  }
  return t;
}

namespace {

// y along one axis of [outer, in, inner].
template <class T>
Status gather_axis(const T* x, T* y, int64_t outer, int64_t inner, const ResizeAxis& a,
                   const AxisTaps& taps, const T& outside, EvalContext& c) {
  PollEvery polls(c);
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t i = 0; i < a.out; ++i, y += inner) {
      FERRY_RETURN_IF_ERROR(polls.spend(8 + inner));
      const int64_t from = taps.index[static_cast<size_t>(i)];
      if (from < 0)
        std::fill_n(y, inner, outside);
      else
        std::copy_n(x + (o * a.in + from) * inner, inner, y);
    }
  }
  return {};
}

Status blend_axis(const double* x, double* y, int64_t outer, int64_t inner, const ResizeAxis& a,
                  const AxisTaps& taps, double outside, EvalContext& c) {
  PollEvery polls(c);
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t i = 0; i < a.out; ++i, y += inner) {
      std::fill_n(y, inner, 0.0);
      for (int64_t k = 0; k < taps.taps; ++k) {
        FERRY_RETURN_IF_ERROR(polls.spend(4 + inner));
        const auto tap = static_cast<size_t>(i * taps.taps + k);
        const double w = taps.weight[tap];
        if (w == 0) continue;
        if (taps.index[tap] < 0) {
          for (int64_t j = 0; j < inner; ++j) y[j] += w * outside;
          continue;
        }
        const double* row = x + (o * a.in + taps.index[tap]) * inner;
        for (int64_t j = 0; j < inner; ++j) y[j] += w * row[j];
      }
    }
  }
  return {};
}

// Applies one pass per axis that changes; `pass(from, to, outer, inner, axis)`.
template <class Pass>
Status for_each_axis(const ResizeAxes& axes, Tensor x, const Tensor& y, EvalContext& c,
                     Pass&& pass) {
  size_t last = axes.size();
  for (size_t a = 0; a < axes.size(); ++a) {
    if (!axes[a].is_identity()) last = a;
  }
  Dims dims = x.dims();
  for (size_t a = 0; a < axes.size(); ++a) {
    if (axes[a].is_identity()) continue;
    const int64_t outer = dims.count(0, a), inner = dims.count(a + 1, dims.size());
    dims[a] = axes[a].out;
    Tensor to = y;
    if (a != last) {
      FERRY_ASSIGN_OR_RETURN(to, Tensor::allocate(x.dtype(), dims, c.budget()));
    }
    FERRY_RETURN_IF_ERROR(pass(x, to, outer, inner, axes[a]));
    x = to;
  }
  return {};
}

// A number of y from a double: integers round to nearest even and saturate.
template <class T>
T from_double(double v) {
  if constexpr (is_floating_v<T>) {
    return T(static_cast<compute_t<T>>(v));
  } else if constexpr (std::is_same_v<T, bool>) {
    return v != 0;
  } else {
    const double r = std::nearbyint(v);
    if (!(r > double(std::numeric_limits<T>::lowest()))) return std::numeric_limits<T>::lowest();
    if (r >= double(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
    return static_cast<T>(r);
  }
}

template <class F>
Status visit_interpolated(DType type, F&& f) {
  if (type == DType::kBool) return f(TypeTag<bool>{});
  return visit_numeric(type, f);
}

Status resize_nearest(const Resize& op, const ResizeAxes& axes, const Tensor& x, Tensor& y,
                      EvalContext& c) {
  return visit_storage(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    T outside{};
    (void)visit_interpolated(x.dtype(), [&]<class V>(TypeTag<V>) -> Status {
      const V v = from_double<V>(double(op.extrapolation_value));
      if constexpr (sizeof(V) == sizeof(T) && std::is_integral_v<T>) outside = std::bit_cast<T>(v);
      return {};
    });
    return for_each_axis(
        axes, x, y, c,
        [&](const Tensor& from, Tensor& to, int64_t outer, int64_t inner, const ResizeAxis& a) {
          return gather_axis(from.data<T>(), to.data<T>(), outer, inner, a, resize_taps(op, a),
                             outside, c);
        });
  });
}

Status resize_blended(const Resize& op, const ResizeAxes& axes, const Tensor& x, Tensor& y,
                      EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(Tensor wide, Tensor::allocate(DType::kFloat64, x.dims(), c.budget()));
  FERRY_ASSIGN_OR_RETURN(Tensor result, Tensor::allocate(DType::kFloat64, y.dims(), c.budget()));
  FERRY_RETURN_IF_ERROR(visit_interpolated(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    return in_ranges(c, x.count(), 2, [&](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; ++i) {
        wide.data<double>()[i] = double(compute_t<T>(x.data<T>()[i]));
      }
    });
  }));
  FERRY_RETURN_IF_ERROR(for_each_axis(
      axes, wide, result, c,
      [&](const Tensor& from, Tensor& to, int64_t outer, int64_t inner, const ResizeAxis& a) {
        return blend_axis(from.data<double>(), to.data<double>(), outer, inner, a,
                          resize_taps(op, a), double(op.extrapolation_value), c);
      }));
  return visit_interpolated(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    return in_ranges(c, y.count(), 2, [&](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; ++i) {
        y.data<T>()[i] = from_double<T>(result.data<double>()[i]);
      }
    });
  });
}

// Complex numbers as pairs of reals along one more axis.
Tensor as_pairs(const Tensor& t) {
  Dims dims = t.dims();
  dims.push_back(2);
  const DType part = t.dtype() == DType::kComplex64 ? DType::kFloat32 : DType::kFloat64;
  return Tensor::borrow(part, dims, t.raw());
}

Status eval(const Resize& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(ResizeAxes axes, resize_axes(op, c));
  Dims dims;
  bool identity = true;
  for (const ResizeAxis& a : axes) {
    dims.push_back(a.out);
    identity = identity && a.is_identity();
  }
  if (identity) return c.set_output(0, x);
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), dims));
  if (y.count() == 0) return {};
  if (op.mode == "nearest") return resize_nearest(op, axes, x, y, c);
  if (x.dtype() != DType::kComplex64 && x.dtype() != DType::kComplex128) {
    return resize_blended(op, axes, x, y, c);
  }
  if (x.rank() == Dims::kMaxRank) return limit_exceeded("complex x of rank {}", x.rank());
  Tensor y_pairs = as_pairs(y);
  axes.push_back({2, 2, 1, 0, 1});
  return resize_blended(op, axes, as_pairs(x), y_pairs, c);
}

}  // namespace

void register_resize(OpRegistry& r) {
  r.op<Resize>("Resize")
      .since(19)
      .inputs(1, 4)
      .attr("antialias", &Resize::antialias)
      .attr("axes", &Resize::axes)
      .attr("coordinate_transformation_mode", &Resize::coordinate_transformation_mode)
      .attr("cubic_coeff_a", &Resize::cubic_coeff_a)
      .attr("exclude_outside", &Resize::exclude_outside)
      .attr("extrapolation_value", &Resize::extrapolation_value)
      .attr("keep_aspect_ratio_policy", &Resize::keep_aspect_ratio_policy)
      .attr("mode", &Resize::mode)
      .attr("nearest_mode", &Resize::nearest_mode)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
