// SPDX-License-Identifier: Apache-2.0
#include "ops/registry.h"

namespace ferry {

void register_all_ops(OpRegistry& r);  // generated from the ferry_op lines

namespace attr_detail {

void add(OpDef& def, std::string_view name, std::ptrdiff_t offset, const AttrMember& member,
         bool required) {
  def.attrs.push_back({std::string(name), required, offset, &member});
}

}  // namespace attr_detail

OpDef& OpRegistry::add(std::string_view full_name) {
  auto def = std::make_unique<OpDef>();
  const size_t dot = full_name.rfind('.');
  if (dot != std::string_view::npos) def->domain = full_name.substr(0, dot);
  def->name = dot == std::string_view::npos ? full_name : full_name.substr(dot + 1);
  auto& slot = ops_[std::string(full_name)];
  slot = std::move(def);
  return *slot;
}

const OpDef* OpRegistry::find(std::string_view full_name) const {
  const auto it = ops_.find(full_name);
  return it == ops_.end() ? nullptr : it->second.get();
}

const OpRegistry& op_registry() {
  static const OpRegistry* const registry = [] {
    auto* r = new OpRegistry;
    register_all_ops(*r);
    return r;
  }();
  return *registry;
}

Op make_op(std::string_view full_name) {
  const OpDef* def = op_registry().find(full_name);
  FERRY_DCHECK(def != nullptr);
  return Op(def, def->make());
}

}  // namespace ferry
