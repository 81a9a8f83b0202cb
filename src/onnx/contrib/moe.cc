// SPDX-License-Identifier: Apache-2.0
// MoE(x, router, w1, b1, w2, b2, w3, b3): a mixture of k experts per token.
//   p = softmax(router), but 0 outside of the k largest
//   y = sum over experts e of p[e] * (act(x w1[e]^T + b1[e]) w2[e]^T + b2[e])
// Every expert sees every token: which ones a token needs is known only when it runs.
#include "base/status.h"
#include "onnx/contrib/contrib.h"

namespace ferry::onnx {
namespace {

class Mixture {
 public:
  Mixture(SourceNode& node, Rewriter& r) : node_(node), r_(r) {}

  Status run() {
    FERRY_RETURN_IF_ERROR(check());
    FERRY_ASSIGN_OR_RETURN(type_, dtype_of_input(node_, r_, 0));
    FERRY_ASSIGN_OR_RETURN(const ValueId x, tokens());
    FERRY_ASSIGN_OR_RETURN(const ValueId hidden, layer(x, kFirst));
    FERRY_ASSIGN_OR_RETURN(const ValueId bent, activated(x, hidden));
    FERRY_ASSIGN_OR_RETURN(const ValueId each, layer(bent, kSecond));
    FERRY_ASSIGN_OR_RETURN(const ValueId shares, routed());
    FERRY_ASSIGN_OR_RETURN(const ValueId weighted, r_.emit("Mul", {each, shares}));
    FERRY_ASSIGN_OR_RETURN(const ValueId sum, r_.emit("ReduceSum", {weighted, r_.ints({0})},
                                                      {{"keepdims", int64_t{0}}}));
    FERRY_ASSIGN_OR_RETURN(const ValueId shape, r_.emit("Shape", {node_.inputs[0]}));
    become(node_, "Reshape", {sum, shape});
    return {};
  }

 private:
  // The weights of a layer; its bias is the next input.
  static constexpr size_t kFirst = 2, kSecond = 4, kThird = 6;

  Status check() {
    FERRY_RETURN_IF_ERROR(want_inputs(node_, 3));
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

  // x as [1, tokens, size].
  Result<ValueId> tokens() {
    FERRY_ASSIGN_OR_RETURN(
        const ValueId size,
        r_.emit("Shape", {node_.inputs[kFirst]}, {{"start", int64_t{2}}, {"end", int64_t{3}}}));
    FERRY_ASSIGN_OR_RETURN(const ValueId shape,
                           r_.emit("Concat", {r_.ints({1, -1}), size}, {{"axis", int64_t{0}}}));
    return r_.emit("Reshape", {node_.inputs[0], shape});
  }

  // [experts, tokens, rows of the weights]
  Result<ValueId> layer(ValueId x, size_t weights) {
    FERRY_ASSIGN_OR_RETURN(const ValueId w, r_.emit("Transpose", {node_.inputs[weights]},
                                                    {{"perm", std::vector<int64_t>{0, 2, 1}}}));
    FERRY_ASSIGN_OR_RETURN(const ValueId y, r_.emit("MatMul", {x, w}));
    if (!node_.has_input(weights + 1)) return y;
    FERRY_ASSIGN_OR_RETURN(const ValueId bias,
                           r_.emit("Unsqueeze", {node_.inputs[weights + 1], r_.ints({1})}));
    return r_.emit("Add", {y, bias});
  }

  Result<ValueId> activated(ValueId x, ValueId hidden) {
    if (name_ == "identity") return hidden;
    if (name_ == "relu") return r_.emit("Relu", {hidden});
    if (name_ == "gelu") return r_.emit("Gelu", {hidden});
    if (name_ == "silu") return r_.emit("Swish", {hidden});
    if (name_ == "swiglu") return gated(x, hidden);
    return unsupported_op("activation_type '{}'; wanted is relu, gelu, silu, swiglu or identity",
                          name_);
  }

  // Swish(gate) * (value + beta), both within the limit.
  Result<ValueId> gated(ValueId x, ValueId hidden) {
    ValueId gate = hidden, value = hidden;
    if (fusion_ == 0) {
      FERRY_ASSIGN_OR_RETURN(value, layer(x, kThird));
    } else {
      // Side by side in pairs, or one half behind the other.
      const std::vector<int64_t> shape =
          fusion_ == 1 ? std::vector<int64_t>{0, 0, -1, 2} : std::vector<int64_t>{0, 0, 2, -1};
      const int64_t axis = fusion_ == 1 ? 3 : 2;
      FERRY_ASSIGN_OR_RETURN(const ValueId both, r_.emit("Reshape", {hidden, r_.ints(shape)}));
      FERRY_ASSIGN_OR_RETURN(gate, r_.emit("Gather", {both, r_.scalar_int(0)}, {{"axis", axis}}));
      FERRY_ASSIGN_OR_RETURN(value, r_.emit("Gather", {both, r_.scalar_int(1)}, {{"axis", axis}}));
    }
    if (node_.find("swiglu_limit") != nullptr) {
      const auto limit = static_cast<double>(node_.get("swiglu_limit", 0.0f));
      FERRY_ASSIGN_OR_RETURN(const ValueId most, r_.scalar(limit, type_));
      FERRY_ASSIGN_OR_RETURN(const ValueId least, r_.scalar(-limit, type_));
      FERRY_ASSIGN_OR_RETURN(gate, r_.emit("Clip", {gate, kNone, most}));
      FERRY_ASSIGN_OR_RETURN(value, r_.emit("Clip", {value, least, most}));
    }
    FERRY_ASSIGN_OR_RETURN(
        const ValueId beta,
        r_.scalar(static_cast<double>(node_.get("activation_beta", 0.0f)), type_));
    FERRY_ASSIGN_OR_RETURN(const ValueId shifted, r_.emit("Add", {value, beta}));
    FERRY_ASSIGN_OR_RETURN(
        const ValueId open,
        r_.emit("Swish", {gate}, {{"alpha", node_.get("activation_alpha", 1.0f)}}));
    return r_.emit("Mul", {open, shifted});
  }

  // The share of each expert in each token: [experts, tokens, 1].
  Result<ValueId> routed() {
    FERRY_ASSIGN_OR_RETURN(const ValueId all, r_.emit("Softmax", {node_.inputs[1]}));
    SourceNode top;
    top.op_type = "TopK";
    top.inputs = {all, r_.ints({node_.get_int("k", 1)})};
    top.outputs = {r_.new_value(), r_.new_value()};
    ValueId share = top.outputs[0];
    const ValueId expert = top.outputs[1];
    FERRY_RETURN_IF_ERROR(r_.add_before(std::move(top)));
    if (node_.get_int("normalize_routing_weights", 0) != 0) {
      FERRY_ASSIGN_OR_RETURN(const ValueId sum, r_.emit("ReduceSum", {share, r_.ints({1})}));
      FERRY_ASSIGN_OR_RETURN(share, r_.emit("Div", {share, sum}));
    }
    FERRY_ASSIGN_OR_RETURN(const ValueId none, r_.emit("Sub", {all, all}));
    FERRY_ASSIGN_OR_RETURN(const ValueId shares, r_.emit("ScatterElements", {none, expert, share},
                                                         {{"axis", int64_t{1}}}));
    FERRY_ASSIGN_OR_RETURN(const ValueId by_expert,
                           r_.emit("Transpose", {shares}, {{"perm", std::vector<int64_t>{1, 0}}}));
    return r_.emit("Unsqueeze", {by_expert, r_.ints({2})});
  }

  SourceNode& node_;
  Rewriter& r_;
  DType type_ = DType::kUndefined;
  std::string name_;
  int64_t fusion_ = 0;
};

Status mixture(SourceNode& node, Rewriter& r) { return Mixture(node, r).run(); }

}  // namespace

void add_contrib_moe(std::vector<UpgradeRow>& rows) {
  rows.push_back({"com.microsoft.MoE", kAnyVersion, mixture});
}

}  // namespace ferry::onnx
