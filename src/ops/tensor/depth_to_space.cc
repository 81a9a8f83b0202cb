// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/depth_to_space.h"

#include "ops/move.h"
#include "ops/registry.h"
#include "ops/walk.h"

namespace ferry {
namespace {

// 2^15 squared times any channel count that fits memory stays in 63 bits.
constexpr int64_t kMaxBlock = 1 << 15;

Status check(int64_t block, const std::string& mode) {
  if (block < 1 || block > kMaxBlock) {
    return invalid_model("blocksize is {}, wanted is 1 to {}", block, kMaxBlock);
  }
  if (mode != "DCR" && mode != "CRD") {
    return invalid_model("mode is '{}', wanted is 'DCR' or 'CRD'", mode);
  }
  return {};
}

Status check_divides(const Dim& d, int64_t by, std::string_view what, const Shape& x) {
  if (!d.is_constant() || d.constant() % by == 0) return {};
  return shape_mismatch("{} of x {} does not divide by {}", what, to_string(x), by);
}

Result<Shape> depth_to_space(const DepthToSpace& op, const Shape& x) {
  const int64_t b = op.blocksize;
  FERRY_RETURN_IF_ERROR(check_divides(x[1], b * b, "the channels", x));
  return Shape{x[0], floor_div(x[1], b * b), x[2] * Dim(b), x[3] * Dim(b)};
}

Result<Shape> space_to_depth(const SpaceToDepth& op, const Shape& x) {
  const int64_t b = op.blocksize;
  FERRY_RETURN_IF_ERROR(check_divides(x[2], b, "the height", x));
  FERRY_RETURN_IF_ERROR(check_divides(x[3], b, "the width", x));
  return Shape{x[0], x[1] * Dim(b * b), floor_div(x[2], b), floor_div(x[3], b)};
}

template <class Op>
Result<Shape> output_shape(const Op& op, const Shape& x) {
  if constexpr (std::is_same_v<Op, DepthToSpace>)
    return depth_to_space(op, x);
  else
    return space_to_depth(op, x);
}

template <class Op>
Status infer(const Op& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, types::kAll, 4, 4));
  FERRY_RETURN_IF_ERROR(check(op.blocksize, op.mode));
  Shape shape = c.fresh_shape(0, 4);
  if (x.shape) {
    FERRY_ASSIGN_OR_RETURN(shape, output_shape(op, *x.shape));
  }
  c.set_tensor(0, x.dtype, std::move(shape));
  return {};
}

// The six axes [n, depth, h, row, w, column] with the strides of each side.
struct View {
  Dims dims, deep, wide;
};
View view_of(const Dims& deep, int64_t b, bool dcr) {
  const int64_t n = deep[0], c = deep[1] / (b * b), h = deep[2], w = deep[3];
  const int64_t plane = h * w;
  const int64_t depth = dcr ? plane : b * b * plane, row = (dcr ? b * c : b) * plane;
  const int64_t column = (dcr ? c : 1) * plane;
  View v;
  v.dims = {n, c, h, b, w, b};
  v.deep = {deep[1] * plane, depth, w, row, 1, column};
  v.wide = dense_strides(v.dims);
  return v;
}

template <class Op>
Status eval(const Op& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  if (x.rank() != 4) return shape_mismatch("x is {}, wanted is rank 4", x.describe());
  FERRY_ASSIGN_OR_RETURN(const Shape shape, output_shape(op, shape_of(x.dims())));
  const std::optional<Dims> dims = constant_dims(shape);
  if (!dims) return limit_exceeded("the output of x {} is too large", x.describe());
  constexpr bool kToSpace = std::is_same_v<Op, DepthToSpace>;
  return move_elements(c, x, 0, *dims, [&]<class T>(TypeTag<T>, const T* from, T* to) -> Status {
    const View v = view_of(kToSpace ? x.dims() : *dims, op.blocksize, op.mode == "DCR");
    return for_each_row<2>(c, v.dims, {v.deep, v.wide},
                           [&](int64_t n, const auto& at, const auto& step) {
                             for (int64_t i = 0; i < n; ++i) {
                               const int64_t d = at[0] + i * step[0], w = at[1] + i * step[1];
                               if constexpr (kToSpace)
                                 to[w] = from[d];
                               else
                                 to[d] = from[w];
                             }
                           });
  });
}

}  // namespace

void register_depth_to_space(OpRegistry& r) {
  r.op<DepthToSpace>("DepthToSpace")
      .since(28)
      .required("blocksize", &DepthToSpace::blocksize)
      .attr("mode", &DepthToSpace::mode)
      .infer(infer<DepthToSpace>)
      .reference(eval<DepthToSpace>);
  r.op<SpaceToDepth>("SpaceToDepth")
      .since(28)
      .required("blocksize", &SpaceToDepth::blocksize)
      .attr("mode", &SpaceToDepth::mode)
      .infer(infer<SpaceToDepth>)
      .reference(eval<SpaceToDepth>);
}

}  // namespace ferry
