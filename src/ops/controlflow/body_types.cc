// SPDX-License-Identifier: Apache-2.0
#include "ops/controlflow/body_types.h"

#include <functional>

#include "base/status.h"

namespace ferry {

OuterSymbols::OuterSymbols(const InferContext& c, size_t index) {
  for (size_t i = 0; i < c.num_inputs(); ++i) {
    add(c.type(i));
    if (const auto known = c.known(i)) {
      for (const Dim& d : *known) add(d);
    }
  }
  const Graph& body = c.body(index);
  for (size_t i = body.inputs().size() - c.num_captures(); i < body.inputs().size(); ++i) {
    const GraphValue& v = body.value(body.inputs()[i]);
    add(v.type);
    if (v.known) {
      for (const Dim& d : *v.known) add(d);
    }
  }
}

void OuterSymbols::add(const Dim& d) {
  d.for_each_symbol([&](const std::string& name) { names_.insert(name); });
}

void OuterSymbols::add(const Type& type) {
  if (type.shape) {
    for (const Dim& d : *type.shape) add(d);
  }
  if (type.element) add(*type.element);
}

bool OuterSymbols::contains_all(const Dim& d) const {
  bool all = !d.is_invalid();
  d.for_each_symbol([&](const std::string& name) { all = all && names_.count(name) != 0; });
  return all;
}

Type OuterSymbols::exported(const InferContext& c, size_t i, const Type& type) const {
  Type out = type;
  if (out.shape) {
    for (size_t a = 0; a < out.shape->size(); ++a) {
      if (!contains_all((*out.shape)[a])) (*out.shape)[a] = c.fresh_dim(i, a);
    }
  }
  if (out.element) out.element = std::make_shared<const Type>(exported_element(*out.element));
  return out;
}

Type OuterSymbols::exported_element(const Type& type) const {
  Type out = type;
  if (out.shape) {
    for (Dim& d : *out.shape) {
      if (!contains_all(d)) d = Dim::invalid();
    }
  }
  if (out.element) out.element = std::make_shared<const Type>(exported_element(*out.element));
  return out;
}

std::optional<KnownInts> OuterSymbols::exported(const std::optional<KnownInts>& known) const {
  if (!known) return std::nullopt;
  for (const Dim& d : *known) {
    if (!contains_all(d)) return std::nullopt;
  }
  return known;
}

Result<Type> merge_paths(const Type& a, const Type& b, const std::string& symbol_prefix) {
  using Kind = Type::Kind;
  if (a.kind == b.kind || a.kind == Kind::kUnknown || b.kind == Kind::kUnknown ||
      (a.kind != Kind::kOptional && b.kind != Kind::kOptional)) {
    return merge_types(a, b, symbol_prefix);
  }
  const Type& x = a.kind == Kind::kOptional ? *a.element : a;
  const Type& y = b.kind == Kind::kOptional ? *b.element : b;
  FERRY_ASSIGN_OR_RETURN(Type element, merge_types(x, y, symbol_prefix));
  return Type::optional_of(std::move(element));
}

Status settle_carried(std::vector<GraphValue>& facts, const std::string& scope,
                      const std::function<Result<std::vector<GraphValue>>(
                          const std::vector<GraphValue>&)>& infer) {
  // Every round loses at least one dim, rank or known value, so it ends; the bound is for defects.
  for (int round = 0; round < 64; ++round) {
    FERRY_ASSIGN_OR_RETURN(const std::vector<GraphValue> after, infer(facts));
    bool changed = false;
    for (size_t i = 0; i < facts.size(); ++i) {
      FERRY_ASSIGN_OR_RETURN(
          Type merged, merge_paths(facts[i].type, after[i].type, fmt::format("{}carried{}", scope, i)));
      if (!(merged == facts[i].type)) {
        facts[i].type = std::move(merged);
        changed = true;
      }
      if (facts[i].known && facts[i].known != after[i].known) {
        facts[i].known.reset();
        changed = true;
      }
    }
    if (!changed) return {};
  }
  return internal_error("the types that a loop carries do not settle");
}

GraphValue input_facts(const InferContext& c, size_t i) {
  GraphValue v;
  v.type = c.type(i);
  v.known = c.known(i);
  return v;
}

}  // namespace ferry
