// SPDX-License-Identifier: Apache-2.0
// The registry of operators, and the typed side of writing one.
//
//   struct Softmax { int64_t axis = -1; };
//   Status infer(const Softmax& op, InferContext& c);
//   Status eval(const Softmax& op, EvalContext& c);
//   void register_softmax(OpRegistry& r) {
//     r.op<Softmax>("Softmax").since(13).inputs(1).outputs(1).attr("axis", &Softmax::axis)
//         .infer(infer).reference(eval);
//   }
//
// `ferry_op(softmax)` in the folder's CMakeLists.txt is all it takes to have it called.
#pragma once

#include <bit>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/status.h"
#include "ir/eval.h"
#include "ir/graph.h"
#include "ir/infer.h"
#include "ir/op.h"

namespace ferry {

namespace attr_detail {

template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};

// A struct member from and to the value in a file.
template <class M>
Status assign(M& member, AttrValue&& value) {
  const auto wrong = [&](std::string_view wanted) {
    return invalid_model("is {}, wanted is {}", attr_kind_name(value), wanted);
  };
  if constexpr (is_optional<M>::value) {
    member.emplace();
    return assign(*member, std::move(value));
  } else if constexpr (std::is_same_v<M, bool> || std::is_same_v<M, DType>) {
    const auto* v = std::get_if<int64_t>(&value);
    if (v == nullptr) return wrong("an integer");
    if constexpr (std::is_same_v<M, bool>) {
      member = *v != 0;
    } else {
      if (*v < 0 || *v >= kNumDTypes) return invalid_model("names no element type: {}", *v);
      member = static_cast<DType>(*v);
    }
  } else {
    auto* v = std::get_if<M>(&value);
    // An empty list carries no kind in some files.
    if (v == nullptr) {
      if constexpr (std::is_same_v<M, std::vector<float>> ||
                    std::is_same_v<M, std::vector<std::string>> ||
                    std::is_same_v<M, std::vector<Tensor>>) {
        const auto* ints = std::get_if<std::vector<int64_t>>(&value);
        if (ints != nullptr && ints->empty()) {
          member.clear();
          return {};
        }
      }
      return wrong(attr_kind_name(AttrValue(M{})));
    }
    member = std::move(*v);
  }
  return {};
}

template <class M>
std::optional<AttrValue> read(const M& member) {
  if constexpr (is_optional<M>::value) {
    if (!member) return std::nullopt;
    return read(*member);
  } else if constexpr (std::is_same_v<M, bool> || std::is_same_v<M, DType>) {
    return AttrValue(static_cast<int64_t>(member));
  } else if constexpr (std::is_same_v<M, Tensor>) {
    if (!member.defined()) return std::nullopt;
    return AttrValue(member);
  } else {
    return AttrValue(member);
  }
}

template <class M>
inline constexpr AttrMember kMember = {
    [](void* member, AttrValue value) {
      return assign(*static_cast<M*>(member), std::move(value));
    },
    [](const void* member) { return read(*static_cast<const M*>(member)); }};

void add(OpDef& def, std::string_view name, std::ptrdiff_t offset, const AttrMember& member,
         bool required);

}  // namespace attr_detail

template <class T>
class OpBuilder {
 public:
  explicit OpBuilder(OpDef& def) : def_(def) {}

  // Version of the specification that this operator follows: the newest one.
  OpBuilder& since(int version) { return def_.since_version = version, *this; }
  OpBuilder& inputs(uint32_t exactly) { return inputs(exactly, exactly); }
  OpBuilder& inputs(uint32_t min, uint32_t max) { return def_.inputs = {min, max}, *this; }
  OpBuilder& outputs(uint32_t exactly) { return outputs(exactly, exactly); }
  OpBuilder& outputs(uint32_t min, uint32_t max) { return def_.outputs = {min, max}, *this; }
  template <class M>
  OpBuilder& attr(std::string_view name, M T::*member, bool required = false) {
    // What a pointer to a member holds is the offset (Itanium C++ ABI).
    static_assert(sizeof(member) == sizeof(std::ptrdiff_t));
    const auto offset = std::bit_cast<std::ptrdiff_t>(member);
    attr_detail::add(def_, name, offset, attr_detail::kMember<M>, required);
    return *this;
  }
  template <class M>
  OpBuilder& required(std::string_view name, M T::*member) {
    return attr(name, member, true);
  }
  // A graph attribute (a body), in the order of Node::bodies.
  OpBuilder& body(std::string name) { return def_.bodies.push_back(std::move(name)), *this; }
  // Absent bodies become the identity of one value; otherwise all of them are required.
  OpBuilder& bodies_default_to_identity() {
    def_.bodies_default_to_identity = true;
    return *this;
  }
  OpBuilder& nondeterministic() { return def_.deterministic = false, *this; }
  OpBuilder& commutative() { return def_.commutative = true, *this; }
  OpBuilder& infer(Status (*rule)(const T&, InferContext&)) {
    def_.infer = [rule](const Op& op, InferContext& c) { return rule(*op.as<T>(), c); };
    return *this;
  }
  OpBuilder& reference(Status (*kernel)(const T&, EvalContext&)) {
    def_.eval = [kernel](const Op& op, EvalContext& c) { return kernel(*op.as<T>(), c); };
    return *this;
  }

 private:
  OpDef& def_;
};

class OpRegistry {
 public:
  OpRegistry() = default;
  OpRegistry(const OpRegistry&) = delete;
  OpRegistry& operator=(const OpRegistry&) = delete;

  // Declares an operator ("Softmax", or "ai.onnx.ml.Scaler" with its domain). `defaults` holds what
  // distinguishes operators that share a struct, e.g. Unary{UnaryKind::kAbs}.
  template <class T>
  OpBuilder<T> op(std::string_view full_name, T defaults = {}) {
    OpDef& def = add(full_name);
    def.type = attr_type<T>;
    def.make = [defaults] { return std::make_shared<T>(defaults); };
    def.copy = [](const void* p) { return std::make_shared<T>(*static_cast<const T*>(p)); };
    return OpBuilder<T>(def);
  }

  const OpDef* find(std::string_view full_name) const;
  // All operators by full name.
  const std::map<std::string, std::unique_ptr<OpDef>, std::less<>>& all() const { return ops_; }

 private:
  OpDef& add(std::string_view full_name);
  std::map<std::string, std::unique_ptr<OpDef>, std::less<>> ops_;
};

// Every operator of this build; made on first use.
const OpRegistry& op_registry();

// An operator by full name with the attributes `attrs`, which must be the operator's own struct.
template <class T>
Op make_op(std::string_view full_name, T attrs) {
  const OpDef* def = op_registry().find(full_name);
  FERRY_DCHECK(def != nullptr && def->type == attr_type<T>);
  return Op(def, std::make_shared<const T>(std::move(attrs)));
}
// The same at its defaults.
Op make_op(std::string_view full_name);

}  // namespace ferry
