// SPDX-License-Identifier: Apache-2.0
#include "ops/nn/rotary_embedding.h"

#include "ops/nn/head_rows.h"
#include "ops/registry.h"

namespace ferry {
namespace {

constexpr TypeSet kTypes = {DType::kFloat16, DType::kBFloat16, DType::kFloat32, DType::kFloat64};

Status infer(const RotaryEmbedding& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, kTypes, 3, 4));
  const bool by_position = c.has_input(3);
  for (size_t i = 1; i < 3; ++i) {
    FERRY_RETURN_IF_ERROR(c.tensor(i, kTypes, by_position ? 2 : 3, by_position ? 2 : 3).status());
    FERRY_RETURN_IF_ERROR(c.same_dtype(0, i));
  }
  if (by_position) FERRY_RETURN_IF_ERROR(c.tensor(3, {DType::kInt64}, 2, 2).status());
  if (op.rotary_embedding_dim < 0 || op.rotary_embedding_dim % 2 != 0) {
    return invalid_model("attribute 'rotary_embedding_dim' is {}, wanted is even and not negative",
                         op.rotary_embedding_dim);
  }
  if (x.has_rank() && x.rank() == 3 && (!op.num_heads || *op.num_heads < 1)) {
    return invalid_model("x is {}, which needs the attribute 'num_heads'", x.to_string());
  }
  c.set_type(0, x);
  return {};
}

// Row of the caches for position (b, s).
struct CacheRows {
  const int64_t* ids = nullptr;  // [batch, length] or none
  int64_t rows = 0, length = 0;
  bool shared = false;  // one batch of rows serves all

  Result<int64_t> operator()(int64_t b, int64_t s) const {
    if (ids == nullptr) return shared ? s : b * length + s;
    const int64_t i = b * length + s;
    if (ids[i] < 0 || ids[i] >= rows) {
      return invalid_argument("position id {} outside [0, {})", ids[i], rows);
    }
    return ids[i];
  }
};

Result<CacheRows> check_caches(EvalContext& c, const HeadLayout& at, int64_t half) {
  const Tensor &cosines = c.input(1), &sines = c.input(2);
  CacheRows rows{nullptr, 0, at.length, false};
  bool fits =
      cosines.dims() == sines.dims() && cosines.rank() >= 2 && cosines.dims().back() == half;
  if (c.has_input(3)) {
    const Tensor& ids = c.input(3);
    fits = fits && cosines.rank() == 2 && ids.dims() == Dims{at.batch, at.length};
    rows.ids = ids.data<int64_t>();
    rows.rows = cosines.dim(0);
  } else {
    rows.shared = fits && cosines.dim(0) == 1;
    fits = fits && cosines.dims() == Dims{rows.shared ? 1 : at.batch, at.length, half};
  }
  if (fits) return rows;
  return shape_mismatch("the caches are {} and {}, wanted are rows of {} for {} x {} positions",
                        cosines.describe(), sines.describe(), half, at.batch, at.length);
}

Status eval(const RotaryEmbedding& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(const HeadLayout at, head_layout(x, op.num_heads, "x"));
  const int64_t rotated = op.rotary_embedding_dim == 0 ? at.width : op.rotary_embedding_dim;
  if (rotated > at.width || rotated % 2 != 0) {
    return shape_mismatch("heads of width {} have no even part of {} to rotate", at.width, rotated);
  }
  const int64_t half = rotated / 2, step = op.interleaved ? 2 : 1;
  const int64_t other = op.interleaved ? 1 : half;
  FERRY_ASSIGN_OR_RETURN(const CacheRows cache_row, check_caches(c, at, half));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
  return visit_floating(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    using C = compute_t<T>;
    for (int64_t b = 0; b < at.batch; ++b) {
      for (int64_t s = 0; s < at.length; ++s) {
        FERRY_RETURN_IF_ERROR(c.poll());
        FERRY_ASSIGN_OR_RETURN(const int64_t row, cache_row(b, s));
        const T* cosine = c.input(1).data<T>() + row * half;
        const T* sine = c.input(2).data<T>() + row * half;
        for (int64_t h = 0; h < at.heads; ++h) {
          const T* from = x.data<T>() + at.row(b, h, s);
          T* to = y.data<T>() + at.row(b, h, s);
          for (int64_t i = 0; i < half; ++i) {
            const C u = from[i * step], v = from[i * step + other], cs = cosine[i], sn = sine[i];
            to[i * step] = T(cs * u - sn * v);
            to[i * step + other] = T(sn * u + cs * v);
          }
          for (int64_t i = rotated; i < at.width; ++i) to[i] = from[i];
        }
      }
    }
    return {};
  });
}

}  // namespace

void register_rotary_embedding(OpRegistry& r) {
  r.op<RotaryEmbedding>("RotaryEmbedding")
      .since(23)
      .inputs(3, 4)
      .attr("interleaved", &RotaryEmbedding::interleaved)
      .attr("num_heads", &RotaryEmbedding::num_heads)
      .attr("rotary_embedding_dim", &RotaryEmbedding::rotary_embedding_dim)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
