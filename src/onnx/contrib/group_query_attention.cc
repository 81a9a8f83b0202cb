// SPDX-License-Identifier: Apache-2.0
// GroupQueryAttention: causal attention over a cache of keys and values, with rotary positions.
//   past[b]   = total == S ? 0 : seqlens_k[b] + 1 - S           tokens of sample b before this call
//   pos[b, i] = past[b] + i
//   k, v      = TensorScatter(cache padded to total, new rows, past)
//   y         = Attention(q, k, v, mask), mask[b, i, j] = j <= pos[b, i] and within the local
//               window, or j <= seqlens_k[b] where it is not causal
// A sink is one more key whose score is given per head and whose value is 0.
#include <limits>

#include "base/status.h"
#include "onnx/contrib/contrib.h"

namespace ferry::onnx {
namespace {

using Perm = std::vector<int64_t>;

class GroupQuery {
 public:
  GroupQuery(SourceNode& node, Rewriter& r) : node_(node), r_(r) {}

  Status run() {
    FERRY_RETURN_IF_ERROR(check());
    FERRY_RETURN_IF_ERROR(split_inputs());
    FERRY_RETURN_IF_ERROR(measure());
    FERRY_RETURN_IF_ERROR(rotate(q_));
    FERRY_RETURN_IF_ERROR(rotate(k_));
    FERRY_ASSIGN_OR_RETURN(const ValueId keys, cached(k_, optional(3), 1));
    FERRY_ASSIGN_OR_RETURN(const ValueId values, cached(v_, optional(4), 2));
    FERRY_ASSIGN_OR_RETURN(ValueId mask, make_mask(keys));
    if (!node_.has_input(kBias) && !has_sink()) return finish(keys, values, mask);
    FERRY_ASSIGN_OR_RETURN(mask, additive(mask, keys));
    if (!has_sink()) return finish(keys, values, mask);
    FERRY_ASSIGN_OR_RETURN(const ValueId wide_keys, one_more(keys, 2));
    FERRY_ASSIGN_OR_RETURN(const ValueId wide_values, one_more(values, 2));
    FERRY_ASSIGN_OR_RETURN(mask, with_sink(mask));
    return finish(wide_keys, wide_values, mask);
  }

 private:
  static constexpr size_t kBias = 10, kSink = 11;

  bool has_sink() const { return node_.has_input(kSink) || node_.get_int("smooth_softmax", 0) > 0; }
  ValueId optional(size_t i) const { return node_.has_input(i) ? node_.inputs[i] : kNone; }

  Status check() {
    if (!node_.has_input(0) || !node_.has_input(5) || !node_.has_input(6)) {
      return invalid_model("query, seqlens_k or total_sequence_length is missing");
    }
    heads_ = node_.get_int("num_heads", 0);
    kv_heads_ = node_.get_int("kv_num_heads", 0);
    if (heads_ < 1 || kv_heads_ < 1 || heads_ > INT32_MAX || kv_heads_ > INT32_MAX) {
      return invalid_model("num_heads = {} and kv_num_heads = {}", heads_, kv_heads_);
    }
    for (size_t i = kSink + 1; i < node_.inputs.size(); ++i) {
      if (node_.has_input(i)) return unsupported_op("input {} of GroupQueryAttention", i);
    }
    if (node_.get_int("sliding_window_cache", 0) != 0) {
      return unsupported_op("sliding_window_cache = 1");
    }
    return refuse_outputs(node_, 3);
  }

  // [B, S, heads * size] => [B, heads, S, size]
  Result<ValueId> by_head(ValueId x, int64_t heads) {
    FERRY_ASSIGN_OR_RETURN(const ValueId wide, r_.emit("Reshape", {x, r_.ints({0, 0, heads, -1})}));
    return r_.emit("Transpose", {wide}, {{"perm", Perm{0, 2, 1, 3}}});
  }

  Status split_inputs() {
    FERRY_ASSIGN_OR_RETURN(
        const ValueId rows,
        by_head(node_.inputs[0], node_.has_input(1) ? heads_ : heads_ + 2 * kv_heads_));
    q_ = rows;
    if (node_.has_input(1) && node_.has_input(2)) {
      FERRY_ASSIGN_OR_RETURN(k_, by_head(node_.inputs[1], kv_heads_));
      FERRY_ASSIGN_OR_RETURN(v_, by_head(node_.inputs[2], kv_heads_));
      return {};
    }
    SourceNode split;
    split.op_type = "Split";
    split.inputs = {rows, r_.ints({heads_, kv_heads_, kv_heads_})};
    split.outputs = {r_.new_value(), r_.new_value(), r_.new_value()};
    split.set("axis", int64_t{1});
    q_ = split.outputs[0];
    k_ = split.outputs[1];
    v_ = split.outputs[2];
    return r_.add_before(std::move(split));
  }

  Result<ValueId> as_int64(ValueId x, const std::vector<int64_t>& shape) {
    FERRY_ASSIGN_OR_RETURN(const ValueId wide,
                           r_.emit("Cast", {x}, {{"to", static_cast<int64_t>(DType::kInt64)}}));
    return r_.emit("Reshape", {wide, r_.ints(shape)});
  }
  // 0, 1, ..., count - 1 for a count of shape [1].
  Result<ValueId> range(ValueId count) {
    FERRY_ASSIGN_OR_RETURN(const ValueId end, r_.emit("Reshape", {count, r_.ints({})}));
    return r_.emit("Range", {r_.scalar_int(0), end, r_.scalar_int(1)});
  }

  Status measure() {
    FERRY_ASSIGN_OR_RETURN(length_,
                           r_.emit("Shape", {q_}, {{"start", int64_t{2}}, {"end", int64_t{3}}}));
    FERRY_ASSIGN_OR_RETURN(last_, as_int64(node_.inputs[5], {-1}));
    FERRY_ASSIGN_OR_RETURN(total_, as_int64(node_.inputs[6], {1}));
    FERRY_ASSIGN_OR_RETURN(const ValueId valid, r_.emit("Add", {last_, r_.ints({1})}));
    FERRY_ASSIGN_OR_RETURN(const ValueId before, r_.emit("Sub", {valid, length_}));
    FERRY_ASSIGN_OR_RETURN(const ValueId first_call, r_.emit("Equal", {total_, length_}));
    FERRY_ASSIGN_OR_RETURN(past_, r_.emit("Where", {first_call, r_.ints({0}), before}));
    // Samples of one prompt differ in seqlens_k only: `past` keeps the shape [B].
    FERRY_ASSIGN_OR_RETURN(const ValueId column, r_.emit("Unsqueeze", {past_, r_.ints({1})}));
    FERRY_ASSIGN_OR_RETURN(const ValueId steps, range(length_));
    FERRY_ASSIGN_OR_RETURN(positions_, r_.emit("Add", {column, steps}));
    return {};
  }

  Status rotate(ValueId& x) {
    if (node_.get_int("do_rotary", 0) == 0) return {};
    if (!node_.has_input(7) || !node_.has_input(8)) {
      return invalid_model("do_rotary without cos_cache and sin_cache");
    }
    const Type cos = r_.type(node_.inputs[7]);
    if (!cos.has_rank() || cos.rank() != 2 || !(*cos.shape)[1].is_constant()) {
      return unsupported_op("do_rotary needs a cos_cache of known width");
    }
    const ValueId positions = node_.has_input(9) ? node_.inputs[9] : positions_;
    FERRY_ASSIGN_OR_RETURN(
        x, r_.emit("RotaryEmbedding", {x, node_.inputs[7], node_.inputs[8], positions},
                   {{"interleaved", node_.get_int("rotary_interleaved", 0)},
                    {"rotary_embedding_dim", 2 * (*cos.shape)[1].constant()}}));
    return {};
  }

  // The cache with the new rows, as long as the old one or the total, whichever is more. It is
  // output `index`.
  Result<ValueId> cached(ValueId rows, ValueId past, size_t index) {
    ValueId result = rows;
    if (past != kNone) {
      FERRY_ASSIGN_OR_RETURN(
          const ValueId capacity,
          r_.emit("Shape", {past}, {{"start", int64_t{2}}, {"end", int64_t{3}}}));
      FERRY_ASSIGN_OR_RETURN(const ValueId wanted, r_.emit("Max", {capacity, total_}));
      FERRY_ASSIGN_OR_RETURN(const ValueId missing, r_.emit("Sub", {wanted, capacity}));
      FERRY_ASSIGN_OR_RETURN(const ValueId room, padded(past, missing, 2));
      FERRY_ASSIGN_OR_RETURN(result, r_.emit("TensorScatter", {room, rows, past_}));
    }
    if (node_.has_output(index)) {
      SourceNode copy;
      copy.op_type = "Identity";
      copy.inputs = {result};
      copy.outputs = {node_.outputs[index]};
      r_.add_after(std::move(copy));
    }
    return result;
  }

  Result<ValueId> make_mask(ValueId keys) {
    FERRY_ASSIGN_OR_RETURN(const ValueId count,
                           r_.emit("Shape", {keys}, {{"start", int64_t{2}}, {"end", int64_t{3}}}));
    FERRY_ASSIGN_OR_RETURN(const ValueId index, range(count));
    if (node_.get_int("causal", 1) == 0) {
      FERRY_ASSIGN_OR_RETURN(const ValueId last, r_.emit("Unsqueeze", {last_, r_.ints({1, 2, 3})}));
      return r_.emit("LessOrEqual", {index, last});
    }
    FERRY_ASSIGN_OR_RETURN(const ValueId position,
                           r_.emit("Unsqueeze", {positions_, r_.ints({1, 3})}));
    FERRY_ASSIGN_OR_RETURN(const ValueId causal, r_.emit("LessOrEqual", {index, position}));
    const int64_t window = node_.get_int("local_window_size", -1);
    if (window < 0) return causal;
    FERRY_ASSIGN_OR_RETURN(const ValueId edge, r_.emit("Sub", {position, r_.scalar_int(window)}));
    FERRY_ASSIGN_OR_RETURN(const ValueId near, r_.emit("Greater", {index, edge}));
    return r_.emit("And", {causal, near});
  }

  // The bias, with zeros for room in the cache, where `mask` holds, else -infinity.
  Result<ValueId> additive(ValueId mask, ValueId keys) {
    FERRY_ASSIGN_OR_RETURN(const DType type, dtype_of_input(node_, r_, 0));
    FERRY_ASSIGN_OR_RETURN(ValueId bias, r_.scalar(0, type));
    FERRY_ASSIGN_OR_RETURN(const ValueId masked,
                           r_.scalar(-std::numeric_limits<double>::infinity(), type));
    if (node_.has_input(kBias)) {
      bias = node_.inputs[kBias];
      const auto size = [&](ValueId x, int64_t axis) {
        return r_.emit("Shape", {x}, {{"start", axis}, {"end", axis + 1}});
      };
      FERRY_ASSIGN_OR_RETURN(const ValueId wanted, size(keys, 2));
      FERRY_ASSIGN_OR_RETURN(const ValueId given, size(bias, 3));
      FERRY_ASSIGN_OR_RETURN(const ValueId room, r_.emit("Sub", {wanted, given}));
      FERRY_ASSIGN_OR_RETURN(bias, padded(bias, room, 3));
    }
    return r_.emit("Where", {mask, bias, masked});
  }

  // `count` ([1]) zeros behind an axis.
  Result<ValueId> padded(ValueId x, ValueId count, int64_t axis) {
    FERRY_ASSIGN_OR_RETURN(const ValueId pads,
                           r_.emit("Concat", {r_.ints({0}), count}, {{"axis", int64_t{0}}}));
    return r_.emit("Pad", {x, pads, kNone, r_.ints({axis})});
  }
  Result<ValueId> one_more(ValueId x, int64_t axis) { return padded(x, r_.ints({1}), axis); }

  // The score of the last key, which q does not change, is that of the sink; 0 without one.
  Result<ValueId> with_sink(ValueId mask) {
    FERRY_ASSIGN_OR_RETURN(mask, one_more(mask, 3));
    if (!node_.has_input(kSink)) return mask;
    FERRY_ASSIGN_OR_RETURN(const DType type, dtype_of_input(node_, r_, 0));
    FERRY_ASSIGN_OR_RETURN(const ValueId zero, r_.scalar(0, type));
    FERRY_ASSIGN_OR_RETURN(const ValueId count,
                           r_.emit("Shape", {mask}, {{"start", int64_t{3}}, {"end", int64_t{4}}}));
    FERRY_ASSIGN_OR_RETURN(const ValueId index, range(count));
    FERRY_ASSIGN_OR_RETURN(const ValueId last, r_.emit("Sub", {count, r_.ints({1})}));
    FERRY_ASSIGN_OR_RETURN(const ValueId at_last, r_.emit("Equal", {index, last}));
    FERRY_ASSIGN_OR_RETURN(const ValueId sink,
                           r_.emit("Reshape", {node_.inputs[kSink], r_.ints({1, -1, 1, 1})}));
    FERRY_ASSIGN_OR_RETURN(const ValueId scores, r_.emit("Where", {at_last, sink, zero}));
    return r_.emit("Add", {mask, scores});
  }

  Status finish(ValueId keys, ValueId values, ValueId mask) {
    const float scale = node_.get("scale", 0.0f), softcap = node_.get("softcap", 0.0f);
    SourceNode attention;
    attention.op_type = "Attention";
    attention.inputs = {q_, keys, values, mask};
    attention.outputs = {r_.new_value()};
    if (scale != 0) attention.set("scale", scale);
    if (softcap > 0) attention.set("softcap", softcap);
    const ValueId y = attention.outputs[0];
    FERRY_RETURN_IF_ERROR(r_.add_before(std::move(attention)));
    FERRY_ASSIGN_OR_RETURN(const ValueId rows,
                           r_.emit("Transpose", {y}, {{"perm", Perm{0, 2, 1, 3}}}));
    become(node_, "Reshape", {rows, r_.ints({0, 0, -1})});
    node_.outputs.resize(1);
    return {};
  }

  SourceNode& node_;
  Rewriter& r_;
  int64_t heads_ = 0, kv_heads_ = 0;
  ValueId q_ = kNone, k_ = kNone, v_ = kNone;  // [B, heads, S, size]
  ValueId length_ = kNone;                     // S, [1]
  ValueId last_ = kNone;                       // seqlens_k, [B]
  ValueId total_ = kNone;                      // past and present, [1]
  ValueId past_ = kNone;                       // [B], or [1] in the first call
  ValueId positions_ = kNone;                  // [B, S]
};

Status group_query_attention(SourceNode& node, Rewriter& r) { return GroupQuery(node, r).run(); }

}  // namespace

void add_contrib_group_query_attention(std::vector<UpgradeRow>& rows) {
  rows.push_back({"com.microsoft.GroupQueryAttention", kAnyVersion, group_query_attention});
}

}  // namespace ferry::onnx
