// SPDX-License-Identifier: Apache-2.0
#include "ir/op.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace ferry {

std::string_view attr_kind_name(const AttrValue& value) {
  static constexpr std::string_view kNames[] = {
      "an integer",         "a float",          "a string",          "a tensor",         "a type",
      "a list of integers", "a list of floats", "a list of strings", "a list of tensors"};
  return kNames[value.index()];
}

namespace {

bool equal_tensors(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || !(a.dims() == b.dims())) return false;
  if (a.raw() == b.raw() || a.count() == 0) return true;
  if (a.dtype() == DType::kString) {
    return std::equal(a.data<std::string>(), a.data<std::string>() + a.count(),
                      b.data<std::string>());
  }
  return std::memcmp(a.raw(), b.raw(), a.size_bytes()) == 0;
}

bool same_bits(float a, float b) {
  return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b);
}

}  // namespace

bool equal(const AttrValue& a, const AttrValue& b) {
  if (a.index() != b.index()) return false;
  if (const auto* f = std::get_if<float>(&a)) return same_bits(*f, std::get<float>(b));
  if (const auto* t = std::get_if<Tensor>(&a)) return equal_tensors(*t, std::get<Tensor>(b));
  if (const auto* v = std::get_if<std::vector<float>>(&a)) {
    const auto& w = std::get<std::vector<float>>(b);
    return v->size() == w.size() && std::equal(v->begin(), v->end(), w.begin(), same_bits);
  }
  if (const auto* v = std::get_if<std::vector<Tensor>>(&a)) {
    const auto& w = std::get<std::vector<Tensor>>(b);
    return v->size() == w.size() && std::equal(v->begin(), v->end(), w.begin(), equal_tensors);
  }
  if (const auto* i = std::get_if<int64_t>(&a)) return *i == std::get<int64_t>(b);
  if (const auto* s = std::get_if<std::string>(&a)) return *s == std::get<std::string>(b);
  if (const auto* t = std::get_if<Type>(&a)) return *t == std::get<Type>(b);
  if (const auto* v = std::get_if<std::vector<int64_t>>(&a)) {
    return *v == std::get<std::vector<int64_t>>(b);
  }
  return std::get<std::vector<std::string>>(a) == std::get<std::vector<std::string>>(b);
}

Status AttrBinding::set(void* op, AttrValue value) const {
  return member->set(static_cast<std::byte*>(op) + offset, std::move(value))
      .with_context("attribute '" + name + "'");
}

std::optional<AttrValue> AttrBinding::get(const void* op) const {
  return member->get(static_cast<const std::byte*>(op) + offset);
}

const AttrBinding* OpDef::find_attr(std::string_view attr) const {
  for (const AttrBinding& a : attrs) {
    if (a.name == attr) return &a;
  }
  return nullptr;
}

bool operator==(const Op& a, const Op& b) {
  if (a.def_ != b.def_) return false;
  if (a.attrs_ == b.attrs_ || a.def_ == nullptr) return true;
  for (const AttrBinding& binding : a.def_->attrs) {
    const auto x = binding.get(a.attrs_.get());
    const auto y = binding.get(b.attrs_.get());
    if (x.has_value() != y.has_value() || (x && !equal(*x, *y))) return false;
  }
  return true;
}

}  // namespace ferry
