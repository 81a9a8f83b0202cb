// SPDX-License-Identifier: Apache-2.0
// Shape and type inference: InferContext is what an operator's rule sees of its node; infer_graph
// runs all rules in order.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace ferry {

// A set of element types, e.g. `types::kFloating`.
class TypeSet {
 public:
  constexpr TypeSet() = default;
  constexpr TypeSet(std::initializer_list<DType> types) {  // NOLINT: implicit by design
    for (DType t : types) bits_ |= 1u << static_cast<unsigned>(t);
  }
  constexpr bool contains(DType t) const { return (bits_ >> static_cast<unsigned>(t)) & 1u; }
  constexpr TypeSet operator|(TypeSet o) const {
    TypeSet r;
    r.bits_ = bits_ | o.bits_;
    return r;
  }
  std::string to_string() const;

 private:
  uint32_t bits_ = 0;
};

namespace types {
inline constexpr TypeSet kFloating = {DType::kFloat16, DType::kBFloat16, DType::kFloat32,
                                      DType::kFloat64};
inline constexpr TypeSet kSigned = {DType::kInt8, DType::kInt16, DType::kInt32, DType::kInt64};
inline constexpr TypeSet kUnsigned = {DType::kUInt8, DType::kUInt16, DType::kUInt32,
                                      DType::kUInt64};
inline constexpr TypeSet kIntegers = kSigned | kUnsigned;
inline constexpr TypeSet kNumeric = kFloating | kIntegers;
inline constexpr TypeSet kIndices = {DType::kInt32, DType::kInt64};
inline constexpr TypeSet kBool = {DType::kBool};
inline constexpr TypeSet kComplex = {DType::kComplex64, DType::kComplex128};
inline constexpr TypeSet kString = {DType::kString};
inline constexpr TypeSet kFloat8 = {DType::kFloat8E4M3FN, DType::kFloat8E4M3FNUZ,
                                    DType::kFloat8E5M2, DType::kFloat8E5M2FNUZ};
inline constexpr TypeSet kPacked = {DType::kUInt4, DType::kInt4, DType::kFloat4E2M1, DType::kUInt2,
                                    DType::kInt2};
inline constexpr TypeSet kAll =
    kNumeric | kBool | kComplex | kString | kFloat8 | kPacked | TypeSet{DType::kFloat8E8M0};
}  // namespace types

// What a shape rule sees and sets. A rule sets the type of every output (absent ones are ignored),
// and the known contents of integer outputs when it can compute them symbolically.
class InferContext {
 public:
  InferContext(const Op& op, std::vector<const GraphValue*> inputs,
               std::vector<GraphValue*> outputs, std::span<const std::unique_ptr<Graph>> bodies,
               size_t num_captures);

  const Op& op() const { return op_; }
  // Inputs of the operator itself, captures not counted; absent trailing inputs may be missing.
  size_t num_inputs() const { return inputs_.size() - num_captures_; }
  size_t num_captures() const { return num_captures_; }
  size_t num_outputs() const { return outputs_.size(); }
  bool has_input(size_t i) const { return i < num_inputs() && inputs_[i] != nullptr; }
  bool has_output(size_t i) const { return i < outputs_.size() && outputs_[i] != nullptr; }

  // The type of an input; Kind::kUnknown when it is absent.
  const Type& type(size_t i) const;
  // The input as a tensor of one of `allowed`.
  // Errors: kInvalidModel (absent or not a tensor), kUnsupportedType (element type).
  Result<Type> tensor(size_t i, TypeSet allowed = types::kAll) const;
  // The same, and its rank (when known) is in [min_rank, max_rank].
  Result<Type> tensor(size_t i, TypeSet allowed, size_t min_rank, size_t max_rank = SIZE_MAX) const;
  // Errors unless both inputs have the same element type (absent ones pass).
  Status same_dtype(size_t i, size_t j) const;
  // The contents when they are constant (not overridable).
  const Tensor* constant(size_t i) const;
  // Integer contents: from a constant (any integer type or bool) or known symbolically.
  std::optional<KnownInts> known(size_t i) const;
  // The same, or contents of which some are known and the others are invalid.
  std::optional<KnownInts> partly_known(size_t i) const;
  // Constant integer contents only.
  std::optional<std::vector<int64_t>> constant_ints(size_t i) const;

  void set_type(size_t i, Type type);
  void set_tensor(size_t i, DType dtype, std::optional<Shape> shape);
  // Elements that are invalid are not known.
  void set_known(size_t i, KnownInts values);
  // A new symbol for a dimension that the rule cannot express: named after the output and `axis`.
  Dim fresh_dim(size_t output, size_t axis) const;
  // `rank` fresh dims.
  Shape fresh_shape(size_t output, size_t rank) const;

  // Infers body `index` with the given facts for its inputs (captures are added here); returns
  // the facts of its outputs.
  Result<std::vector<GraphValue>> infer_body(size_t index, std::vector<GraphValue> inputs) const;
  size_t num_bodies() const { return bodies_.size(); }
  const Graph& body(size_t index) const { return *bodies_[index]; }

  // `axis` in [-rank, rank) as [0, rank). Errors: kInvalidModel.
  static Result<int64_t> axis(int64_t axis, size_t rank);

 private:
  const Op& op_;
  std::vector<const GraphValue*> inputs_;
  std::vector<GraphValue*> outputs_;
  std::span<const std::unique_ptr<Graph>> bodies_;
  size_t num_captures_;
};

// Shape of a and b broadcast together, numpy style. Errors: kShapeMismatch for constants that
// contradict each other.
Result<Shape> broadcast_shapes(const Shape& a, const Shape& b);
// The common type where two control-flow paths meet: equal dims stay, others become fresh symbols,
// or invalid in the elements of sequences and optionals (and fresh when one is taken out) and with
// an empty prefix.
// Errors: kInvalidModel when element types or kinds differ.
Result<Type> merge_types(const Type& a, const Type& b, const std::string& symbol_prefix);

// Runs the shape rule of one node. Errors carry the node's name.
Status infer_node(Graph& graph, NodeId node);
// Runs all rules in order. Keeps what the file says about a value only where rules know less.
Status infer_graph(Graph& graph);

}  // namespace ferry
