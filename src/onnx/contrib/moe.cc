// SPDX-License-Identifier: Apache-2.0
// MoE(x, router, w1, b1, w2, b2, w3, b3): a mixture of k experts per token.
//   p = softmax(router), but 0 outside of the k largest
//   y = sum over experts e of p[e] * (act(x w1[e]^T + b1[e]) w2[e]^T + b2[e])
// QMoE is the same with weights of 2, 4 or 8 bits, dequantized as a whole, and may take the shares
// of the experts that the router chose from another input.
// Every expert sees every token: which ones a token needs is known only when it runs.
#include "base/status.h"
#include "onnx/contrib/contrib.h"

namespace ferry::onnx {
namespace {

class Mixture {
 public:
  Mixture(SourceNode& node, Rewriter& r) : node_(node), r_(r), e_(r) {}

  Status run() {
    FERRY_RETURN_IF_ERROR(check());
    FERRY_ASSIGN_OR_RETURN(type_, dtype_of_input(node_, r_, 0));
    const ValueId x = tokens();
    const ValueId hidden = layer(x, kFirst);
    const ValueId bent = activated(x, hidden);
    const ValueId each = layer(bent, kSecond);
    const ValueId shares = routed();
    const ValueId weighted = e_("Mul", {each, shares});
    const ValueId sum = e_("ReduceSum", {weighted, e_.ints({0})}, {{"keepdims", 0}});
    const ValueId shape = e_("Shape", {node_.inputs[0]});
    become(node_, "Reshape", {sum, shape});
    return e_.status();
  }

 private:
  // The weights of a layer; its bias is the next input.
  static constexpr size_t kFirst = 2, kSecond = 4, kThird = 6;

  Status check() {
    FERRY_RETURN_IF_ERROR(want_inputs(node_, 3));
    if (node_.op_type == "QMoE") FERRY_RETURN_IF_ERROR(dequantize());
    if (!node_.has_input(kSecond)) return invalid_model("input {} is missing", kSecond);
    if (node_.get_int("use_sparse_mixer", 0) != 0) return unsupported_op("use_sparse_mixer = 1");
    name_ = node_.get<std::string>("activation_type", "relu");
    fusion_ = node_.get_int("swiglu_fusion", 0);
    const bool separate = name_ == "swiglu" && fusion_ == 0;
    if (separate != node_.has_input(kThird)) {
      return unsupported_op("activation_type {} with swiglu_fusion {} {} fc3_experts_weights",
                            name_, fusion_, separate ? "without" : "with");
    }
    return {};
  }

  // Inputs of QMoE become those of MoE.
  Status dequantize() {
    const auto kind = node_.get<std::string>("quant_type", "int");
    if (kind != "int") return unsupported_op("quant_type '{}'; wanted is int", kind);
    if (node_.get_int("weights_prepacked", 0) == 1) {
      return unsupported_op("weights_prepacked = 1; wanted are weights as they were quantized");
    }
    std::vector<ValueId> inputs = {node_.inputs[0], node_.inputs[1]};
    for (size_t layer = 0; layer < 3; ++layer) {
      const size_t at = 2 + 3 * layer;
      ValueId weights = kNone;
      if (node_.has_input(at)) {
        const int64_t bits = node_.get_int(fmt::format("fc{}_expert_weight_bits", layer + 1),
                                           node_.get_int("expert_weight_bits", 4));
        FERRY_ASSIGN_OR_RETURN(weights, weights_of(at, 11 + layer, bits));
      }
      inputs.push_back(weights);
      inputs.push_back(input_or_none(node_, at + 2));
    }
    router_weights_ = input_or_none(node_, 14);
    // onnxruntime takes the softmax over the chosen experts alone, whatever the attribute says.
    if (router_weights_ == kNone) node_.set("normalize_routing_weights", int64_t{1});
    node_.inputs = std::move(inputs);
    return {};
  }

  Result<ValueId> weights_of(size_t at, size_t zero, int64_t bits) {
    FERRY_ASSIGN_OR_RETURN(const DType type, packed_type(bits));
    const Tensor* bytes = r_.constant(node_.inputs[at]);
    const Tensor* scales = r_.constant(input_or_none(node_, at + 1));
    if (bytes == nullptr || scales == nullptr || bytes->rank() != 3 || scales->rank() < 2) {
      return unsupported_op(
          "weights and scales of experts that are no constants [experts, rows, ...]");
    }
    Dims dims = bytes->dims();
    dims[2] *= 8 / bits;
    const bool blocks = scales->rank() == 3 && scales->dim(2) > 0;
    const int64_t count = blocks ? scales->dim(2) : 1;
    const Dims grid = {dims[0], dims[1], count};
    if (dims[2] % count != 0 || scales->count() != grid.count(0, 3)) {
      return shape_mismatch("weights {} and scales {} do not fit", bytes->describe(),
                            scales->describe());
    }
    FERRY_ASSIGN_OR_RETURN(const ValueId q, unpacked(r_, node_.inputs[at], type, dims));
    ValueId zeros = input_or_none(node_, zero);
    if (zeros == kNone) {
      FERRY_ASSIGN_OR_RETURN(zeros, middle(r_, type, grid));
    } else if (blocks) {
      FERRY_ASSIGN_OR_RETURN(zeros, unpacked(r_, zeros, type, grid));
    } else {
      // One per row, the rows packed.
      FERRY_ASSIGN_OR_RETURN(zeros, unpacked(r_, zeros, type, {dims[0], dims[1]}));
      zeros = e_("Unsqueeze", {zeros, e_.ints({2})});
    }
    const ValueId shape = e_.ints({grid[0], grid[1], grid[2]});
    FERRY_ASSIGN_OR_RETURN(const ValueId scale, r_.emit("Reshape", {node_.inputs[at + 1], shape}));
    FERRY_ASSIGN_OR_RETURN(const DType wanted, dtype_of_input(node_, r_, 0));
    const ValueId w =
        e_("DequantizeLinear", {q, scale, zeros}, {{"axis", 2}, {"block_size", dims[2] / count}});
    const ValueId cast = scales->dtype() == wanted ? w : e_.cast(w, wanted);
    FERRY_RETURN_IF_ERROR(e_.status());
    return cast;
  }

  // x as [1, tokens, size].
  ValueId tokens() {
    const ValueId size = e_.size(node_.inputs[kFirst], 2);
    const ValueId shape = e_("Concat", {e_.ints({1, -1}), size}, {{"axis", 0}});
    return e_("Reshape", {node_.inputs[0], shape});
  }

  // [experts, tokens, rows of the weights]
  ValueId layer(ValueId x, size_t weights) {
    const ValueId w = e_.transpose(node_.inputs[weights], {0, 2, 1});
    const ValueId y = e_("MatMul", {x, w});
    if (!node_.has_input(weights + 1)) return y;
    const ValueId bias = e_("Unsqueeze", {node_.inputs[weights + 1], e_.ints({1})});
    return e_("Add", {y, bias});
  }

  ValueId activated(ValueId x, ValueId hidden) {
    if (name_ == "identity") return hidden;
    if (name_ == "relu") return e_("Relu", {hidden});
    if (name_ == "gelu") return e_("Gelu", {hidden});
    if (name_ == "silu") return e_("Swish", {hidden});
    if (name_ == "swiglu") return gated(x, hidden);
    return e_.fail(unsupported_op(
        "activation_type '{}'; wanted is relu, gelu, silu, swiglu or identity", name_));
  }

  // Swish(gate) * (value + beta), both within the limit.
  ValueId gated(ValueId x, ValueId hidden) {
    ValueId gate = hidden, value = hidden;
    if (fusion_ == 0) {
      value = layer(x, kThird);
    } else {
      // Side by side in pairs, or one half behind the other.
      const std::vector<int64_t> shape =
          fusion_ == 1 ? std::vector<int64_t>{0, 0, -1, 2} : std::vector<int64_t>{0, 0, 2, -1};
      const int64_t axis = fusion_ == 1 ? 3 : 2;
      const ValueId both = e_("Reshape", {hidden, r_.ints(shape)});
      gate = e_("Gather", {both, r_.scalar_int(0)}, {{"axis", axis}});
      value = e_("Gather", {both, r_.scalar_int(1)}, {{"axis", axis}});
    }
    if (node_.find("swiglu_limit") != nullptr) {
      const auto limit = static_cast<double>(node_.get("swiglu_limit", 0.0f));
      const ValueId most = e_.scalar(limit, type_);
      const ValueId least = e_.scalar(-limit, type_);
      gate = e_("Clip", {gate, kNone, most});
      value = e_("Clip", {value, least, most});
    }
    const ValueId beta = e_.scalar(static_cast<double>(node_.get("activation_beta", 0.0f)), type_);
    const ValueId shifted = e_("Add", {value, beta});
    const ValueId alpha =
        e_.scalar(static_cast<double>(node_.get("activation_alpha", 1.0f)), type_);
    const ValueId open = e_("Sigmoid", {e_("Mul", {gate, alpha})});
    return e_("Mul", {e_("Mul", {gate, open}), shifted});
  }

  // The share of each expert in each token: [experts, tokens, 1].
  ValueId routed() {
    const ValueId all = e_("Softmax", {node_.inputs[1]});
    SourceNode top;
    top.op_type = "TopK";
    top.inputs = {all, e_.ints({node_.get_int("k", 1)})};
    top.outputs = {r_.new_value(), r_.new_value()};
    ValueId share = top.outputs[0];
    const ValueId expert = top.outputs[1];
    e_.add(std::move(top));
    if (router_weights_ != kNone) {
      share = e_("GatherElements", {router_weights_, expert}, {{"axis", 1}});
    }
    if (node_.get_int("normalize_routing_weights", 0) != 0) {
      const ValueId sum = e_("ReduceSum", {share, e_.ints({1})});
      share = e_("Div", {share, sum});
    }
    const ValueId none = e_("Sub", {all, all});
    const ValueId shares = e_("ScatterElements", {none, expert, share}, {{"axis", 1}});
    const ValueId by_expert = e_.transpose(shares, {1, 0});
    return e_("Unsqueeze", {by_expert, e_.ints({2})});
  }

  SourceNode& node_;
  Rewriter& r_;
  Emitter e_;
  DType type_ = DType::kUndefined;
  std::string name_;
  int64_t fusion_ = 0;
  ValueId router_weights_ = kNone;
};

Status mixture(SourceNode& node, Rewriter& r) { return Mixture(node, r).run(); }

}  // namespace

void add_contrib_moe(std::vector<UpgradeRow>& rows) {
  rows.push_back({"com.microsoft.MoE", kAnyVersion, mixture});
  rows.push_back({"com.microsoft.QMoE", kAnyVersion, mixture});
}

}  // namespace ferry::onnx
