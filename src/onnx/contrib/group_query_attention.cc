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

class GroupQuery {
 public:
  GroupQuery(SourceNode& node, Rewriter& r) : node_(node), r_(r), e_(r) {}

  Status run() {
    FERRY_RETURN_IF_ERROR(check());
    FERRY_ASSIGN_OR_RETURN(type_, dtype_of_input(node_, r_, 0));
    split_inputs();
    measure();
    FERRY_RETURN_IF_ERROR(rotate(q_));
    FERRY_RETURN_IF_ERROR(rotate(k_));
    const ValueId keys = cached(k_, optional(3), 1);
    const ValueId values = cached(v_, optional(4), 2);
    ValueId mask = make_mask(keys);
    if (!node_.has_input(kBias) && !has_sink()) return finish(keys, values, mask);
    mask = additive(mask, keys);
    if (!has_sink()) return finish(keys, values, mask);
    const ValueId wide_keys = one_more(keys, 2);
    const ValueId wide_values = one_more(values, 2);
    mask = with_sink(mask);
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
  ValueId by_head(ValueId x, int64_t heads) {
    const ValueId wide = e_("Reshape", {x, e_.ints({0, 0, heads, -1})});
    return e_.transpose(wide, {0, 2, 1, 3});
  }

  void split_inputs() {
    const ValueId rows =
        by_head(node_.inputs[0], node_.has_input(1) ? heads_ : heads_ + 2 * kv_heads_);
    if (node_.has_input(1) && node_.has_input(2)) {
      q_ = rows;
      k_ = by_head(node_.inputs[1], kv_heads_);
      v_ = by_head(node_.inputs[2], kv_heads_);
      return;
    }
    const std::vector<ValueId> parts = e_.split(rows, 1, {heads_, kv_heads_, kv_heads_});
    q_ = parts[0];
    k_ = parts[1];
    v_ = parts[2];
  }

  ValueId as_int64(ValueId x, int64_t count) {
    return e_("Reshape", {e_.cast(x, DType::kInt64), e_.ints({count})});
  }

  void measure() {
    length_ = e_.size(q_, 2);
    last_ = as_int64(node_.inputs[5], -1);
    total_ = as_int64(node_.inputs[6], 1);
    const ValueId valid = e_("Add", {last_, e_.ints({1})});
    const ValueId before = e_("Sub", {valid, length_});
    const ValueId first_call = e_("Equal", {total_, length_});
    past_ = e_("Where", {first_call, e_.ints({0}), before});
    // Samples of one prompt differ in seqlens_k only: `past` keeps the shape [B].
    const ValueId column = e_("Unsqueeze", {past_, e_.ints({1})});
    const ValueId steps = e_.range(length_);
    positions_ = e_("Add", {column, steps});
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
    x = e_("RotaryEmbedding", {x, node_.inputs[7], node_.inputs[8], positions},
           {{"interleaved", node_.get_int("rotary_interleaved", 0)},
            {"rotary_embedding_dim", 2 * (*cos.shape)[1].constant()}});
    return {};
  }

  // The cache with the new rows, as long as the old one or the total, whichever is more. It is
  // output `index`.
  ValueId cached(ValueId rows, ValueId past, size_t index) {
    ValueId result = rows;
    if (past != kNone) {
      const ValueId capacity = e_.size(past, 2);
      const ValueId wanted = e_("Max", {capacity, total_});
      const ValueId missing = e_("Sub", {wanted, capacity});
      const ValueId room = padded(past, missing, 2);
      result = e_("TensorScatter", {room, rows, past_});
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

  ValueId make_mask(ValueId keys) {
    const ValueId count = e_.size(keys, 2);
    const ValueId index = e_.range(count);
    if (node_.get_int("causal", 1) == 0) {
      const ValueId last = e_("Unsqueeze", {last_, e_.ints({1, 2, 3})});
      return e_("LessOrEqual", {index, last});
    }
    const ValueId position = e_("Unsqueeze", {positions_, e_.ints({1, 3})});
    const ValueId causal = e_("LessOrEqual", {index, position});
    const int64_t window = node_.get_int("local_window_size", -1);
    if (window < 0) return causal;
    const ValueId edge = e_("Sub", {position, r_.scalar_int(window)});
    const ValueId near = e_("Greater", {index, edge});
    return e_("And", {causal, near});
  }

  // The bias, with zeros for room in the cache, where `mask` holds, else -infinity.
  ValueId additive(ValueId mask, ValueId keys) {
    ValueId bias = e_.scalar(0, type_);
    const ValueId masked = e_.scalar(-std::numeric_limits<double>::infinity(), type_);
    if (node_.has_input(kBias)) {
      bias = node_.inputs[kBias];
      const ValueId room = e_("Sub", {e_.size(keys, 2), e_.size(bias, 3)});
      bias = padded(bias, room, 3);
    }
    return e_("Where", {mask, bias, masked});
  }

  // `count` ([1]) zeros behind an axis.
  ValueId padded(ValueId x, ValueId count, int64_t axis) {
    const ValueId pads = e_("Concat", {e_.ints({0}), count}, {{"axis", 0}});
    return e_("Pad", {x, pads, kNone, e_.ints({axis})});
  }
  ValueId one_more(ValueId x, int64_t axis) { return padded(x, e_.ints({1}), axis); }

  // The score of the last key, which q does not change, is that of the sink; 0 without one.
  ValueId with_sink(ValueId mask) {
    mask = one_more(mask, 3);
    if (!node_.has_input(kSink)) return mask;
    const ValueId zero = e_.scalar(0, type_);
    const ValueId count = e_.size(mask, 3);
    const ValueId index = e_.range(count);
    const ValueId last = e_("Sub", {count, e_.ints({1})});
    const ValueId at_last = e_("Equal", {index, last});
    const ValueId sink = e_("Reshape", {node_.inputs[kSink], e_.ints({1, -1, 1, 1})});
    const ValueId scores = e_("Where", {at_last, sink, zero});
    return e_("Add", {mask, scores});
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
    e_.add(std::move(attention));
    const ValueId rows = e_.transpose(y, {0, 2, 1, 3});
    become(node_, "Reshape", {rows, e_.ints({0, 0, -1})});
    node_.outputs.resize(1);
    return e_.status();
  }

  SourceNode& node_;
  Rewriter& r_;
  Emitter e_;
  DType type_ = DType::kUndefined;
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
