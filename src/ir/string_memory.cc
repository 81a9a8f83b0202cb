// SPDX-License-Identifier: Apache-2.0
#include "ir/string_memory.h"

#include <algorithm>

#include "base/int128.h"
#include "base/status.h"

namespace ferry {
namespace {

// Texts up to this length lie inside std::string itself.
constexpr size_t kInline = 15;

size_t longest_string(const Value& value) {
  size_t longest = 0;
  if (value.is_tensor()) {
    const Tensor& t = value.tensor();
    if (!t.defined() || t.dtype() != DType::kString) return 0;
    for (const std::string& s : t.elements<std::string>()) longest = std::max(longest, s.size());
  } else if (value.is_sequence()) {
    for (const Value& v : value.sequence()) longest = std::max(longest, longest_string(v));
  } else if (value.is_map()) {
    longest = longest_string(Value(value.map().keys));
    for (const Value& v : value.map().values) longest = std::max(longest, longest_string(v));
  }
  return longest;
}

// The owner of a counted string tensor.
struct CountedStrings {
  std::shared_ptr<void> strings;
  std::shared_ptr<MemoryBudget> budget;
  uint64_t bytes;
  void operator()(void*) {
    strings.reset();
    budget->release(bytes);
  }
};

Status count_tensor(Value& value, MemoryBudget* budget) {
  Tensor t = value.tensor();
  if (!t.defined() || t.dtype() != DType::kString || !t.owner()) return {};
  if (std::get_deleter<CountedStrings>(t.owner()) != nullptr) return {};
  uint64_t bytes = 0;
  for (const std::string& s : t.elements<std::string>()) {
    if (s.capacity() > kInline) bytes += s.capacity() + 1;
  }
  if (bytes == 0) return {};
  FERRY_RETURN_IF_ERROR(budget->reserve(bytes));
  std::shared_ptr<void> owner(t.raw(),
                              CountedStrings{t.owner(), budget->shared_from_this(), bytes});
  value = Tensor::share(DType::kString, t.dims(), t.raw(), std::move(owner));
  return {};
}

bool holds_strings(const Value& value) {
  if (value.is_tensor()) {
    return value.tensor().defined() && value.tensor().dtype() == DType::kString;
  }
  return value.is_sequence() && !value.sequence().empty() && holds_strings(value.sequence()[0]);
}

}  // namespace

Status check_string_output(MemoryBudget* budget, int64_t count, size_t longest) {
  if (budget == nullptr || longest <= kInline) return {};
  const auto wanted = static_cast<uint128>(count) * longest;
  const uint64_t used = std::min(budget->used(), budget->limit());
  if (wanted <= budget->limit() - used) return {};
  return out_of_memory("{} strings of up to {} bytes wanted, {} of the budget of {} are in use",
                       count, longest, used, budget->limit());
}

Status check_string_output(const EvalContext& c, int64_t count) {
  size_t longest = 0;
  for (size_t i = 0; i < c.num_inputs(); ++i) {
    if (c.has_input(i)) longest += longest_string(c.value(i));
  }
  return check_string_output(c.budget(), count, longest);
}

Status count_strings(Value& value, MemoryBudget* budget) {
  if (budget == nullptr || !holds_strings(value)) return {};
  if (value.is_tensor()) return count_tensor(value, budget);
  // Copied only when an element is new.
  const Sequence& old = value.sequence();
  Sequence counted;
  for (size_t i = 0; i < old.size(); ++i) {
    Value v = old[i];
    FERRY_RETURN_IF_ERROR(count_strings(v, budget));
    const bool same =
        !v.is_tensor() || (old[i].is_tensor() && v.tensor().owner() == old[i].tensor().owner());
    if (same && counted.empty()) continue;
    if (counted.empty()) counted.assign(old.begin(), old.begin() + static_cast<ptrdiff_t>(i));
    counted.push_back(std::move(v));
  }
  if (!counted.empty()) value = Value(std::move(counted));
  return {};
}

}  // namespace ferry
