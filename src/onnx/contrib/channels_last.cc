// SPDX-License-Identifier: Apache-2.0
// Operators on [n, ..., c]: Transpose, the operator on [n, c, ...], Transpose.
#include <numeric>

#include "base/status.h"
#include "onnx/contrib/contrib.h"

namespace ferry::onnx {

Status in_channels_first(SourceNode& node, Rewriter& r, Rewrite rewrite) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 1));
  const Type x = r.type(node.inputs[0]);
  if (!x.has_rank() || x.rank() < 3) {
    return unsupported_op("channels in the last of the axes of {}", x.to_string());
  }
  std::vector<int64_t> to_first(x.rank()), to_last(x.rank());
  std::iota(to_first.begin(), to_first.end(), int64_t{-1});
  std::iota(to_last.begin(), to_last.end(), int64_t{1});
  to_first[0] = to_last[0] = 0;
  to_first[1] = static_cast<int64_t>(x.rank()) - 1;
  to_last.back() = 1;
  FERRY_ASSIGN_OR_RETURN(node.inputs[0],
                         r.emit("Transpose", {node.inputs[0]}, {{"perm", to_first}}));
  SourceNode back;
  back.op_type = "Transpose";
  back.outputs = {node.outputs.at(0)};
  back.inputs = {r.new_value()};
  back.set("perm", to_last);
  node.outputs[0] = back.inputs[0];
  FERRY_RETURN_IF_ERROR(rewrite(node, r));
  r.add_after(std::move(back));
  return {};
}

namespace {

Status standard(SourceNode& node, Rewriter&) {
  node.domain.clear();
  return {};
}

Status qlinear_conv(SourceNode& node, Rewriter& r) {
  const bool last = node.get_int("channels_last", 0) != 0;
  node.remove("channels_last");
  return last ? in_channels_first(node, r, standard) : standard(node, r);
}

Status max_pool(SourceNode& node, Rewriter& r) {
  node.op_type = "MaxPool";
  return in_channels_first(node, r, standard);
}

// NhwcConv; NhwcFusedConv adds input 3, which has the layout of the result.
Status conv(SourceNode& node, Rewriter& r) {
  if (!node.has_input(3)) return in_channels_first(node, r, fused_conv);
  if (const Type x = r.type(node.inputs[0]); !x.has_rank() || x.rank() != 4) {
    return unsupported_op("input 3 beside {}; wanted is [n, h, w, c]", x.to_string());
  }
  Emitter e(r);
  node.inputs[3] = e.transpose(node.inputs[3], {0, 3, 1, 2});
  FERRY_RETURN_IF_ERROR(e.status());
  return in_channels_first(node, r, fused_conv);
}

}  // namespace

void add_contrib_channels_last(std::vector<UpgradeRow>& rows) {
  rows.push_back({"com.microsoft.QLinearConv", kAnyVersion, qlinear_conv});
  rows.push_back({"com.microsoft.NhwcConv", kAnyVersion, conv});
  rows.push_back({"com.microsoft.NhwcFusedConv", kAnyVersion, conv});
  rows.push_back({"com.microsoft.NhwcMaxPool", kAnyVersion, max_pool});
}

}  // namespace ferry::onnx
