// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/pad.h"

#include <algorithm>

#include "ops/arguments.h"
#include "ops/in_pieces.h"
#include "ops/move.h"
#include "ops/registry.h"
#include "ops/walk.h"
#include "tensor/size.h"

namespace ferry {
namespace {

enum class Mode : uint8_t { kConstant, kReflect, kEdge, kWrap };

Result<Mode> mode_of(const Pad& op) {
  static constexpr std::string_view kNames[] = {"constant", "reflect", "edge", "wrap"};
  const auto* at = std::find(std::begin(kNames), std::end(kNames), op.mode);
  if (at != std::end(kNames)) return static_cast<Mode>(at - std::begin(kNames));
  return invalid_model("mode is '{}', wanted is constant, reflect, edge or wrap", op.mode);
}

Ints all_axes(size_t rank) {
  Ints axes(rank);
  for (size_t i = 0; i < rank; ++i) axes[i] = static_cast<int64_t>(i);
  return axes;
}

Status infer(const Pad& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0));
  FERRY_RETURN_IF_ERROR(c.tensor(1, {DType::kInt64}, 1, 1).status());
  FERRY_RETURN_IF_ERROR(mode_of(op).status());
  if (c.has_input(2)) {
    FERRY_RETURN_IF_ERROR(c.tensor(2).status());
    FERRY_RETURN_IF_ERROR(c.same_dtype(0, 2));
    FERRY_RETURN_IF_ERROR(check_scalar(c, 2));
  }
  if (c.has_input(3)) FERRY_RETURN_IF_ERROR(c.tensor(3, types::kIndices, 1, 1).status());
  if (!x.shape) {
    c.set_tensor(0, x.dtype, std::nullopt);
    return {};
  }
  const auto pads = c.known(1);
  std::optional<Ints> axes;
  if (!c.has_input(3)) {
    axes = all_axes(x.rank());
  } else if (const auto ints = c.constant_ints(3)) {
    axes.emplace(*ints);
  }
  if (!axes) {
    c.set_tensor(0, x.dtype, c.fresh_shape(0, x.rank()));
    return {};
  }
  FERRY_ASSIGN_OR_RETURN(const Axes at, normalize_axes(*axes, x.rank()));
  Shape shape = *x.shape;
  if (pads && pads->size() != 2 * at.size()) {
    return invalid_model("pads has {} elements for {} axes", pads->size(), at.size());
  }
  for (size_t i = 0; i < at.size(); ++i) {
    Dim& d = shape[at[i]];
    d = pads ? d + (*pads)[i] + (*pads)[i + at.size()] : c.fresh_dim(0, at[i]);
    if (d.is_constant() && d.constant() < 0) {
      return invalid_model("pads remove more than axis {} of x {} has", at[i], to_string(*x.shape));
    }
  }
  c.set_tensor(0, x.dtype, std::move(shape));
  return {};
}

}  // namespace

Result<Pads> read_pads(EvalContext& c) {
  const size_t rank = c.input(0).rank();
  if (c.has_input(2) && c.input(2).count() != 1) {
    return invalid_argument("the constant is {}, wanted is one element", c.input(2).describe());
  }
  FERRY_ASSIGN_OR_RETURN(const Ints pads, read_ints(c.input(1), "pads"));
  Ints axes = all_axes(rank);
  if (c.has_input(3)) {
    FERRY_ASSIGN_OR_RETURN(axes, read_ints(c.input(3), "axes"));
  }
  FERRY_ASSIGN_OR_RETURN(const Axes at, normalize_axes(axes, rank));
  if (pads.size() != 2 * at.size()) {
    return invalid_argument("pads has {} elements for {} axes", pads.size(), at.size());
  }
  Pads p{Dims::filled(rank, 0), Dims::filled(rank, 0)};
  for (size_t i = 0; i < at.size(); ++i) {
    p.begin[at[i]] = pads[i];
    p.end[at[i]] = pads[i + at.size()];
  }
  return p;
}

namespace {

// Dims of the output. Errors: kInvalidArgument when an axis gets a negative size.
Result<Dims> padded_dims(const Dims& x, const Pads& p) {
  Dims dims;
  for (size_t a = 0; a < x.size(); ++a) {
    int64_t d = 0;
    if (__builtin_add_overflow(x[a], p.begin[a], &d) || __builtin_add_overflow(d, p.end[a], &d) ||
        d < 0 || p.begin[a] < -x[a] || p.end[a] < -x[a]) {
      return invalid_argument("pads {} and {} of axis {} do not fit x {}", p.begin[a], p.end[a], a,
                              x.to_string());
    }
    dims.push_back(d);
  }
  return dims;
}

// Where the elements of an axis come from, as offsets into x; -1: the constant.
Result<Tensor> sources(EvalContext& c, Mode mode, int64_t size, int64_t begin, int64_t end,
                       int64_t stride) {
  // What remains of the axis.
  const int64_t low = std::max<int64_t>(0, -begin), high = size + std::min<int64_t>(0, end);
  const int64_t n = high - low, out = size + begin + end;
  if (n <= 0 && mode != Mode::kConstant && out > 0) {
    return invalid_argument("an axis without elements is padded by its own");
  }
  FERRY_ASSIGN_OR_RETURN(Tensor table, Tensor::allocate(DType::kInt64, {out}, c.budget()));
  auto* from = table.data<int64_t>();
  PollEvery polls(c);
  for (int64_t o = 0; o < out; ++o) {
    FERRY_RETURN_IF_ERROR(polls.spend(4));
    int64_t i = o - std::max<int64_t>(0, begin);
    if (i < 0 || i >= n) {
      switch (mode) {
        case Mode::kConstant:
          from[o] = -1;
          continue;
        case Mode::kEdge:
          i = i < 0 ? 0 : n - 1;
          break;
        case Mode::kWrap:
          i = (i % n + n) % n;
          break;
        case Mode::kReflect: {
          const int64_t period = std::max<int64_t>(1, 2 * (n - 1));
          i = (i % period + period) % period;
          if (i >= n) i = period - i;
          break;
        }
      }
    }
    from[o] = (low + i) * stride;
  }
  return table;
}

template <class T>
Status fill(EvalContext& c, const std::vector<Tensor>& from, const Dims& dims, const T* x, T value,
            T* y) {
  const size_t last = dims.size() - 1;
  Dims at = Dims::filled(dims.size(), 0);
  const int64_t rows = dims.count(0, last);
  PollEvery polls(c);
  for (int64_t r = 0; r < rows; ++r) {
    FERRY_RETURN_IF_ERROR(polls.spend(32));
    int64_t offset = 0;
    bool inside = true;
    for (size_t a = 0; a < last; ++a) {
      const int64_t s = from[a].data<int64_t>()[at[a]];
      inside = inside && s >= 0;
      offset += s;
    }
    const auto* line = from[last].data<int64_t>();
    FERRY_RETURN_IF_ERROR(in_pieces(polls, dims[last], 2, [&](int64_t i, int64_t to) {
      for (; i < to; ++i) *y++ = inside && line[i] >= 0 ? x[offset + line[i]] : value;
    }));
    for (size_t a = last; a-- > 0;) {
      if (++at[a] < dims[a]) break;
      at[a] = 0;
    }
  }
  return {};
}

}  // namespace

Result<PadSources> pad_sources(const Pad& op, const Pads& pads, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(const Mode mode, mode_of(op));
  FERRY_ASSIGN_OR_RETURN(const Dims dims, padded_dims(x.dims(), pads));
  FERRY_ASSIGN_OR_RETURN(const int64_t count, checked_count(dims));
  PadSources s;
  s.dims = dims;
  if (count == 0) return s;
  const Dims dense = dense_strides(x.dims());
  for (size_t a = 0; a < x.rank(); ++a) {
    FERRY_ASSIGN_OR_RETURN(Tensor from,
                           sources(c, mode, x.dim(a), pads.begin[a], pads.end[a], dense[a]));
    s.from.push_back(std::move(from));
  }
  if (x.rank() == 0) return s;
  const size_t last = x.rank() - 1;
  const int64_t begin = pads.begin[last], end = pads.end[last];
  s.run_from = std::max<int64_t>(0, -begin);
  s.run_begin = std::max<int64_t>(0, begin);
  s.run_end = s.run_begin + x.dim(last) + std::min<int64_t>(0, end) - s.run_from;
  return s;
}

namespace {

Status eval(const Pad& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(const Pads pads, read_pads(c));
  FERRY_ASSIGN_OR_RETURN(const PadSources s, pad_sources(op, pads, c));
  Tensor value;
  if (c.has_input(2)) {
    FERRY_ASSIGN_OR_RETURN(value, unpacked(c, c.input(2)));
  }
  return move_elements(c, x, 0, s.dims, [&]<class T>(TypeTag<T>, const T* in, T* out) -> Status {
    if (s.dims.count() == 0) return {};
    const T constant = value.defined() ? *value.data<T>() : T{};
    if (x.rank() == 0) {
      *out = *in;
      return {};
    }
    return fill(c, s.from, s.dims, in, constant, out);
  });
}

}  // namespace

void register_pad(OpRegistry& r) {
  r.op<Pad>("Pad").since(25).inputs(2, 4).attr("mode", &Pad::mode).infer(infer).reference(eval);
}

}  // namespace ferry
