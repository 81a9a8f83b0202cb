// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/affine_grid.h"

#include "ops/arguments.h"
#include "ops/poll_every.h"
#include "ops/registry.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

Status infer(const AffineGrid&, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type theta, c.tensor(0, types::kFloating, 3, 3));
  FERRY_RETURN_IF_ERROR(c.tensor(1, {DType::kInt64}, 1, 1).status());
  const auto count = constant_count(c, 1);
  if (count && *count != 4 && *count != 5) {
    return invalid_model("size has {} elements, wanted are 4 or 5", *count);
  }
  if (!count) {
    c.set_tensor(0, theta.dtype, std::nullopt);
    return {};
  }
  const auto n = static_cast<size_t>(*count);
  Shape shape = c.fresh_shape(0, n);
  if (const auto size = c.known(1)) {
    shape[0] = (*size)[0];
    for (size_t i = 2; i < n; ++i) shape[i - 1] = (*size)[i];
  } else if (theta.shape) {
    shape[0] = (*theta.shape)[0];
  }
  shape[n - 1] = static_cast<int64_t>(n) - 2;
  c.set_tensor(0, theta.dtype, std::move(shape));
  return {};
}

}  // namespace

double affine_grid_position(int64_t i, int64_t n, bool align_corners) {
  const auto at = static_cast<double>(i), size = static_cast<double>(n);
  if (!align_corners) return (2 * at + 1) / size - 1;
  return n > 1 ? 2 * at / (size - 1) - 1 : 0;
}

Result<Dims> affine_grid_dims(EvalContext& c) {
  const Tensor& theta = c.input(0);
  FERRY_ASSIGN_OR_RETURN(const Ints size, read_ints(c.input(1), "size"));
  const bool flat = size.size() == 4;
  const int64_t axes = flat ? 2 : 3;
  if (!flat && size.size() != 5) {
    return invalid_argument("size has {} elements, wanted are 4 or 5", size.size());
  }
  if (!(theta.dims() == Dims{size[0], axes, axes + 1})) {
    return shape_mismatch("theta is {}, wanted is [{},{},{}]", theta.describe(), size[0], axes,
                          axes + 1);
  }
  std::vector<int64_t> sizes = {size[0]};
  sizes.insert(sizes.end(), size.begin() + 2, size.end());
  sizes.push_back(axes);
  return make_dims(sizes);
}

namespace {

Status eval(const AffineGrid& op, EvalContext& c) {
  const Tensor& theta = c.input(0);
  FERRY_ASSIGN_OR_RETURN(const Dims dims, affine_grid_dims(c));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, theta.dtype(), dims));
  const bool flat = dims.size() == 4;
  const int64_t axes = flat ? 2 : 3;
  const int64_t depth = flat ? 1 : dims[1], height = dims[dims.size() - 3],
                width = dims[dims.size() - 2];
  return visit_floating(theta.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    T* to = y.data<T>();
    if (y.count() == 0) return {};
    PollEvery polls(c);
    for (int64_t i = 0; i < dims[0] * depth * height * width; ++i) {
      if (i % width == 0) FERRY_RETURN_IF_ERROR(polls.spend(8 * width));
      const T* map = theta.data<T>() + i / (depth * height * width) * axes * (axes + 1);
      const double at[] = {
          affine_grid_position(i % width, width, op.align_corners),
          affine_grid_position(i / width % height, height, op.align_corners),
          affine_grid_position(i / (width * height) % depth, depth, op.align_corners)};
      for (int64_t r = 0; r < axes; ++r, map += axes + 1) {
        auto v = static_cast<double>(static_cast<compute_t<T>>(map[axes]));
        for (int64_t k = 0; k < axes; ++k) {
          v += static_cast<double>(static_cast<compute_t<T>>(map[k])) * at[k];
        }
        *to++ = T(static_cast<compute_t<T>>(v));
      }
    }
    return {};
  });
}

}  // namespace

void register_affine_grid(OpRegistry& r) {
  r.op<AffineGrid>("AffineGrid")
      .since(20)
      .inputs(2)
      .attr("align_corners", &AffineGrid::align_corners)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
