// SPDX-License-Identifier: Apache-2.0
#include "plan/eltwise_program.h"

#include <cmath>
#include <limits>

#include "ops/math/binary.h"
#include "ops/math/clip.h"
#include "ops/math/unary.h"

namespace ferry {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Factors that kernels multiply and divide by without leaving the range of floats.
bool ordinary(float factor) { return std::fabs(factor) >= 1e-30f && std::fabs(factor) <= 1e20f; }

std::optional<EltInstruction> if_true(bool condition, const EltInstruction& instruction) {
  return condition ? std::optional(instruction) : std::nullopt;
}

}  // namespace

std::optional<EltInstruction> unary_instruction(const Unary& u) {
  switch (u.kind) {
    case UnaryKind::kAbs:
      return EltInstruction{EltOp::kAbs};
    case UnaryKind::kNeg:
      return EltInstruction{EltOp::kNeg};
    case UnaryKind::kSign:
      return EltInstruction{EltOp::kSign};
    case UnaryKind::kRelu:
      return EltInstruction{EltOp::kRelu};
    case UnaryKind::kExp:
      return EltInstruction{EltOp::kExp};
    case UnaryKind::kSqrt:
      return EltInstruction{EltOp::kSqrt};
    case UnaryKind::kReciprocal:
      return EltInstruction{EltOp::kReciprocal};
    case UnaryKind::kFloor:
      return EltInstruction{EltOp::kFloor};
    case UnaryKind::kCeil:
      return EltInstruction{EltOp::kCeil};
    case UnaryKind::kRound:
      return EltInstruction{EltOp::kRound};
    case UnaryKind::kTanh:
      return EltInstruction{EltOp::kTanh};
    case UnaryKind::kErf:
      return EltInstruction{EltOp::kErf};
    case UnaryKind::kSigmoid:
      return EltInstruction{EltOp::kSigmoid};
    case UnaryKind::kSoftsign:
      return EltInstruction{EltOp::kSoftsign};
    case UnaryKind::kHardSigmoid:
      return EltInstruction{EltOp::kHardSigmoid, 0, 0, u.alpha, u.beta};
    case UnaryKind::kHardSwish:
      return EltInstruction{EltOp::kHardSwish};
    case UnaryKind::kElu:
      return if_true(ordinary(u.alpha), {EltOp::kElu, 0, 0, u.alpha, 0});
    case UnaryKind::kLeakyRelu:
      return EltInstruction{EltOp::kLeakyRelu, 0, 0, u.alpha, 0};
    case UnaryKind::kThresholdedRelu:
      return EltInstruction{EltOp::kThresholdedRelu, 0, 0, u.alpha, 0};
    case UnaryKind::kShrink:
      return EltInstruction{EltOp::kShrink, 0, 0, u.alpha, u.beta};
    case UnaryKind::kSwish:
      return if_true(ordinary(u.alpha), {EltOp::kSwish, 0, 0, u.alpha, 0});
    case UnaryKind::kGelu:
      return EltInstruction{u.approximate == "tanh" ? EltOp::kGeluTanh : EltOp::kGelu};
    case UnaryKind::kLog:
      return EltInstruction{EltOp::kLog};
    case UnaryKind::kSin:
      return EltInstruction{EltOp::kSin};
    case UnaryKind::kCos:
      return EltInstruction{EltOp::kCos};
    case UnaryKind::kTan:
      return EltInstruction{EltOp::kTan};
    case UnaryKind::kAsin:
      return EltInstruction{EltOp::kAsin};
    case UnaryKind::kAcos:
      return EltInstruction{EltOp::kAcos};
    case UnaryKind::kAtan:
      return EltInstruction{EltOp::kAtan};
    case UnaryKind::kSinh:
      return EltInstruction{EltOp::kSinh};
    case UnaryKind::kCosh:
      return EltInstruction{EltOp::kCosh};
    case UnaryKind::kAsinh:
      return EltInstruction{EltOp::kAsinh};
    case UnaryKind::kAcosh:
      return EltInstruction{EltOp::kAcosh};
    case UnaryKind::kAtanh:
      return EltInstruction{EltOp::kAtanh};
    case UnaryKind::kSoftplus:
      return EltInstruction{EltOp::kSoftplus};
    case UnaryKind::kMish:
      return EltInstruction{EltOp::kMish};
    case UnaryKind::kSelu:
      return if_true(ordinary(u.alpha * u.beta), {EltOp::kSelu, 0, 0, u.alpha, u.beta});
    case UnaryKind::kCelu:
      return if_true(u.alpha > 0 && ordinary(u.alpha), {EltOp::kCelu, 0, 0, u.alpha, 0});
    case UnaryKind::kFakeQuantize:
      return EltInstruction{EltOp::kFakeQuantize, 0, 0, u.alpha, u.beta};
    default:
      return std::nullopt;
  }
}

namespace {

std::optional<EltOp> binary_op(BinaryKind kind) {
  switch (kind) {
    case BinaryKind::kAdd:
      return EltOp::kAdd;
    case BinaryKind::kSub:
      return EltOp::kSub;
    case BinaryKind::kMul:
      return EltOp::kMul;
    case BinaryKind::kDiv:
      return EltOp::kDiv;
    case BinaryKind::kPRelu:
      return EltOp::kPRelu;
    default:
      return std::nullopt;
  }
}

bool is_scalar_f32(const Tensor* t) {
  return t != nullptr && t->dtype() == DType::kFloat32 && t->count() == 1 && t->raw() != nullptr;
}

// A scalar power, a float or an integer that is one.
std::optional<float> power_of(const Tensor* t) {
  if (is_scalar_f32(t)) return *t->data<float>();
  if (t == nullptr || t->count() != 1 || t->raw() == nullptr) return std::nullopt;
  int64_t v = 0;
  if (t->dtype() == DType::kInt64)
    v = *t->data<int64_t>();
  else if (t->dtype() == DType::kInt32)
    v = *t->data<int32_t>();
  else
    return std::nullopt;
  constexpr int64_t kWhole = 1 << 24;
  return v >= -kWhole && v <= kWhole ? std::optional(static_cast<float>(v)) : std::nullopt;
}

// The instruction of a node; operands are filled in by the caller.
std::optional<EltInstruction> instruction_of(const Node& node,
                                             const std::vector<const Tensor*>& constants) {
  if (const auto* u = node.op.as<Unary>()) return unary_instruction(*u);
  if (const auto* b = node.op.as<Binary>()) {
    if (b->kind == BinaryKind::kPow) {
      const std::optional<float> e = power_of(constants[1]);
      if (!e) return std::nullopt;
      return *e == 2.0f ? EltInstruction{EltOp::kMul} : EltInstruction{EltOp::kPower, 0, 0, *e, 0};
    }
    const auto op = binary_op(b->kind);
    if (!op) return std::nullopt;
    return EltInstruction{*op};
  }
  if (node.op.as<Clip>() != nullptr) {
    EltInstruction clip{EltOp::kClip, 0, 0, -kInfinity, kInfinity};
    for (size_t i = 1; i < node.inputs.size() && i < 3; ++i) {
      if (node.inputs[i] == kNone) continue;
      if (!is_scalar_f32(constants[i])) return std::nullopt;
      (i == 1 ? clip.p : clip.q) = *constants[i]->data<float>();
    }
    return clip.p <= clip.q ? std::optional(clip) : std::nullopt;
  }
  return std::nullopt;
}

bool is_f32(const Graph& g, ValueId v) {
  return v != kNone && g.value(v).type.has_rank() && g.value(v).type.dtype == DType::kFloat32;
}

}  // namespace

size_t num_elt_operands(const Node& node) {
  const auto* b = node.op.as<Binary>();
  return b != nullptr && b->kind != BinaryKind::kPow ? 2 : 1;
}

bool is_elt_node(const Graph& graph, const Node& node) {
  if (node.outputs.size() != 1 || !is_f32(graph, node.outputs[0]) || node.inputs.empty())
    return false;
  for (size_t i = 0; i < num_elt_operands(node); ++i) {
    if (i >= node.inputs.size() || !is_f32(graph, node.inputs[i])) return false;
  }
  std::vector<const Tensor*> constants;
  for (ValueId v : node.inputs) {
    const bool constant = v != kNone && graph.value(v).constant && !graph.value(v).overridable;
    constants.push_back(constant ? &*graph.value(v).constant : nullptr);
  }
  return instruction_of(node, constants).has_value();
}

uint16_t EltCompiler::operand(ValueId v) {
  for (const auto& [id, number] : values_) {
    if (id == v) return number;
  }
  values_.emplace_back(v, program_.inputs);
  return program_.inputs++;
}

uint16_t EltCompiler::value(ValueId v) const {
  for (const auto& [id, number] : values_) {
    if (id == v) return number;
  }
  return UINT16_MAX;
}

bool EltCompiler::add(const Node& node, const std::vector<const Tensor*>& constants) {
  auto instruction = instruction_of(node, constants);
  if (!instruction) return false;
  instruction->a = instruction->b = value(node.inputs[0]);
  if (num_elt_operands(node) > 1) instruction->b = value(node.inputs[1]);
  if (instruction->a == UINT16_MAX || instruction->b == UINT16_MAX) return false;
  values_.emplace_back(node.outputs[0],
                       static_cast<uint16_t>(program_.inputs + program_.code.size()));
  program_.code.push_back(*instruction);
  return program_.code.size() <= kMaxEltInstructions;
}

}  // namespace ferry
