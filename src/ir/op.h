// SPDX-License-Identifier: Apache-2.0
// OpDef: the contract of one operator (attributes, shape rule, reference kernel), type-erased.
// Op: one operator with its attribute values, as a node of a graph holds it.
//
// The typed side, where operators are written, is ops/registry.h.
#pragma once

#include <any>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ferry/status.h"
#include "ferry/tensor.h"
#include "tensor/type.h"

namespace ferry {

class InferContext;
class EvalContext;
class Op;

// The value of an ONNX attribute. Graph attributes are the bodies of a node (ir/graph.h).
using AttrValue = std::variant<int64_t, float, std::string, Tensor, Type, std::vector<int64_t>,
                               std::vector<float>, std::vector<std::string>, std::vector<Tensor>>;

// "an integer", "a list of floats", ...: how error messages name the kind of a value.
std::string_view attr_kind_name(const AttrValue& value);
bool equal(const AttrValue& a, const AttrValue& b);  // floats and tensors by bits

// How members of one C++ type are written and read.
struct AttrMember {
  Status (*set)(void* member, AttrValue value);
  std::optional<AttrValue> (*get)(const void* member);
};

// An attribute is a member of the operator's struct.
struct AttrBinding {
  std::string name;
  bool required = false;
  std::ptrdiff_t offset = 0;  // of the member
  const AttrMember* member = nullptr;

  // Errors: kInvalidModel when the value's kind is not the attribute's.
  Status set(void* op, AttrValue value) const;
  // nullopt: an optional attribute that is not set.
  std::optional<AttrValue> get(const void* op) const;
};

struct Arity {
  static constexpr uint32_t kAny = UINT32_MAX;
  uint32_t min = 0;
  uint32_t max = 0;
};

// Stands for the type T of an attribute struct by its address, which is told from others' at once:
// std::type_info compares names.
template <class T>
inline constexpr char attr_type_tag = 0;  // NOLINT(readability-identifier-naming): a trait
template <class T>
inline constexpr const void* attr_type = &attr_type_tag<T>;  // NOLINT(*-identifier-naming)

struct OpDef {
  std::string domain;  // "" is ai.onnx
  std::string name;
  int since_version = 1;
  Arity inputs{1, 1};
  Arity outputs{1, 1};
  std::vector<AttrBinding> attrs;
  std::vector<std::string> bodies;              // names of graph attributes, in order
  bool bodies_default_to_identity = false;      // an absent one returns its only input
  bool deterministic = true;                    // false: never folded or merged (RandomNormal, ...)
  bool commutative = false;                     // two inputs in either order, bit for bit
  const void* type = nullptr;                   // attr_type<T> of the attribute struct
  std::function<std::shared_ptr<void>()> make;  // the attribute struct at its defaults
  std::function<std::shared_ptr<void>(const void*)> copy;
  std::function<Status(const Op&, InferContext&)> infer;
  std::function<Status(const Op&, EvalContext&)> eval;

  const AttrBinding* find_attr(std::string_view attr) const;
  std::string full_name() const { return domain.empty() ? name : domain + "." + name; }
};

class Op {
 public:
  Op() = default;
  Op(const OpDef* def, std::shared_ptr<const void> attrs) : def_(def), attrs_(std::move(attrs)) {}

  bool defined() const { return def_ != nullptr; }
  const OpDef& def() const { return *def_; }
  const std::string& name() const { return def_->name; }
  // True for the operator `name` of the domain ai.onnx (or "domain.Name" of another).
  bool is(std::string_view full_name) const { return def_ && def_->full_name() == full_name; }
  // The attribute struct, or nullptr when this is another kind of operator.
  template <class T>
  const T* as() const {
    return def_ && def_->type == attr_type<T> ? static_cast<const T*>(attrs_.get()) : nullptr;
  }
  const void* attrs() const { return attrs_.get(); }
  // Same operator and equal attributes.
  friend bool operator==(const Op& a, const Op& b);

 private:
  const OpDef* def_ = nullptr;
  std::shared_ptr<const void> attrs_;
};

}  // namespace ferry
