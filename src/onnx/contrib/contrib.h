// SPDX-License-Identifier: Apache-2.0
// Operators of the domain com.microsoft, which onnxruntime's optimizer and exporters write: each is
// rewritten into operators of ai.onnx. One file per concept.
#pragma once

#include "onnx/upgrade/upgrade.h"

namespace ferry::onnx {

void add_contrib_activations(std::vector<UpgradeRow>& rows);
void add_contrib_attention(std::vector<UpgradeRow>& rows);
void add_contrib_blockwise(std::vector<UpgradeRow>& rows);
void add_contrib_channels_last(std::vector<UpgradeRow>& rows);
void add_contrib_crop_and_resize(std::vector<UpgradeRow>& rows);
void add_contrib_gated(std::vector<UpgradeRow>& rows);
void add_contrib_group_query_attention(std::vector<UpgradeRow>& rows);
void add_contrib_hashing(std::vector<UpgradeRow>& rows);
void add_contrib_inverse(std::vector<UpgradeRow>& rows);
void add_contrib_matmul(std::vector<UpgradeRow>& rows);
void add_contrib_moe(std::vector<UpgradeRow>& rows);
void add_contrib_normalization(std::vector<UpgradeRow>& rows);
void add_contrib_quantized(std::vector<UpgradeRow>& rows);
void add_contrib_relative_position(std::vector<UpgradeRow>& rows);
void add_contrib_renamed(std::vector<UpgradeRow>& rows);

inline ValueId input_or_none(const SourceNode& node, size_t i) {
  return node.has_input(i) ? node.inputs[i] : kNone;
}
// Makes `node` an operator of ai.onnx without attributes.
void become(SourceNode& node, std::string_view op, std::initializer_list<ValueId> inputs);
// Conv(x, w, b) + z and an activation.
Status fused_conv(SourceNode& node, Rewriter& r);
// Lets `rewrite` see a node of [n, ..., c] as one of [n, c, ...]: input 0 and output 0.
Status in_channels_first(SourceNode& node, Rewriter& r, Rewrite rewrite);
// Errors: kInvalidModel unless the node has at least `count` inputs, the first of them present.
Status want_inputs(const SourceNode& node, size_t count);
// Errors: kUnsupportedOp when one of the outputs from `first` on is wanted.
Status refuse_outputs(SourceNode& node, size_t first);
// Weights quantized to 2, 4 or 8 bits and packed into bytes: the type of one, constants of it by
// `dims` (each row of the last axis begins at a byte), and 2^(bits - 1) everywhere.
Result<DType> packed_type(int64_t bits);
Result<ValueId> unpacked(Rewriter& r, ValueId bytes, DType type, Dims dims);
Result<ValueId> middle(Rewriter& r, DType type, const Dims& dims);
// The element type of an input. Errors: kUnsupportedOp when it is not known (in some bodies).
Result<DType> dtype_of_input(const SourceNode& node, const Rewriter& r, size_t index);

// Adds nodes before the one that is rewritten, until one fails: what is asked for after that is
// kNone, and `status` says why.
class Emitter {
 public:
  using Attrs = std::initializer_list<std::pair<std::string_view, int64_t>>;

  explicit Emitter(Rewriter& r) : r_(r) {}

  const Status& status() const { return status_; }
  ValueId fail(Status why);
  // The value of an operator of one output.
  ValueId operator()(std::string_view op, std::initializer_list<ValueId> inputs, Attrs attrs = {});
  // The same with an attribute of any kind.
  ValueId with(std::string_view op, std::initializer_list<ValueId> inputs, std::string_view name,
               AttrValue attribute);
  void add(SourceNode node);

  ValueId ints(std::initializer_list<int64_t> values);
  ValueId scalar(double value, DType type);
  ValueId cast(ValueId x, DType type);
  // The size of one axis, [1].
  ValueId size(ValueId x, int64_t axis);
  // 0, 1, ..., count - 1 for a count of one element.
  ValueId range(ValueId count);
  ValueId transpose(ValueId x, std::vector<int64_t> perm);
  // Consecutive parts along an axis.
  std::vector<ValueId> split(ValueId x, int64_t axis, const std::vector<int64_t>& sizes);

 private:
  ValueId emit(SourceNode node, std::string_view op, std::initializer_list<ValueId> inputs);

  Rewriter& r_;
  Status status_;
};

}  // namespace ferry::onnx
