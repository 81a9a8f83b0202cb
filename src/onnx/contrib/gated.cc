// SPDX-License-Identifier: Apache-2.0
// The layers of models that keep a state instead of keys and values, and their gates.
//   LinearAttention, CausalConvWithState => those of ai.onnx, without the attributes that it lacks
//   LinearAttentionGate(a, bias, scale, b) => scale * Softplus(a + bias), Sigmoid(b)
//   GatedRMSNorm(x, scale, gate) => RMSNormalization(x) * act(gate), in f32
#include "base/status.h"
#include "onnx/contrib/contrib.h"

namespace ferry::onnx {
namespace {

Status refuse_unless(SourceNode& node, std::string_view attribute, int64_t only) {
  const int64_t seen = node.get_int(attribute, only);
  if (seen != only) return unsupported_op("{} = {}; wanted is {}", attribute, seen, only);
  node.remove(attribute);
  return {};
}

Status linear_attention(SourceNode& node, Rewriter&) {
  FERRY_RETURN_IF_ERROR(refuse_unless(node, "state_window", 0));
  node.domain.clear();
  return {};
}

Status causal_conv(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 2));
  FERRY_RETURN_IF_ERROR(refuse_unless(node, "state_window", 0));
  FERRY_RETURN_IF_ERROR(refuse_unless(node, "ndim", 1));
  FERRY_RETURN_IF_ERROR(refuse_unless(node, "dilation", 1));
  const bool last = node.get_int("channels_last", 0) != 0;
  node.remove("channels_last");
  node.domain.clear();
  if (!last) return {};
  const Type x = r.type(node.inputs[0]);
  if (!x.has_rank() || x.rank() != 3) {
    return unsupported_op("channels_last of {}; wanted is [batch, length, channels]",
                          x.to_string());
  }
  Emitter e(r);
  for (size_t i : {0, 3}) {
    if (node.has_input(i)) node.inputs[i] = e.transpose(node.inputs[i], {0, 2, 1});
  }
  for (ValueId& output : node.outputs) {
    if (output == kNone) continue;
    SourceNode back;
    back.op_type = "Transpose";
    back.set("perm", std::vector<int64_t>{0, 2, 1});
    back.outputs = {output};
    output = r.new_value();
    back.inputs = {output};
    r.add_after(std::move(back));
  }
  return e.status();
}

Status attention_gate(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 3));
  Emitter e(r);
  const ValueId a = node.inputs[0];
  const auto f32 = [&](size_t i) { return e.cast(node.inputs[i], DType::kFloat32); };
  const ValueId soft = e("Softplus", {e("Add", {f32(0), f32(1)})});
  const ValueId decay = e("Mul", {f32(2), soft});
  if (node.has_output(1)) {
    if (!node.has_input(3)) return invalid_model("beta is wanted, input 3 is missing");
    SourceNode beta;
    beta.op_type = "Sigmoid";
    beta.inputs = {node.inputs[3]};
    beta.outputs = {node.outputs[1]};
    e.add(std::move(beta));
  }
  node.outputs.resize(1);
  become(node, "CastLike", {decay, a});
  return e.status();
}

Status gated_rms_norm(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 3));
  const auto name = node.get<std::string>("activation", "silu");
  if (name != "silu" && name != "swish" && name != "sigmoid") {
    return unsupported_op("the activation '{}'; wanted is silu, swish or sigmoid", name);
  }
  Emitter e(r);
  const ValueId x = node.inputs[0];
  const auto f32 = [&](size_t i) { return e.cast(node.inputs[i], DType::kFloat32); };
  const ValueId rows =
      e("Concat", {e("Shape", {x}, {{"end", -1}}), e.ints({-1}), e.size(node.inputs[1], 0)},
        {{"axis", 0}});
  const ValueId scale = f32(1);
  SourceNode norm;
  norm.op_type = "RMSNormalization";
  norm.inputs = {e("Reshape", {f32(0), rows}), scale};
  norm.outputs = {r.new_value()};
  norm.set("epsilon", node.get("epsilon", 1e-5f));
  const ValueId grouped = norm.outputs[0];
  e.add(std::move(norm));
  const ValueId y = e("Reshape", {grouped, e("Shape", {x})});
  const ValueId gate = e(name == "sigmoid" ? "Sigmoid" : "Swish", {f32(2)});
  become(node, "CastLike", {e("Mul", {y, gate}), x});
  return e.status();
}

}  // namespace

void add_contrib_gated(std::vector<UpgradeRow>& rows) {
  rows.push_back({"com.microsoft.CausalConvWithState", kAnyVersion, causal_conv});
  rows.push_back({"com.microsoft.GatedRMSNorm", kAnyVersion, gated_rms_norm});
  rows.push_back({"com.microsoft.LinearAttention", kAnyVersion, linear_attention});
  rows.push_back({"com.microsoft.LinearAttentionGate", kAnyVersion, attention_gate});
}

}  // namespace ferry::onnx
