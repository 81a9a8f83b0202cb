// SPDX-License-Identifier: Apache-2.0
// What rewrites ask about a graph: constants, known contents, producers; and how they make
// constants. "Constant" never includes initializers that callers may replace.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "ir/graph.h"
#include "ir/patch.h"
#include "ops/math/binary.h"
#include "ops/math/unary.h"
#include "ops/registry.h"

namespace ferry {

// nullptr: absent, not constant, or overridable.
const Tensor* constant_of(const Graph& g, ValueId v);
// Whether every input that is there is a constant.
bool has_constant_inputs(const Graph& g, const Node& n);
// Elements of a floating-point or integer constant, as doubles.
std::optional<std::vector<double>> constant_numbers(const Graph& g, ValueId v);
// The element that all elements of a constant equal; nullopt for an empty one.
std::optional<double> uniform_constant(const Graph& g, ValueId v);
// Relative distance within which a constant of that type spells a number: what rounds to it.
double constant_tolerance(DType type, double of_float);
// True when `v` is a constant of one element that spells `wanted`.
bool is_constant_near(const Graph& g, ValueId v, double wanted);
// Integer contents that do not depend on inputs.
std::optional<std::vector<int64_t>> constant_ints(const Graph& g, ValueId v);
// The same, symbolic ones included.
std::optional<KnownInts> known_ints(const Graph& g, ValueId v);

// Input `i` of a node, or kNone when it is absent.
ValueId input(const Node& n, size_t i);
// The attributes of the node that makes `v`, when it is a T; kNone is nobody's.
template <class T>
const Node* producer_as(const Graph& g, ValueId v) {
  const Node* n = v == kNone ? nullptr : g.producer(v);
  return n != nullptr && n->op.as<T>() != nullptr ? n : nullptr;
}
const Node* unary_producer(const Graph& g, ValueId v, UnaryKind kind);
const Node* binary_producer(const Graph& g, ValueId v, BinaryKind kind);
bool is_binary(const Node& n, BinaryKind kind);
bool is_unary(const Node& n, UnaryKind kind);
// The value of an attribute by name, for operators whose struct does not matter here.
std::optional<AttrValue> attribute(const Op& op, std::string_view name);

// Tensors of the same element type and provably the same shape.
bool same_type(const Graph& g, ValueId a, ValueId b);
// True when every dim is the constant 1 (rank 0 too).
bool is_single_element(const Type& t);
// An axis attribute in [0, rank).
inline size_t normal_axis(int64_t axis, size_t rank) {
  return static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(rank) : axis);
}
bool is_floating(DType t);

// A tensor of a floating-point type; undefined when `dtype` is none or memory is exhausted.
Tensor make_floats(DType dtype, const Dims& dims, const std::vector<double>& values);
// The `shape` input with which Reshape turns `from` into `to`; nullopt when more than one dim
// would have to be computed, or when one computed from `from` could differ from that of `to`.
std::optional<std::vector<int64_t>> reshape_spec(const Shape& from, const Shape& to);
// A patch that only replaces.
Patch replacement(const Graph& g, ValueId old, ValueId with);

}  // namespace ferry
