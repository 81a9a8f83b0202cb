// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/slice.h"

#include <algorithm>

#include "ops/arguments.h"
#include "ops/move.h"
#include "ops/registry.h"
#include "ops/walk.h"
#include "tensor/int_contents.h"

namespace ferry {
namespace {

struct Bounds {
  Dim start, length;
};

// Bounds from here on mean "to the end": exporters write INT32_MAX or INT64_MAX.
constexpr int64_t kFar = INT32_MAX;

// `at` counted from the front; nullopt when its sign is not known.
std::optional<Dim> from_front(const Dim& at, const Dim& dim) {
  if (at.lower_bound() >= 0) return at;
  if (at.upper_bound() < 0) return at + dim;
  return std::nullopt;
}

Dim clamped(const Dim& d, const Dim& low, const Dim& high) {
  const Dim top = Dim::known_at_least(high, d) ? d : min(d, high);
  return Dim::known_at_least(top, low) ? top : max(top, low);
}

// Where the slice of an axis begins and how long it is; nullopt when a sign is not known.
std::optional<Bounds> slice_bounds(const Dim& dim, const Dim& start, const Dim& end, int64_t step) {
  // No axis with elements is this long; keeps the sums below from overflowing.
  constexpr int64_t kLongest = int64_t{1} << 48;
  step = std::clamp(step, -kLongest, kLongest);
  const bool back = step < 0;
  const Dim low = back ? Dim(-1) : Dim(0), high = back ? dim - 1 : dim;
  const auto bound = [&](const Dim& at, const Dim& lowest) -> std::optional<Dim> {
    if (at.is_constant() && !dim.is_constant()) {
      if (at.constant() >= kFar) return high;
      if (at.constant() <= -kFar) return lowest;
    }
    const std::optional<Dim> front = from_front(at, dim);
    if (!front) return std::nullopt;
    return clamped(*front, lowest, high);
  };
  // A backward slice starts at an element, if there is one.
  const std::optional<Dim> first = bound(start, back ? min(Dim(0), high) : Dim(0));
  const std::optional<Dim> last = bound(end, low);
  if (!first || !last) return std::nullopt;
  const Dim span = back ? *first - *last : *last - *first;
  const Dim length = back ? ceil_div(span, Dim(0) - Dim(step)) : ceil_div(span, step);
  return Bounds{*first, Dim::known_at_least(length, 0) ? length : max(length, 0)};
}

// Starts and ends are dims at inference and numbers at run time.
template <class Bound>
struct Arguments {
  Bound starts, ends;
  Axes axes;
  Ints steps;
};

template <class Bound>
Status check(const Arguments<Bound>& a) {
  if (a.ends.size() != a.starts.size() || a.axes.size() != a.starts.size() ||
      a.steps.size() != a.starts.size()) {
    return invalid_model("{} starts, {} ends, {} axes, {} steps; wanted as many of each",
                         a.starts.size(), a.ends.size(), a.axes.size(), a.steps.size());
  }
  for (int64_t step : a.steps) {
    if (step == 0) return invalid_model("a step is 0");
  }
  return {};
}

Ints default_axes(size_t n) {
  Ints axes(n);
  for (size_t i = 0; i < n; ++i) axes[i] = static_cast<int64_t>(i);
  return axes;
}

// Dims of the axes that the slice touches become fresh; all of them when the axes are not known.
Status infer_unknown(InferContext& c, const Type& x, Shape shape) {
  std::optional<Ints> axes;
  if (c.has_input(3)) {
    if (const auto ints = c.constant_ints(3)) axes.emplace(*ints);
  } else if (const auto n = constant_count(c, 1)) {
    axes = default_axes(static_cast<size_t>(std::min<int64_t>(*n, Dims::kMaxRank + 1)));
  }
  if (!axes) {
    shape = c.fresh_shape(0, x.rank());
  } else {
    FERRY_ASSIGN_OR_RETURN(const Axes at, normalize_axes(*axes, x.rank()));
    for (size_t a : at) shape[a] = c.fresh_dim(0, a);
  }
  c.set_tensor(0, x.dtype, std::move(shape));
  return {};
}

// Known contents of a tensor of dims `dims`, cut along one axis; nullopt where bounds are not
// numbers.
std::optional<KnownInts> cut(const KnownInts& values, Dims& dims, size_t axis, const Bounds& b,
                             int64_t step) {
  if (!b.start.is_constant() || !b.length.is_constant()) return std::nullopt;
  const int64_t n = dims[axis], m = b.length.constant(), start = b.start.constant();
  const int64_t outer = dims.count(0, axis), inner = dims.count(axis + 1, dims.size());
  if (m > 0 &&
      (start < 0 || start >= n || start + (m - 1) * step < 0 || start + (m - 1) * step >= n)) {
    return std::nullopt;
  }
  KnownInts out;
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t i = 0; i < m; ++i) {
      const int64_t row = (o * n + start + i * step) * inner;
      for (int64_t k = 0; k < inner; ++k) out.push_back(values[static_cast<size_t>(row + k)]);
    }
  }
  dims[axis] = m;
  return out;
}

Status infer(const Slice&, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, types::kAll, 1));
  for (size_t i = 1; i < c.num_inputs(); ++i) {
    if (i <= 2 || c.has_input(i)) {
      FERRY_RETURN_IF_ERROR(c.tensor(i, types::kIndices, 1, 1).status());
    }
  }
  if (!x.shape) {
    c.set_tensor(0, x.dtype, std::nullopt);
    return {};
  }
  Shape shape = *x.shape;
  const auto starts = c.known(1), ends = c.known(2);
  const auto axes = c.has_input(3) ? c.constant_ints(3) : std::nullopt;
  const auto steps = c.has_input(4) ? c.constant_ints(4) : std::nullopt;
  if (!starts || !ends || (c.has_input(3) && !axes) || (c.has_input(4) && !steps)) {
    return infer_unknown(c, x, std::move(shape));
  }
  Arguments<KnownInts> a{*starts, *ends, {}, steps ? Ints(*steps) : Ints(starts->size(), 1)};
  FERRY_ASSIGN_OR_RETURN(
      a.axes, normalize_axes(axes ? Ints(*axes) : default_axes(starts->size()), x.rank()));
  FERRY_RETURN_IF_ERROR(check(a));
  std::optional<KnownInts> known = c.partly_known(0);
  std::optional<Dims> dims = constant_dims(*x.shape);
  for (size_t i = 0; i < a.starts.size(); ++i) {
    const size_t axis = a.axes[i];
    const auto bounds = slice_bounds((*x.shape)[axis], a.starts[i], a.ends[i], a.steps[i]);
    shape[axis] = bounds ? bounds->length : c.fresh_dim(0, axis);
    if (known)
      known = bounds && dims ? cut(*known, *dims, axis, *bounds, a.steps[i]) : std::nullopt;
  }
  if (known) c.set_known(0, *std::move(known));
  c.set_tensor(0, x.dtype, std::move(shape));
  return {};
}

Result<Arguments<Ints>> read_arguments(EvalContext& c, size_t rank) {
  Arguments<Ints> a;
  FERRY_ASSIGN_OR_RETURN(a.starts, read_ints(c.input(1), "starts"));
  FERRY_ASSIGN_OR_RETURN(a.ends, read_ints(c.input(2), "ends"));
  if (a.starts.size() > rank) {
    return invalid_argument("{} starts for a tensor of rank {}", a.starts.size(), rank);
  }
  Ints axes = default_axes(a.starts.size());
  if (c.has_input(3)) {
    FERRY_ASSIGN_OR_RETURN(axes, read_ints(c.input(3), "axes"));
  }
  FERRY_ASSIGN_OR_RETURN(a.axes, normalize_axes(axes, rank));
  a.steps.assign(a.starts.size(), 1);
  if (c.has_input(4)) {
    FERRY_ASSIGN_OR_RETURN(a.steps, read_ints(c.input(4), "steps"));
  }
  FERRY_RETURN_IF_ERROR(check(a));
  return a;
}

}  // namespace

Result<StridedView> view_of(const Slice&, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(const Arguments<Ints> a, read_arguments(c, x.rank()));
  StridedView view{x.dims(), dense_strides(x.dims()), 0};
  auto& [dims, strides, begin] = view;
  for (size_t i = 0; i < a.starts.size(); ++i) {
    const size_t axis = a.axes[i];
    // Known dims and bounds always give an answer.
    const Bounds b = *slice_bounds(x.dim(axis), a.starts[i], a.ends[i], a.steps[i]);
    if (!b.start.is_constant() || !b.length.is_constant()) {
      return limit_exceeded("axis {} of x {} is too long", axis, x.describe());
    }
    dims[axis] = b.length.constant();
    // A single element takes no step; a far one would overflow.
    if (dims[axis] > 0) begin += b.start.constant() * strides[axis];
    strides[axis] = dims[axis] > 1 ? strides[axis] * a.steps[i] : 0;
  }
  return view;
}

namespace {

std::optional<KnownInts> known_ints(const Graph& graph, const Node& node, size_t i) {
  if (i >= node.inputs.size() || node.inputs[i] == kNone) return std::nullopt;
  const GraphValue& v = graph.value(node.inputs[i]);
  if (v.overridable || !v.constant) return v.overridable ? std::nullopt : v.known;
  const auto ints = int_contents(*v.constant);
  if (!ints) return std::nullopt;
  return KnownInts(ints->begin(), ints->end());
}

// What the slice does to each axis of x; nullopt when that is not known.
struct AxisSlice {
  Dim start = 0;
  int64_t step = 1;
};
std::optional<std::vector<AxisSlice>> axis_slices(const Graph& graph, const Node& node,
                                                  const Shape& x) {
  const auto given = [&](size_t i) { return i < node.inputs.size() && node.inputs[i] != kNone; };
  const auto starts = known_ints(graph, node, 1), ends = known_ints(graph, node, 2);
  const auto axes = known_ints(graph, node, 3), steps = known_ints(graph, node, 4);
  if (!starts || !ends || (given(3) && !axes) || (given(4) && !steps)) return std::nullopt;
  std::vector<AxisSlice> slices(x.size());
  for (size_t i = 0; i < starts->size(); ++i) {
    const Dim axis = axes ? (*axes)[i] : Dim(static_cast<int64_t>(i));
    const Dim step = steps ? (*steps)[i] : Dim(1);
    if (!axis.is_constant() || !step.is_constant()) return std::nullopt;
    const auto a = normalize_axis(axis.constant(), x.size());
    if (!a.ok()) return std::nullopt;
    const auto bounds = slice_bounds(x[*a], (*starts)[i], (*ends)[i], step.constant());
    if (!bounds) return std::nullopt;
    slices[*a] = {bounds->start, step.constant()};
  }
  return slices;
}

}  // namespace

std::optional<SliceRun> slice_run(const Graph& graph, const Node& node) {
  const Type &x = graph.value(node.inputs[0]).type, &y = graph.value(node.outputs[0]).type;
  if (!x.has_rank() || !y.has_rank() || x.rank() != y.rank()) return std::nullopt;
  const auto slices = axis_slices(graph, node, *x.shape);
  if (!slices) return std::nullopt;
  Dim offset = 0, stride = 1;
  bool whole = true, one_run = true, in_rows = x.rank() > 1;  // `whole`: all axes from here on
  for (size_t a = x.rank(); a-- > 0;) {
    const Dim &from = (*x.shape)[a], &to = (*y.shape)[a];
    const bool single = to.is_constant(1), contiguous = single || (*slices)[a].step == 1;
    one_run = one_run && (single || (whole && contiguous));
    in_rows = in_rows && (a + 1 == x.rank() ? contiguous : from == to && contiguous);
    whole = whole && from == to;
    offset = offset + (*slices)[a].start * stride;
    stride = stride * from;
  }
  if (offset.is_invalid() || (!one_run && !in_rows)) return std::nullopt;
  return SliceRun{offset, !one_run};
}

namespace {

Status eval(const Slice& op, EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(const StridedView view, view_of(op, c));
  return move_elements(c, c.input(0), 0, view.dims, [&]<class T>(TypeTag<T>, const T* x, T* y) {
    return copy_strided(c, x, view, y);
  });
}

}  // namespace

void register_slice(OpRegistry& r) {
  r.op<Slice>("Slice").since(13).inputs(3, 5).infer(infer).reference(eval);
}

}  // namespace ferry
