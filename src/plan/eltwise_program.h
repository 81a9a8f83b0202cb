// SPDX-License-Identifier: Apache-2.0
// Compiles elementwise nodes on f32 to the tile VM (kernels/eltwise): what the planner may group,
// and the program of a group.
#pragma once

#include <optional>
#include <vector>

#include "ir/graph.h"
#include "kernels/eltwise/eltwise.h"

namespace ferry {

struct Unary;

// Instructions in one program at most: its registers must fit the first-level cache.
inline constexpr size_t kMaxEltInstructions = 12;

// True when `node` is one VM instruction: f32 in and out, bounds and exponents constant in `graph`.
bool is_elt_node(const Graph& graph, const Node& node);
// The instruction of a function of one number; nullopt when it is none with these attributes.
std::optional<EltInstruction> unary_instruction(const Unary& u);
// The inputs of an elementwise node that are operands (not constant bounds).
size_t num_elt_operands(const Node& node);

// Builds a program node by node. Values are named by their ids in the nodes' graph.
class EltCompiler {
 public:
  // Declares an operand and returns its number; the same value gets one number. All operands come
  // before the first node.
  uint16_t operand(ValueId v);
  // `constants` is where constant bounds are looked up: value ids of `node` mapped by `outer`.
  // False: the node is no instruction.
  bool add(const Node& node, const std::vector<const Tensor*>& constants);
  EltProgram finish() && { return std::move(program_); }

 private:
  uint16_t value(ValueId v) const;

  EltProgram program_;
  std::vector<std::pair<ValueId, uint16_t>> values_;
};

}  // namespace ferry
