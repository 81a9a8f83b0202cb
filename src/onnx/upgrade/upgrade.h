// SPDX-License-Identifier: Apache-2.0
// Upgrades: rewrite a node of an older operator version into the newest one.
//
// A row says: a node of `op` imported at an opset before `before` is rewritten by `rewrite`. The
// rows of one operator apply one after another, oldest first, so each knows only the version that
// followed it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "onnx/source_node.h"

namespace ferry::onnx {

// What a rewrite may ask and do.
class Rewriter {
 public:
  virtual ~Rewriter() = default;

  // The opset version of the node's domain that the model imports.
  virtual int version() const = 0;
  // What is known so far; Kind::kUnknown for absent values. Bodies know little of their inputs.
  virtual Type type(ValueId value) const = 0;
  // Constant contents, or nullptr.
  virtual const Tensor* constant(ValueId value) const = 0;

  virtual ValueId add_constant(Tensor tensor) = 0;
  virtual ValueId new_value() = 0;
  // Adds a node of the newest version before the node being rewritten.
  virtual Status add_before(SourceNode node) = 0;
  // The same, after it.
  virtual void add_after(SourceNode node) = 0;

  // Shorthands. A constant of integers (1-D, or a scalar).
  ValueId ints(const std::vector<int64_t>& values);
  ValueId scalar_int(int64_t value);
  // A scalar of `type` (a floating or integer type).
  Result<ValueId> scalar(double value, DType type);
  // The integer contents of a constant.
  std::optional<std::vector<int64_t>> constant_ints(ValueId value) const;
  // add_before of a node with one output.
  Result<ValueId> emit(std::string_view op_type, std::vector<ValueId> inputs,
                       std::vector<std::pair<std::string, AttrValue>> attrs = {});
};

using Rewrite = Status (*)(SourceNode& node, Rewriter& r);

struct UpgradeRow {
  std::string_view op;  // full name
  int before;           // applies to versions lower than this
  Rewrite rewrite;
};

// `before` of rewrites that hold for every version.
inline constexpr int kAnyVersion = INT32_MAX;

// Rows of one operator, ordered by `before`; empty for operators that never changed.
std::span<const UpgradeRow> upgrades_of(std::string_view full_name);

}  // namespace ferry::onnx
