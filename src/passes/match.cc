// SPDX-License-Identifier: Apache-2.0
#include "passes/match.h"

#include <algorithm>
#include <cmath>

#include "ops/tensor/reshape.h"
#include "tensor/int_contents.h"
#include "tensor/visit.h"

namespace ferry {

const Tensor* constant_of(const Graph& g, ValueId v) {
  if (v == kNone) return nullptr;
  const GraphValue& value = g.value(v);
  return value.constant && !value.overridable ? &*value.constant : nullptr;
}

bool has_constant_inputs(const Graph& g, const Node& n) {
  return std::all_of(n.inputs.begin(), n.inputs.end(),
                     [&](ValueId v) { return v == kNone || constant_of(g, v) != nullptr; });
}

std::optional<std::vector<double>> constant_numbers(const Graph& g, ValueId v) {
  const Tensor* t = constant_of(g, v);
  if (t == nullptr) return std::nullopt;
  if (const auto ints = int_contents(*t)) return std::vector<double>(ints->begin(), ints->end());
  if (!is_floating(t->dtype())) return std::nullopt;
  std::vector<double> values(static_cast<size_t>(t->count()));
  const Status s = visit_floating(t->dtype(), [&]<class T>(TypeTag<T>) -> Status {
    for (size_t i = 0; i < values.size(); ++i) values[i] = double(compute_t<T>(t->data<T>()[i]));
    return {};
  });
  if (!s.ok()) return std::nullopt;
  return values;
}

std::optional<double> uniform_constant(const Graph& g, ValueId v) {
  const Tensor* t = constant_of(g, v);
  if (t == nullptr || t->count() == 0 || t->dtype() == DType::kString) return std::nullopt;
  std::optional<double> uniform;
  // Most constants that are asked about are weights, and differ in their second element.
  const Status s = visit_numeric(t->dtype(), [&]<class T>(TypeTag<T>) -> Status {
    const std::span<const T> elements(t->data<T>(), static_cast<size_t>(t->count()));
    const auto number = [](T x) { return compute_t<T>(x); };
    const auto first = number(elements.front());
    const bool same =
        std::all_of(elements.begin(), elements.end(), [&](T x) { return number(x) == first; });
    if (same) uniform = static_cast<double>(first);
    return {};
  });
  if (s.ok()) return uniform;
  const auto values = constant_numbers(g, v);
  if (!values) return std::nullopt;
  for (double x : *values) {
    if (!(x == values->front())) return std::nullopt;
  }
  return values->front();
}

double constant_tolerance(DType type, double of_float) {
  if (type == DType::kFloat16 || type == DType::kBFloat16) return 5e-3;
  return type == DType::kFloat64 ? 1e-15 : of_float;
}

bool is_constant_near(const Graph& g, ValueId v, double wanted) {
  const Tensor* t = constant_of(g, v);
  if (t == nullptr || t->count() != 1) return false;
  const auto value = uniform_constant(g, v);
  const double tolerance = constant_tolerance(t->dtype(), 1e-6);
  return value && std::abs(*value - wanted) <= tolerance * std::abs(wanted);
}

std::optional<KnownInts> known_ints(const Graph& g, ValueId v) {
  if (v == kNone || g.value(v).overridable) return std::nullopt;
  if (const Tensor* t = constant_of(g, v)) {
    if (static_cast<size_t>(t->count()) > kMaxKnownInts) return std::nullopt;
    const auto ints = int_contents(*t);
    if (!ints) return std::nullopt;
    return KnownInts(ints->begin(), ints->end());
  }
  return g.value(v).known;
}

std::optional<std::vector<int64_t>> constant_ints(const Graph& g, ValueId v) {
  if (const Tensor* t = constant_of(g, v)) return int_contents(*t);
  const auto known = known_ints(g, v);
  if (!known) return std::nullopt;
  std::vector<int64_t> ints;
  for (const Dim& d : *known) {
    if (!d.is_constant()) return std::nullopt;
    ints.push_back(d.constant());
  }
  return ints;
}

ValueId input(const Node& n, size_t i) { return i < n.num_own_inputs() ? n.inputs[i] : kNone; }

bool is_binary(const Node& n, BinaryKind kind) {
  const auto* op = n.op.as<Binary>();
  return op != nullptr && op->kind == kind;
}

bool is_unary(const Node& n, UnaryKind kind) {
  const auto* op = n.op.as<Unary>();
  return op != nullptr && op->kind == kind;
}

const Node* unary_producer(const Graph& g, ValueId v, UnaryKind kind) {
  const Node* n = producer_as<Unary>(g, v);
  return n != nullptr && is_unary(*n, kind) ? n : nullptr;
}

const Node* binary_producer(const Graph& g, ValueId v, BinaryKind kind) {
  const Node* n = producer_as<Binary>(g, v);
  return n != nullptr && is_binary(*n, kind) ? n : nullptr;
}

std::optional<AttrValue> attribute(const Op& op, std::string_view name) {
  const AttrBinding* binding = op.def().find_attr(name);
  return binding == nullptr ? std::nullopt : binding->get(op.attrs());
}

bool same_type(const Graph& g, ValueId a, ValueId b) {
  const Type &x = g.value(a).type, &y = g.value(b).type;
  return x.has_rank() && y.has_rank() && x.dtype == y.dtype && *x.shape == *y.shape;
}

bool is_single_element(const Type& t) {
  return t.has_rank() && std::all_of(t.shape->begin(), t.shape->end(),
                                     [](const Dim& d) { return d.is_constant(1); });
}

bool is_floating(DType t) { return types::kFloating.contains(t); }

Tensor make_floats(DType dtype, const Dims& dims, const std::vector<double>& values) {
  if (!is_floating(dtype)) return {};
  Result<Tensor> t = Tensor::allocate(dtype, dims);
  if (!t.ok()) return {};
  const Status s = visit_floating(dtype, [&]<class T>(TypeTag<T>) -> Status {
    for (size_t i = 0; i < values.size(); ++i) {
      t->data<T>()[i] = static_cast<T>(static_cast<compute_t<T>>(values[i]));
    }
    return {};
  });
  return s.ok() ? *std::move(t) : Tensor();
}

std::optional<std::vector<int64_t>> reshape_spec(const Shape& from, const Shape& to) {
  std::vector<int64_t> spec;
  std::optional<size_t> computed;
  bool has_zero = false;
  for (size_t a = 0; a < to.size(); ++a) {
    if (to[a].is_constant()) {
      spec.push_back(to[a].constant());
      // A 0 in the spec copies the dim of `from`.
      if (to[a].is_constant(0) && !(a < from.size() && from[a].is_constant(0))) return std::nullopt;
      has_zero |= to[a].is_constant(0);
    } else if (a < from.size() && from[a] == to[a]) {
      spec.push_back(0);
    } else if (!computed) {
      spec.push_back(-1);
      computed = a;
    } else {
      return std::nullopt;
    }
  }
  if (!computed) return spec;
  Shape others = to;
  others.erase(others.begin() + static_cast<std::ptrdiff_t>(*computed));
  const Result<Dim> rest = remaining_dim(from, others);
  if (has_zero || !rest.ok() || !(*rest == to[*computed])) return std::nullopt;
  return spec;
}

Patch replacement(const Graph& g, ValueId old, ValueId with) {
  PatchBuilder p(g);
  p.replace(old, with);
  return std::move(p).build();
}

}  // namespace ferry
