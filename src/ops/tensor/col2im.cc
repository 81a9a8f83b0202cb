// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/col2im.h"

#include <algorithm>

#include "ops/arguments.h"
#include "ops/convert.h"
#include "ops/in_ranges.h"
#include "ops/registry.h"
#include "tensor/size.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

constexpr TypeSet kAllowed = types::kNumeric;

Status infer(const Col2Im& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, kAllowed, 3, 3));
  FERRY_RETURN_IF_ERROR(c.tensor(1, {DType::kInt64}, 1, 1).status());
  FERRY_RETURN_IF_ERROR(c.tensor(2, {DType::kInt64}, 1, 1).status());
  const auto image = c.known(1), block = c.known(2);
  auto axes = constant_count(c, 1);
  const auto other = constant_count(c, 2);
  if (axes && other && *axes != *other) {
    return invalid_model("image_shape has {} elements, block_shape {}", *axes, *other);
  }
  if (!axes) axes = constant_count(c, 2);
  if (!axes) {
    c.set_tensor(0, x.dtype, std::nullopt);
    return {};
  }
  const auto k = static_cast<size_t>(*axes);
  FERRY_RETURN_IF_ERROR(check_rank(k + 2));
  Shape shape = c.fresh_shape(0, k + 2);
  if (x.shape) shape[0] = (*x.shape)[0];
  if (block && x.shape) {
    Dim elements = 1;
    for (const Dim& d : *block) elements = elements * d;
    if (!elements.is_constant(0)) shape[1] = floor_div((*x.shape)[1], elements);
  }
  if (image) {
    if (image->size() != k) return invalid_model("image_shape and block_shape differ in length");
    std::copy(image->begin(), image->end(), shape.begin() + 2);
  }
  for (const auto* list : {&op.strides, &op.dilations}) {
    if (!list->empty() && list->size() != k) {
      return invalid_model("strides or dilations have {} entries for {} axes", list->size(), k);
    }
  }
  if (!op.pads.empty() && op.pads.size() != 2 * k) {
    return invalid_model("pads has {} entries for {} axes", op.pads.size(), k);
  }
  c.set_tensor(0, x.dtype, std::move(shape));
  return {};
}

Result<std::vector<Col2ImAxis>> axes_of(const Col2Im& op, std::span<const int64_t> image,
                                        std::span<const int64_t> block) {
  const size_t k = image.size();
  const auto sized = [](const std::vector<int64_t>& v, size_t n) {
    return v.empty() || v.size() == n;
  };
  if (block.size() != k || !sized(op.strides, k) || !sized(op.dilations, k) ||
      !sized(op.pads, 2 * k)) {
    return invalid_argument("image_shape has {} axes, block_shape {}", k, block.size());
  }
  constexpr int64_t kLimit = int64_t{1} << 40;  // keeps the sums below from overflowing
  const auto in = [](int64_t v, int64_t low) { return v >= low && v < kLimit; };
  std::vector<Col2ImAxis> axes;
  for (size_t i = 0; i < k; ++i) {
    Col2ImAxis a{image[i],
                 block[i],
                 op.strides.empty() ? 1 : op.strides[i],
                 op.dilations.empty() ? 1 : op.dilations[i],
                 op.pads.empty() ? 0 : op.pads[i],
                 0};
    const int64_t end = op.pads.empty() ? 0 : op.pads[k + i];
    if (!in(a.image, 0) || !in(a.block, 1) || !in(a.stride, 1) || a.dilation < 1 ||
        a.dilation > (1 << 20) || !in(a.pad, 0) || !in(end, 0)) {
      return invalid_argument(
          "axis {} has image {}, block {}, stride {}, dilation {}, pads {} and {}", i, a.image,
          a.block, a.stride, a.dilation, a.pad, end);
    }
    const int64_t room = a.image + a.pad + end - a.dilation * (a.block - 1) - 1;
    a.blocks = room < 0 ? 0 : room / a.stride + 1;
    axes.push_back(a);
  }
  return axes;
}

// Adds one column entry (block element `e`, blocks [b0, b1)) of one channel to its image.
template <class T, class A>
void add_entry(const std::vector<Col2ImAxis>& axes, int64_t e, int64_t b0, int64_t b1,
               const T* column, A* image) {
  for (int64_t b = b0; b < b1; ++b) {
    int64_t rest_e = e, rest_b = b, at = 0, stride = 1;
    bool inside = true;
    for (size_t i = axes.size(); i-- > 0;) {
      const Col2ImAxis& a = axes[i];
      const int64_t position = rest_b % a.blocks * a.stride + rest_e % a.block * a.dilation - a.pad;
      rest_b /= a.blocks;
      rest_e /= a.block;
      inside = inside && position >= 0 && position < a.image;
      at += position * stride;
      stride *= a.image;
    }
    if (inside) image[at] += static_cast<A>(static_cast<compute_t<T>>(column[b]));
  }
}

}  // namespace

Result<Col2ImSizes> col2im_sizes(const Col2Im& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(const Ints image, read_ints(c.input(1), "image_shape"));
  FERRY_ASSIGN_OR_RETURN(const Ints block, read_ints(c.input(2), "block_shape"));
  FERRY_ASSIGN_OR_RETURN(std::vector<Col2ImAxis> axes, axes_of(op, image, block));
  FERRY_RETURN_IF_ERROR(check_rank(axes.size() + 2));
  FERRY_ASSIGN_OR_RETURN(const int64_t elements, checked_count(block));
  std::vector<int64_t> counts;
  for (const Col2ImAxis& a : axes) counts.push_back(a.blocks);
  FERRY_ASSIGN_OR_RETURN(const int64_t blocks, checked_count(counts));
  if (x.rank() != 3 || x.dim(1) % elements != 0 || x.dim(2) != blocks) {
    return shape_mismatch("x is {}, wanted are {} block elements and {} blocks", x.describe(),
                          elements, blocks);
  }
  Dims dims = {x.dim(0), x.dim(1) / elements};
  for (int64_t d : image) dims.push_back(d);
  return Col2ImSizes{std::move(axes), elements, blocks, std::move(dims)};
}

namespace {

Status eval(const Col2Im& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(const Col2ImSizes sizes, col2im_sizes(op, c));
  const std::vector<Col2ImAxis>& axes = sizes.axes;
  const Dims& dims = sizes.dims;
  const int64_t elements = sizes.elements, blocks = sizes.blocks;
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), dims));
  const int64_t pixels = dims.count(2, dims.size());
  return visit_numeric(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    using A = std::conditional_t<std::is_integral_v<T>, uint64_t, double>;
    if (y.count() == 0) return {};
    std::vector<A> sums(static_cast<size_t>(pixels));
    const T* column = x.data<T>();
    for (int64_t i = 0; i < dims[0] * dims[1]; ++i) {
      std::fill(sums.begin(), sums.end(), A(0));
      for (int64_t e = 0; e < elements; ++e, column += blocks) {
        FERRY_RETURN_IF_ERROR(in_ranges(c, blocks, 16, [&](int64_t b0, int64_t b1) {
          add_entry(axes, e, b0, b1, column, sums.data());
        }));
      }
      FERRY_RETURN_IF_ERROR(in_ranges(c, pixels, 1, [&](int64_t p0, int64_t p1) {
        for (int64_t p = p0; p < p1; ++p) {
          y.data<T>()[i * pixels + p] =
              static_cast<T>(static_cast<compute_t<T>>(sums[static_cast<size_t>(p)]));
        }
      }));
    }
    return {};
  });
}

}  // namespace

void register_col2im(OpRegistry& r) {
  r.op<Col2Im>("Col2Im")
      .since(18)
      .inputs(3)
      .attr("strides", &Col2Im::strides)
      .attr("pads", &Col2Im::pads)
      .attr("dilations", &Col2Im::dilations)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
