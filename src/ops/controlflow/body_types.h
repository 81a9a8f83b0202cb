// SPDX-License-Identifier: Apache-2.0
// Types across the border of a body: what a loop carries, and what leaves.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "ir/infer.h"

namespace ferry {

// Symbols that mean the same outside and inside: those of the node's inputs and captures.
class OuterSymbols {
 public:
  // Call after infer_body: captures are read from the inputs of body `index`.
  OuterSymbols(const InferContext& c, size_t index);
  bool contains_all(const Dim& d) const;

  // The type as output i of the node may have it: dims with inner symbols become fresh ones.
  Type exported(const InferContext& c, size_t i, const Type& type) const;
  // The same for what a sequence or optional holds, where such dims become invalid.
  Type exported_element(const Type& type) const;
  // Known contents, unless an inner symbol is among them.
  std::optional<KnownInts> exported(const std::optional<KnownInts>& known) const;

 private:
  void add(const Type& type);
  void add(const Dim& d);
  std::set<std::string> names_;
};

// What holds for both: as merge_types, and an optional meets its element as an optional.
Result<Type> merge_paths(const Type& a, const Type& b, const std::string& symbol_prefix);

// The facts about loop-carried values that every iteration keeps. `facts` holds those of the
// initial values and becomes what holds before any iteration; `infer` runs the body on them and
// returns the facts of its carried outputs. `scope` prefixes the symbols of dims that change.
Status settle_carried(std::vector<GraphValue>& facts, const std::string& scope,
                      const std::function<Result<std::vector<GraphValue>>(
                          const std::vector<GraphValue>&)>& infer);

// Copies of what inference knows of the node's input i.
GraphValue input_facts(const InferContext& c, size_t i);

}  // namespace ferry
