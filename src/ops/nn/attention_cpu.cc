// SPDX-License-Identifier: Apache-2.0
// Attention in fp32: a block of queries at a time, from the scores to the output while they are in
// the cache. The scores of all queries never exist at once.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/attention/attention.h"
#include "ops/nn/attention.h"
#include "ops/nn/head_rows.h"
#include "ops_cpu/matrix_product.h"
#include "ops_cpu/parallel.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

constexpr size_t kMask = 3, kPastKey = 4, kPastValue = 5, kNonpad = 6;
// Up to this many queries keys and values are read once, in place; more are worth packing them.
constexpr int64_t kFewQueries = 4;
// Keys of one query between two looks at the deadline.
constexpr int64_t kSlice = 4096;
// Scores of a block: a small part of the second-level cache, beside the packed keys and values.
constexpr int64_t kScoreBytes = 96 << 10;

// What one call computes, in elements.
struct Problem {
  HeadLayout q, y;
  // Keys and values with their past: rows at stride, heads of them.
  HeadLayout keys, values;
  const float *q_data, *key_data, *value_data;
  float* y_data;
  const Tensor* mask = nullptr;
  Dims mask_strides = {0, 0, 0};  // batch, head, query
  int64_t mask_width = 0;
  const int64_t* nonpad = nullptr;
  int64_t past = 0;

  int64_t total() const { return keys.length; }
};

Status bind_mask(Problem& p, const Tensor& mask) {
  const size_t rank = mask.rank();
  const Dims wanted = {p.q.batch, p.q.heads, p.q.length};
  bool fits = rank >= 1 && rank <= 4 && mask.dims().back() <= p.total();
  int64_t stride = fits ? mask.dims().back() : 0;
  p.mask_width = stride;
  for (size_t k = 0; fits && k + 1 < rank; ++k) {
    const int64_t d = mask.dim(rank - 2 - k), w = wanted[2 - k];
    fits = d == 1 || d == w;
    p.mask_strides[2 - k] = d == 1 ? 0 : stride;
    stride *= d;
  }
  if (!fits) {
    return shape_mismatch("attn_mask is {}, which does not broadcast to [{},{},{},{}]",
                          mask.describe(), wanted[0], wanted[1], wanted[2], p.total());
  }
  p.mask = &mask;
  return {};
}

// Writes past and new rows one after the other; the layout of the result.
HeadLayout join(const Tensor& past, const float* rows, const HeadLayout& from, Tensor& all,
                Team& team) {
  const int64_t before = past.dim(2), width = from.width, length = before + from.length;
  const HeadLayout to = HeadLayout::planar(from.batch, from.heads, length, width);
  const auto bytes = [](int64_t floats) { return static_cast<size_t>(floats) * sizeof(float); };
  team.parallel(static_cast<int>(from.batch * from.heads), [&](int part, int) {
    const int64_t b = part / from.heads, h = part % from.heads;
    float* y = all.data<float>() + to.row(b, h, 0);
    if (before > 0)
      std::memcpy(y, past.data<float>() + part * before * width, bytes(before * width));
    for (int64_t s = 0; s < from.length; ++s) {
      std::memcpy(y + (before + s) * width, rows + from.row(b, h, s), bytes(width));
    }
  });
  return to;
}

class AttentionKernel final : public StepKernel {
 public:
  AttentionKernel(Isa isa, const Attention& op)
      : gemm_(gemm_kernels(isa)), kernels_(attention_kernels(isa)), op_(op) {}

  std::string name() const override { return "attention_f32"; }

  Status run(StepContext& c) const override {
    Problem p;
    const Tensor &q = c.input(0), &k = c.input(1), &v = c.input(2);
    FERRY_ASSIGN_OR_RETURN(const HeadLayouts at, attention_layouts(op_, q, k, v));
    if (past_rows(c, kPastKey) != past_rows(c, kPastValue)) {
      return shape_mismatch("past_key and past_value have {} and {} rows", past_rows(c, kPastKey),
                            past_rows(c, kPastValue));
    }
    const Dims y_dims = q.rank() == 4 ? Dims{at.q.batch, at.q.heads, at.q.length, at.v.width}
                                      : Dims{at.q.batch, at.q.length, at.q.heads * at.v.width};
    FERRY_RETURN_IF_ERROR(bind_cache(p.keys, p.key_data, k, at.k, kPastKey, 1, c));
    FERRY_RETURN_IF_ERROR(bind_cache(p.values, p.value_data, v, at.v, kPastValue, 2, c));
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, q.dtype(), y_dims));
    p.q = at.q;
    p.y = at.y;
    p.q_data = q.data<float>();
    p.y_data = y.data<float>();
    p.past = p.total() - at.k.length;
    if (c.has_input(kMask)) FERRY_RETURN_IF_ERROR(bind_mask(p, c.input(kMask)));
    if (c.has_input(kNonpad)) FERRY_RETURN_IF_ERROR(bind_nonpad(p, c.input(kNonpad)));
    if (y.count() == 0) return {};
    return p.q.length <= kFewQueries ? attend_few(p, c) : attend_blocks(p, c);
  }

 private:
  static int64_t past_rows(const StepContext& c, size_t input) {
    return c.has_input(input) && c.input(input).rank() == 4 ? c.input(input).dim(2) : 0;
  }

  // Keys or values, after their past if there is one; writes the present output.
  static Status bind_cache(HeadLayout& layout, const float*& data, const Tensor& rows,
                           const HeadLayout& from, size_t past_input, size_t output,
                           StepContext& c) {
    layout = from;
    data = rows.data<float>();
    if (!c.has_input(past_input) && !c.has_output(output)) return {};
    Tensor none = Tensor::borrow(DType::kFloat32, Dims{from.batch, from.heads, 0, from.width},
                                 static_cast<void*>(nullptr));
    const Tensor& past = c.has_input(past_input) ? c.input(past_input) : none;
    if (past.rank() != 4 || past.dim(0) != from.batch || past.dim(1) != from.heads ||
        past.dim(3) != from.width) {
      return shape_mismatch("past is {}, which does not continue {}", past.describe(),
                            rows.describe());
    }
    FERRY_ASSIGN_OR_RETURN(
        Tensor all, c.output(output, DType::kFloat32,
                             Dims{from.batch, from.heads, past.dim(2) + from.length, from.width}));
    layout = join(past, rows.data<float>(), from, all, c.team());
    data = all.data<float>();
    return {};
  }

  static Status bind_nonpad(Problem& p, const Tensor& nonpad) {
    if (nonpad.rank() != 1 || nonpad.dim(0) != p.q.batch) {
      return shape_mismatch("nonpad_kv_seqlen is {}, wanted is [{}]", nonpad.describe(), p.q.batch);
    }
    for (int64_t n : nonpad.elements<int64_t>()) {
      if (n < 0 || n > p.total()) {
        return invalid_argument("nonpad_kv_seqlen holds {}, wanted is 0 to {}", n, p.total());
      }
    }
    p.nonpad = nonpad.data<int64_t>();
    return {};
  }

  ScoreRow score_row(const Problem& p, int64_t b, int64_t h, int64_t i) const {
    ScoreRow row;
    row.scale = op_.scale ? *op_.scale : 1 / std::sqrt(static_cast<float>(p.q.width));
    row.softcap = op_.softcap;
    row.end = p.total();
    if (p.mask != nullptr) {
      const int64_t offset = b * p.mask_strides[0] + h * p.mask_strides[1] + i * p.mask_strides[2];
      if (p.mask->dtype() == DType::kBool) {
        row.allowed = static_cast<const uint8_t*>(p.mask->raw()) + offset;
      } else {
        row.bias = p.mask->data<float>() + offset;
      }
      row.end = std::min(row.end, p.mask_width);
    }
    int64_t position = i + p.past;
    if (p.nonpad != nullptr) {
      row.end = std::min(row.end, p.nonpad[b]);
      position = i + p.nonpad[b] - p.q.length;
    }
    if (op_.is_causal) row.end = std::min(row.end, position + 1);
    if (op_.right_window_size >= 0)
      row.end = std::min(row.end, position + op_.right_window_size + 1);
    if (op_.left_window_size >= 0)
      row.begin = std::max<int64_t>(0, position - op_.left_window_size);
    row.end = std::max<int64_t>(row.end, 0);
    row.begin = std::min(row.begin, row.end);
    return row;
  }

  // The factor of the output row; clears the probabilities where they are no numbers.
  float factor_of(float sum, float* scores, int64_t n) const {
    const bool nan = std::isnan(sum);
    if (op_.empty_rows == EmptyRows::kZero && nan) std::fill_n(scores, n, 0.0f);
    if (op_.empty_rows == EmptyRows::kNaN || (nan && op_.empty_rows != EmptyRows::kZero)) {
      return 1 / sum * (sum == 0 ? NAN : 1.0f);
    }
    return nan || sum == 0 ? 0.0f : 1 / sum;
  }

  Status attend_few(const Problem& p, StepContext& c) const {
    Team& team = c.team();
    const int64_t pairs = p.q.batch * p.q.heads, group = p.q.heads / p.keys.heads;
    FERRY_RETURN_IF_ERROR(c.reserve_scratch(team.size(), p.total() * int64_t{sizeof(float)}));
    const bool worthwhile = pairs * p.q.length * p.total() * p.q.width >= kMinParallelWork;
    parallel_range(team, pairs, worthwhile, [&](int64_t u0, int64_t u1, int thread) {
      auto* scores = c.scratch<float>(thread);
      for (int64_t u = u0; u < u1; ++u) {
        const int64_t b = u / p.q.heads, h = u % p.q.heads;
        for (int64_t i = 0; i < p.q.length; ++i) {
          const ScoreRow row = score_row(p, b, h, i);
          const int64_t n = row.end;
          const float* keys = p.key_data + p.keys.row(b, h / group, 0);
          team.in_slices(0, n, kSlice, [&](int64_t from, int64_t to) {
            kernels_.dot_keys(p.q_data + p.q.row(b, h, i), keys + from * p.keys.row_stride,
                              p.keys.row_stride, p.q.width, to - from, scores + from);
          });
          const float factor = factor_of(kernels_.probabilities(row, scores, n), scores, n);
          float* y = p.y_data + p.y.row(b, h, i);
          kernels_.sum_values(scores, p.value_data + p.values.row(b, h / group, 0),
                              p.values.row_stride, p.values.width, n, y);
          kernels_.scale(y, p.values.width, factor);
        }
      }
    });
    return {};
  }

  Status attend_blocks(const Problem& p, StepContext& c) const {
    Team& team = c.team();
    const int64_t total = p.total(), pitch = (total + 15) / 16 * 16;
    // Blocks of whole register tiles, all about the same size.
    const int64_t most = std::clamp<int64_t>(
        kScoreBytes / std::max<int64_t>(pitch * int64_t{sizeof(float)}, 1) / gemm_.mr, 1, 8);
    const int64_t blocks = (p.q.length + most * gemm_.mr - 1) / (most * gemm_.mr);
    const int64_t rows = ((p.q.length + blocks - 1) / blocks + gemm_.mr - 1) / gemm_.mr * gemm_.mr;
    const int64_t key_floats = gemm_packed_size(gemm_, p.q.width, total);
    const int64_t value_floats = gemm_packed_size(gemm_, total, p.values.width);
    const int64_t floats = key_floats + value_floats + rows * pitch;
    FERRY_RETURN_IF_ERROR(c.reserve_scratch(team.size(), floats * int64_t{sizeof(float)}));
    const int64_t units = p.q.batch * p.q.heads * blocks;
    const int64_t parts = std::min<int64_t>(units, team.size());
    const int64_t group = p.q.heads / p.keys.heads;
    team.parallel(static_cast<int>(parts), [&](int part, int thread) {
      auto* keys = c.scratch<float>(thread);
      float *values = keys + key_floats, *scores = values + value_floats;
      int64_t packed = -1;
      const auto attend = [&](int64_t from, int64_t to) {
        for (int64_t u = from; u < to; ++u) {
          const int64_t b = u / blocks / p.q.heads, h = u / blocks % p.q.heads;
          const int64_t kv = b * p.keys.heads + h / group;
          if (kv != packed) pack(p, b, h / group, keys, values);
          packed = kv;
          const int64_t i0 = u % blocks * rows;
          attend_block(p, b, h, i0, std::min(p.q.length, i0 + rows), keys, values, scores, pitch);
        }
      };
      team.in_slices(units * part / parts, units * (part + 1) / parts, 1, attend);
    });
    return {};
  }

  void pack(const Problem& p, int64_t b, int64_t h, float* keys, float* values) const {
    gemm_pack_b(gemm_, p.key_data + p.keys.row(b, h, 0), 1, p.keys.row_stride, p.q.width, p.total(),
                keys);
    gemm_pack_b(gemm_, p.value_data + p.values.row(b, h, 0), p.values.row_stride, 1, p.total(),
                p.values.width, values);
  }

  void attend_block(const Problem& p, int64_t b, int64_t h, int64_t i0, int64_t i1,
                    const float* keys, const float* values, float* scores, int64_t pitch) const {
    static const GemmBlocking blocking = gemm_blocking();
    if (i0 >= i1) return;
    const int64_t total = p.total(), n = i1 - i0;
    int64_t end = 0;
    for (int64_t i = i0; i < i1; ++i) end = std::max(end, score_row(p, b, h, i).end);
    GemmArgs product;
    product.m = n;
    product.n = total;
    product.k = p.q.width;
    product.a = p.q_data + p.q.row(b, h, i0);
    product.lda = p.q.row_stride;
    product.packed_b = keys;
    product.c = scores;
    product.ldc = pitch;
    gemm_tile(gemm_, blocking, product, 0, n, 0,
              std::min(total, (end + gemm_.nr - 1) / gemm_.nr * gemm_.nr));
    constexpr int64_t kMostRows = 256;
    float factors[kMostRows];
    for (int64_t i = 0; i < n; ++i) {
      float* row = scores + i * pitch;
      factors[i] =
          factor_of(kernels_.probabilities(score_row(p, b, h, i0 + i), row, total), row, total);
    }
    GemmArgs sum;
    sum.m = n;
    sum.n = p.values.width;
    sum.k = total;
    sum.a = scores;
    sum.lda = pitch;
    sum.packed_b = values;
    sum.c = p.y_data + p.y.row(b, h, i0);
    sum.ldc = p.y.row_stride;
    gemm_tile(gemm_, blocking, sum, 0, n, 0, sum.n);
    for (int64_t i = 0; i < n; ++i) {
      kernels_.scale(sum.c + i * sum.ldc, sum.n, factors[i]);
    }
  }

  const GemmKernels& gemm_;
  const AttentionKernels& kernels_;
  Attention op_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  const auto no = [](const char* why) { return KernelOffer(std::string(why)); };
  for (size_t i : {size_t{0}, size_t{1}, size_t{2}, kPastKey, kPastValue}) {
    if (request.has_input(i) && request.type(i).dtype != DType::kFloat32) return no("not f32");
  }
  if (request.has_input(kMask)) {
    const DType mask = request.type(kMask).dtype;
    if (mask != DType::kFloat32 && mask != DType::kBool)
      return no("a mask that is not f32 or bool");
  }
  if (request.node.outputs.size() > 3 && request.node.outputs[3] != kNone) {
    return no("the scores are an output");
  }
  const Attention& op = *request.node.op.as<Attention>();
  if (op.softmax_precision && *op.softmax_precision != 1) return no("softmax in another type");
  return KernelOffer(std::make_unique<AttentionKernel>(request.isa, op));
}

}  // namespace

void register_attention_cpu(KernelRegistry& r) { r.add("Attention", "attention_f32", make); }

}  // namespace ferry
