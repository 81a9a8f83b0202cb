// SPDX-License-Identifier: Apache-2.0
#include "ops/text/string_normalizer.h"

#include <algorithm>
#include <set>

#include "ops/poll_every.h"
#include "ops/registry.h"
#include "ops/text/letter_case.h"

namespace ferry {
namespace {

Status infer(const StringNormalizer& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, types::kString, 1, 2));
  if (op.case_change_action != "NONE" && op.case_change_action != "LOWER" &&
      op.case_change_action != "UPPER") {
    return invalid_model("case_change_action is '{}', wanted is NONE, LOWER or UPPER",
                         op.case_change_action);
  }
  std::optional<Shape> shape = x.shape;
  if (shape) {
    if (shape->size() == 2 && Dim::known_different((*shape)[0], 1)) {
      return shape_mismatch("x is {}, wanted is [n] or [1,n]", x.to_string());
    }
    if (!op.stopwords.empty() || !Dim::known_different(shape->back(), 0)) {
      shape->back() = c.fresh_dim(0, shape->size() - 1);
    }
  }
  c.set_tensor(0, DType::kString, std::move(shape));
  return {};
}

Status eval(const StringNormalizer& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  if (x.rank() < 1 || x.rank() > 2 || (x.rank() == 2 && x.dim(0) != 1)) {
    return shape_mismatch("x is {}, wanted is [n] or [1,n]", x.describe());
  }
  const auto folded = [&](const std::string& s) {
    return op.is_case_sensitive ? s : change_case(s, LetterCase::kLower);
  };
  std::set<std::string> stop;
  for (const std::string& s : op.stopwords) stop.insert(folded(s));
  std::vector<std::string> kept;
  PollEvery polls(c);
  for (const std::string& s : x.elements<std::string>()) {
    FERRY_RETURN_IF_ERROR(polls.spend(64 + 16 * static_cast<int64_t>(s.size())));
    if (stop.count(folded(s)) != 0) continue;
    if (op.case_change_action == "NONE")
      kept.push_back(s);
    else
      kept.push_back(change_case(
          s, op.case_change_action == "LOWER" ? LetterCase::kLower : LetterCase::kUpper));
  }
  if (kept.empty()) kept.emplace_back();
  Dims dims = x.dims();
  dims.back() = static_cast<int64_t>(kept.size());
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, DType::kString, dims));
  std::move(kept.begin(), kept.end(), y.data<std::string>());
  return {};
}

}  // namespace

void register_string_normalizer(OpRegistry& r) {
  r.op<StringNormalizer>("StringNormalizer")
      .since(10)
      .attr("case_change_action", &StringNormalizer::case_change_action)
      .attr("is_case_sensitive", &StringNormalizer::is_case_sensitive)
      .attr("locale", &StringNormalizer::locale)
      .attr("stopwords", &StringNormalizer::stopwords)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
