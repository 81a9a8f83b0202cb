// SPDX-License-Identifier: Apache-2.0
// Attention(x, w, b, mask, past, bias) => Attention(q, k, v, ...)
//     q, k, v = Split(MatMul(x, w) + b)
// QAttention(x, w, b, x_scale, w_scale, mask, x_zero, w_zero, past) => the same of
//     MatMulInteger(x, w, x_zero, w_zero) * (x_scale * w_scale) + b
// MultiHeadAttention(q, k, v, ...) => Attention(q, k, v, ...)
// Masks of integers become additive: 0 where a key is valid, mask_filter_value where it is not.
#include "base/status.h"
#include "onnx/contrib/contrib.h"

namespace ferry::onnx {
namespace {

Result<std::vector<ValueId>> split(Rewriter& r, ValueId x, int64_t axis,
                                   const std::vector<int64_t>& sizes, size_t count) {
  SourceNode node;
  node.op_type = "Split";
  node.inputs = {x};
  node.set("axis", axis);
  if (sizes.empty())
    node.set("num_outputs", static_cast<int64_t>(count));
  else
    node.inputs.push_back(r.ints(sizes));
  for (size_t i = 0; i < count; ++i) node.outputs.push_back(r.new_value());
  const std::vector<ValueId> outputs = node.outputs;
  FERRY_RETURN_IF_ERROR(r.add_before(std::move(node)));
  return outputs;
}

// Where `valid` (bool) holds 0, else `filter`.
Result<ValueId> additive(Rewriter& r, ValueId valid, DType type, float filter) {
  FERRY_ASSIGN_OR_RETURN(const ValueId zero, r.scalar(0, type));
  FERRY_ASSIGN_OR_RETURN(const ValueId masked, r.scalar(static_cast<double>(filter), type));
  return r.emit("Where", {valid, zero, masked});
}

// Where the keys and values come from.
struct Keys {
  ValueId rows;         // [batch, n, ...]
  ValueId past;         // or none
  int64_t past_length;  // the axis of `past`
};

// Whether a key is valid, [batch, keys], given where each sample's keys end, [batch], and also
// where they start, [2 batch].
Result<ValueId> within_bounds(Rewriter& r, ValueId bounds, const Keys& keys) {
  const Type given = r.type(bounds), rows = r.type(keys.rows);
  Emitter e(r);
  bounds = e.cast(bounds, DType::kInt64);
  ValueId total = e.size(keys.rows, 1);
  if (keys.past != kNone) total = e("Add", {total, e.size(keys.past, keys.past_length)});
  const ValueId position = e.range(total), batch = e.size(keys.rows, 0);
  const auto column = [&](ValueId list, ValueId from, ValueId to) {
    return e("Unsqueeze", {e("Slice", {list, from, to}), e.ints({1})});
  };
  const ValueId early = e("Less", {position, column(bounds, e.ints({0}), batch)});
  FERRY_RETURN_IF_ERROR(e.status());
  if (rows.has_rank() && (*given.shape)[0] == (*rows.shape)[0]) return early;
  // Zeros where the starts are missing.
  const ValueId twice = e("Add", {batch, batch});
  const ValueId both = e("Equal", {e.size(bounds, 0), twice});
  const ValueId zeros = e("Expand", {e.ints({0}), batch});
  const ValueId padded = e("Concat", {bounds, zeros}, {{"axis", 0}});
  const ValueId start = e("Where", {both, column(padded, batch, twice), e.ints({0})});
  const ValueId valid = e("And", {early, e("GreaterOrEqual", {position, start})});
  FERRY_RETURN_IF_ERROR(e.status());
  return valid;
}

// A mask of integers of the shapes [batch], [2 batch], [batch, keys], [batch, queries, keys] or
// [batch, 1, q, k] as one that adds to scores [batch, heads, queries, keys].
Result<ValueId> mask_of(Rewriter& r, ValueId mask, const Keys& keys, DType type, float filter) {
  const Type t = r.type(mask);
  if (!t.has_rank() || t.rank() < 1 || t.rank() > 4) {
    return unsupported_op(
        "the mask is {}; wanted is [batch], [batch, keys] or [batch, queries, keys]",
        t.to_string());
  }
  ValueId valid;
  if (t.rank() == 1) {
    FERRY_ASSIGN_OR_RETURN(valid, within_bounds(r, mask, keys));
  } else {
    FERRY_ASSIGN_OR_RETURN(valid,
                           r.emit("Cast", {mask}, {{"to", static_cast<int64_t>(DType::kBool)}}));
  }
  FERRY_ASSIGN_OR_RETURN(ValueId added, additive(r, valid, type, filter));
  if (t.rank() <= 2) return r.emit("Unsqueeze", {added, r.ints({1, 2})});
  if (t.rank() == 3) return r.emit("Unsqueeze", {added, r.ints({1})});
  return added;
}

Result<ValueId> combined_mask(Rewriter& r, ValueId mask, ValueId bias, const Keys& keys, DType type,
                              float filter) {
  if (mask == kNone) return bias;
  FERRY_ASSIGN_OR_RETURN(const ValueId added, mask_of(r, mask, keys, type, filter));
  if (bias == kNone) return added;
  return r.emit("Add", {added, bias});
}

struct Settings {
  int64_t heads = 0;
  bool causal = false;
  float scale = 0;
  float filter = 0;
};

Result<Settings> settings_of(const SourceNode& node) {
  Settings s;
  s.heads = node.get_int("num_heads", 0);
  s.causal = node.get_int("unidirectional", 0) != 0;
  s.scale = node.get("scale", 0.0f);
  s.filter = node.get("mask_filter_value", -10000.0f);
  if (s.heads < 1) return invalid_model("attribute 'num_heads' is missing or under 1");
  if (node.get_int("do_rotary", 0) != 0) return unsupported_op("do_rotary = 1");
  return s;
}

void become_attention(SourceNode& node, const Settings& s, std::vector<ValueId> inputs) {
  become(node, "Attention", {});
  node.inputs = std::move(inputs);
  node.set("q_num_heads", s.heads);
  node.set("kv_num_heads", s.heads);
  if (s.causal) node.set("is_causal", int64_t{1});
  if (s.scale != 0) node.set("scale", s.scale);
}

// past[2, ...] holds keys and values; so does the output `present`.
Status split_past(Rewriter& r, ValueId past, ValueId& key, ValueId& value) {
  if (past == kNone) return {};
  FERRY_ASSIGN_OR_RETURN(const std::vector<ValueId> halves, split(r, past, 0, {}, 2));
  FERRY_ASSIGN_OR_RETURN(key, r.emit("Squeeze", {halves[0], r.ints({0})}));
  FERRY_ASSIGN_OR_RETURN(value, r.emit("Squeeze", {halves[1], r.ints({0})}));
  return {};
}

void join_present(SourceNode& node, Rewriter& r) {
  if (!node.has_output(1)) return;
  const ValueId present = node.outputs[1];
  node.outputs = {node.outputs[0], r.new_value(), r.new_value()};
  std::vector<ValueId> wide;
  for (size_t i = 1; i <= 2; ++i) {
    SourceNode widen;
    widen.op_type = "Unsqueeze";
    widen.inputs = {node.outputs[i], r.ints({0})};
    widen.outputs = {r.new_value()};
    wide.push_back(widen.outputs[0]);
    r.add_after(std::move(widen));
  }
  SourceNode join;
  join.op_type = "Concat";
  join.inputs = wide;
  join.outputs = {present};
  join.set("axis", int64_t{0});
  r.add_after(std::move(join));
}

struct SelfAttention {
  ValueId packed, mask, past, bias;
};

// `packed`: queries, keys and values side by side, [batch, n, q + k + v].
Status self_attention(SourceNode& node, Rewriter& r, const SelfAttention& from, DType type) {
  FERRY_ASSIGN_OR_RETURN(const Settings s, settings_of(node));
  const auto sizes = node.get("qkv_hidden_sizes", std::vector<int64_t>());
  if (!sizes.empty() && sizes.size() != 3) {
    return invalid_model("attribute 'qkv_hidden_sizes' has {} elements, wanted are 3",
                         sizes.size());
  }
  FERRY_ASSIGN_OR_RETURN(const std::vector<ValueId> qkv, split(r, from.packed, 2, sizes, 3));
  FERRY_ASSIGN_OR_RETURN(
      const ValueId mask,
      combined_mask(r, from.mask, from.bias, {node.inputs[0], from.past, 3}, type, s.filter));
  ValueId past_key = kNone, past_value = kNone;
  FERRY_RETURN_IF_ERROR(split_past(r, from.past, past_key, past_value));
  join_present(node, r);
  become_attention(node, s, {qkv[0], qkv[1], qkv[2], mask, past_key, past_value});
  return {};
}

Status attention(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 2));
  FERRY_ASSIGN_OR_RETURN(const DType type, dtype_of_input(node, r, 0));
  if (input_or_none(node, 6) != kNone) return unsupported_op("past_sequence_length");
  FERRY_ASSIGN_OR_RETURN(ValueId packed, r.emit("MatMul", {node.inputs[0], node.inputs[1]}));
  if (node.has_input(2)) {
    FERRY_ASSIGN_OR_RETURN(packed, r.emit("Add", {packed, node.inputs[2]}));
  }
  return self_attention(
      node, r, {packed, input_or_none(node, 3), input_or_none(node, 4), input_or_none(node, 5)},
      type);
}

Status quantized_attention(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 5));
  Emitter e(r);
  const ValueId sums = e("MatMulInteger", {node.inputs[0], node.inputs[1], input_or_none(node, 6),
                                           input_or_none(node, 7)});
  const ValueId scale = e("Mul", {node.inputs[3], node.inputs[4]});
  const ValueId real = e("Mul", {e.cast(sums, DType::kFloat32), scale});
  const ValueId packed = e("Add", {real, node.inputs[2]});
  FERRY_RETURN_IF_ERROR(e.status());
  return self_attention(node, r, {packed, input_or_none(node, 5), input_or_none(node, 8), kNone},
                        DType::kFloat32);
}

// [batch, heads, n, size] => [batch, n, heads * size]
Result<ValueId> merge_heads(Rewriter& r, ValueId x) {
  const Type t = r.type(x);
  if (!t.has_rank() || t.rank() == 3) return x;
  FERRY_ASSIGN_OR_RETURN(const ValueId rows,
                         r.emit("Transpose", {x}, {{"perm", std::vector<int64_t>{0, 2, 1, 3}}}));
  return r.emit("Reshape", {rows, r.ints({0, 0, -1})});
}

// Adds to q, k and v their parts of one bias [q + k + v]; to q only when `keys_are_ready`.
Status add_bias(Rewriter& r, ValueId bias, std::vector<ValueId>& qkv, bool keys_are_ready) {
  std::vector<int64_t> sizes;
  for (ValueId x : qkv) {
    const Type t = r.type(x);
    if (!t.has_rank() || t.rank() != 3 || !t.shape->back().is_constant()) {
      return unsupported_op("a bias of MultiHeadAttention needs hidden sizes that are known");
    }
    sizes.push_back(t.shape->back().constant());
  }
  FERRY_ASSIGN_OR_RETURN(const std::vector<ValueId> parts, split(r, bias, 0, sizes, 3));
  for (size_t i = 0; i < (keys_are_ready ? 1 : 3); ++i) {
    FERRY_ASSIGN_OR_RETURN(qkv[i], r.emit("Add", {qkv[i], parts[i]}));
  }
  return {};
}

Status multi_head_attention(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 3));
  FERRY_ASSIGN_OR_RETURN(Settings s, settings_of(node));
  FERRY_ASSIGN_OR_RETURN(const DType type, dtype_of_input(node, r, 0));
  std::vector<ValueId> qkv = {node.inputs[0]};
  for (size_t i = 1; i <= 2; ++i) {
    FERRY_ASSIGN_OR_RETURN(const ValueId merged, merge_heads(r, node.inputs[i]));
    qkv.push_back(merged);
  }
  for (ValueId x : qkv) {
    const Type t = r.type(x);
    if (t.has_rank() && t.rank() != 3) return unsupported_op("packed query, key or value");
  }
  if (node.has_input(3)) {
    // Keys that have heads already are those of cross attention, computed before the decoder.
    const bool keys_are_ready = qkv[1] != node.inputs[1];
    FERRY_RETURN_IF_ERROR(add_bias(r, node.inputs[3], qkv, keys_are_ready));
  }
  FERRY_ASSIGN_OR_RETURN(const ValueId mask,
                         combined_mask(r, input_or_none(node, 4), input_or_none(node, 5),
                                       {qkv[1], input_or_none(node, 6), 2}, type, s.filter));
  // One query is the newest token, however many keys there are.
  const Type q = r.type(qkv[0]);
  if (q.has_rank() && (*q.shape)[1].is_constant(1)) s.causal = false;
  if (node.inputs.size() > 8) return unsupported_op("past_sequence_length and later inputs");
  FERRY_RETURN_IF_ERROR(refuse_outputs(node, 3));
  become_attention(node, s,
                   {qkv[0], qkv[1], qkv[2], mask, input_or_none(node, 6), input_or_none(node, 7)});
  return {};
}

}  // namespace

void add_contrib_attention(std::vector<UpgradeRow>& rows) {
  rows.push_back({"com.microsoft.Attention", kAnyVersion, attention});
  rows.push_back({"com.microsoft.QAttention", kAnyVersion, quantized_attention});
  rows.push_back({"com.microsoft.MultiHeadAttention", kAnyVersion, multi_head_attention});
}

}  // namespace ferry::onnx
