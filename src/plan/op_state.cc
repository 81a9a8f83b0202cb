// SPDX-License-Identifier: Apache-2.0
#include "plan/op_state.h"

#include "ops/fusion/group.h"
#include "ops/image/resize.h"
#include "ops/math/matmul.h"
#include "ops/nn/attention.h"
#include "ops/nn/conv.h"
#include "ops/nn/conv_transpose.h"
#include "ops/nn/group_normalization.h"
#include "ops/nn/pool.h"
#include "ops/quantization/conv_integer.h"
#include "plan/field_count.h"

namespace ferry {
namespace {

// A struct that grows must be looked at here.
static_assert(field_count<Conv>() == 9);
static_assert(field_count<ConvTranspose>() == 9);
static_assert(field_count<Pool>() == 11);
static_assert(field_count<GlobalPool>() == 3);
static_assert(field_count<GroupNormalization>() == 4);
static_assert(field_count<Resize>() == 10);
static_assert(field_count<ConvInteger>() == 7);
static_assert(field_count<QLinearConv>() == 7);
static_assert(field_count<MatMul>() == 1);
static_assert(field_count<Attention>() == 10);
static_assert(field_count<Group>() == 2);

// Calls visit(field) for each; T* may point to const.
template <class Visit, class T>
void visit_fields(const OpDef& def, T* attrs, Visit&& visit) {
  const auto is = [&]<class S>(const S*) { return def.type == attr_type<S>; };
  const auto as = [&]<class S>(const S*) -> auto& {
    if constexpr (std::is_const_v<T>) {
      return *static_cast<const S*>(attrs);
    } else {
      return *static_cast<S*>(attrs);
    }
  };
  const auto layout_of = [&](auto* tag) {
    if (is(tag)) visit(as(tag).channels_last);
  };
  layout_of(static_cast<Conv*>(nullptr));
  layout_of(static_cast<ConvTranspose*>(nullptr));
  layout_of(static_cast<Pool*>(nullptr));
  layout_of(static_cast<GlobalPool*>(nullptr));
  layout_of(static_cast<GroupNormalization*>(nullptr));
  layout_of(static_cast<Resize*>(nullptr));
  layout_of(static_cast<ConvInteger*>(nullptr));
  layout_of(static_cast<QLinearConv*>(nullptr));
  if (constexpr Conv* tag = nullptr; is(tag)) {
    visit(as(tag).planar_input);
    visit(as(tag).planar_output);
  }
  if (constexpr GroupNormalization* tag = nullptr; is(tag)) {
    visit(as(tag).num_groups);  // InstanceNormalization has no such attributes
    visit(as(tag).stash_type);
  }
  if (constexpr MatMul* tag = nullptr; is(tag)) visit(as(tag).trans_b);
  if (constexpr Attention* tag = nullptr; is(tag)) visit(as(tag).empty_rows);
  if (constexpr Group* tag = nullptr; is(tag)) {
    visit(as(tag).strips);
    visit(as(tag).strip_height);
  }
}

bool assign(bool& field, int64_t value) {
  field = value != 0;
  return value == 0 || value == 1;
}
// Rows of a strip, groups of channels, element types: nobody has more, and sums do not overflow.
constexpr int64_t kMostOfAnything = INT32_MAX;
bool assign(int64_t& field, int64_t value) {
  field = value;
  return value >= 0 && value <= kMostOfAnything;
}
bool assign(EmptyRows& field, int64_t value) {
  if (value < 0 || value > static_cast<int64_t>(EmptyRows::kZero)) return false;
  field = static_cast<EmptyRows>(value);
  return true;
}

}  // namespace

std::vector<int64_t> get_state(const Op& op) {
  std::vector<int64_t> state;
  visit_fields(op.def(), op.attrs(),
               [&](const auto& field) { state.push_back(static_cast<int64_t>(field)); });
  return state;
}

bool set_state(const OpDef& def, void* attrs, const std::vector<int64_t>& state) {
  size_t next = 0;
  bool fits = true;
  visit_fields(def, attrs, [&](auto& field) {
    fits = fits && next < state.size() && assign(field, state[next]);
    ++next;
  });
  return fits && next == state.size();
}

}  // namespace ferry
