// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/split.h"

#include <algorithm>

#include "ops/arguments.h"
#include "ops/in_pieces.h"
#include "ops/move.h"
#include "ops/registry.h"

namespace ferry {
namespace {

// Sizes of `n` parts of a dim: equal ones, what is left for the last.
Shape even_sizes(const Dim& d, int64_t n) {
  const Dim chunk = ceil_div(d, n);
  Shape sizes;
  for (int64_t i = 0; i < n; ++i) {
    const Dim left = d - chunk * Dim(i);
    sizes.push_back(Dim::known_at_least(left, chunk) ? chunk : max(min(left, chunk), 0));
  }
  return sizes;
}

Status check_number(const Split& op, size_t outputs) {
  if (!op.num_outputs || *op.num_outputs == static_cast<int64_t>(outputs)) return {};
  return invalid_model("num_outputs is {}, the node has {} outputs", *op.num_outputs, outputs);
}

Status check_sizes(const Shape& sizes, const Dim& dim, size_t outputs) {
  if (sizes.size() != outputs) {
    return invalid_model("split has {} sizes, the node has {} outputs", sizes.size(), outputs);
  }
  Dim sum = 0;
  for (const Dim& d : sizes) {
    if (d.is_constant() && d.constant() < 0) {
      return invalid_model("split {} has a negative size", to_string(sizes));
    }
    sum = sum + d;
  }
  if (Dim::known_different(sum, dim) || sum.is_invalid()) {
    return shape_mismatch("split {} adds up to {}, the axis has {}", to_string(sizes),
                          sum.to_string(), dim.to_string());
  }
  return {};
}

Status infer(const Split& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, types::kAll, 1));
  FERRY_RETURN_IF_ERROR(check_number(op, c.num_outputs()));
  if (c.has_input(1)) FERRY_RETURN_IF_ERROR(c.tensor(1, {DType::kInt64}, 1, 1).status());
  if (!x.shape) {
    for (size_t i = 0; i < c.num_outputs(); ++i) c.set_tensor(i, x.dtype, std::nullopt);
    return {};
  }
  FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op.axis, x.rank()));
  const Dim& dim = (*x.shape)[axis];
  Shape sizes;
  bool constant_sizes = true;
  if (!c.has_input(1)) {
    sizes = even_sizes(dim, static_cast<int64_t>(c.num_outputs()));
  } else if (const auto known = c.known(1)) {
    sizes = *known;
    FERRY_RETURN_IF_ERROR(check_sizes(sizes, dim, c.num_outputs()));
  } else {
    for (size_t i = 0; i < c.num_outputs(); ++i) sizes.push_back(c.fresh_dim(i, axis));
  }
  const auto values = x.rank() == 1 ? c.known(0) : std::nullopt;
  int64_t at = 0;
  for (size_t i = 0; i < c.num_outputs(); ++i) {
    Shape shape = *x.shape;
    shape[axis] = sizes[i];
    c.set_tensor(i, x.dtype, std::move(shape));
    constant_sizes = constant_sizes && sizes[i].is_constant();
    if (values && constant_sizes) {
      c.set_known(i, KnownInts(values->begin() + at, values->begin() + at + sizes[i].constant()));
      at += sizes[i].constant();
    }
  }
  return {};
}

}  // namespace

Result<Ints> part_sizes(const Split& op, EvalContext& c) {
  FERRY_RETURN_IF_ERROR(check_number(op, c.num_outputs()));
  const Tensor& x = c.input(0);
  if (x.rank() == 0) return shape_mismatch("x is a scalar");
  FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op.axis, x.rank()));
  const int64_t d = x.dim(axis), parts = static_cast<int64_t>(c.num_outputs());
  Ints sizes;
  if (c.has_input(1)) {
    FERRY_ASSIGN_OR_RETURN(sizes, read_ints(c.input(1), "split"));
  } else {
    const int64_t chunk = d / parts + (d % parts != 0 ? 1 : 0);
    for (int64_t left = d; static_cast<int64_t>(sizes.size()) < parts; left -= sizes.back()) {
      sizes.push_back(std::min(chunk, left));
    }
  }
  int64_t left = d;
  bool fits = sizes.size() == c.num_outputs();
  for (int64_t n : sizes) {
    fits = fits && n >= 0 && n <= left;
    left -= fits ? n : 0;
  }
  if (fits && left == 0) return sizes;
  return check_sizes(Shape(sizes.begin(), sizes.end()), d, c.num_outputs());
}

namespace {

Status eval(const Split& op, EvalContext& c) {
  const Tensor& packed = c.input(0);
  FERRY_ASSIGN_OR_RETURN(const Ints sizes, part_sizes(op, c));
  FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op.axis, packed.rank()));
  FERRY_ASSIGN_OR_RETURN(const Tensor x, unpacked(c, packed));
  const int64_t outer = x.dims().count(0, axis), row = x.dims().count(axis, x.rank());
  const int64_t inner = x.dims().count(axis + 1, x.rank());
  int64_t at = 0;
  PollEvery polls(c);
  for (size_t i = 0; i < c.num_outputs(); ++i) {
    Dims dims = x.dims();
    dims[axis] = sizes[i];
    const int64_t n = dims[axis] * inner;
    if (c.has_output(i)) {
      FERRY_ASSIGN_OR_RETURN(MovedOutput y, moved_output(c, i, packed.dtype(), dims));
      FERRY_RETURN_IF_ERROR(visit_storage(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
        for (int64_t o = 0; o < outer && n > 0; ++o) {
          FERRY_RETURN_IF_ERROR(
              copy_in_pieces(polls, x.data<T>() + o * row + at, n, y.tensor.data<T>() + o * n));
        }
        return {};
      }));
      FERRY_RETURN_IF_ERROR(y.finish(c));
    }
    at += n;
  }
  return {};
}

}  // namespace

void register_split(OpRegistry& r) {
  r.op<Split>("Split")
      .since(18)
      .inputs(1, 2)
      .outputs(1, Arity::kAny)
      .attr("axis", &Split::axis)
      .attr("num_outputs", &Split::num_outputs)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
