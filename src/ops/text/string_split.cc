// SPDX-License-Identifier: Apache-2.0
#include "ops/text/string_split.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "ops/arguments.h"
#include "ops/poll_every.h"
#include "ops/registry.h"

namespace ferry {
namespace {

constexpr std::string_view kSpace = " \t\n\v\f\r";

Status infer(const StringSplit&, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, types::kString));
  std::optional<Shape> parts = x.shape;
  if (parts) {
    FERRY_RETURN_IF_ERROR(check_rank(parts->size() + 1));
    parts->push_back(c.fresh_dim(0, parts->size()));
  }
  c.set_tensor(0, DType::kString, std::move(parts));
  c.set_tensor(1, DType::kInt64, x.shape);
  return {};
}

using Parts = std::vector<std::string_view>;

Parts split_at(std::string_view s, std::string_view delimiter, uint64_t max) {
  Parts parts;
  for (;;) {
    const size_t at = parts.size() < max ? s.find(delimiter) : std::string_view::npos;
    parts.push_back(s.substr(0, at));
    if (at == std::string_view::npos) return parts;
    s.remove_prefix(at + delimiter.size());
  }
}

Parts split_space(std::string_view s, uint64_t max) {
  Parts parts;
  for (;;) {
    const size_t begin = s.find_first_not_of(kSpace);
    if (begin == std::string_view::npos) return parts;
    s.remove_prefix(begin);
    // What is left after the last split keeps the white space at its end.
    const size_t end = parts.size() < max ? s.find_first_of(kSpace) : std::string_view::npos;
    parts.push_back(s.substr(0, end));
    if (end == std::string_view::npos) return parts;
    s.remove_prefix(end);
  }
}

Status eval(const StringSplit& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_RETURN_IF_ERROR(check_rank(x.rank() + 1));
  const auto max = static_cast<uint64_t>(op.maxsplit.value_or(-1));  // negative: no limit
  std::vector<Parts> all;
  size_t most = 0;
  PollEvery polls(c);
  for (const std::string& s : x.elements<std::string>()) {
    FERRY_RETURN_IF_ERROR(polls.spend(64 + 4 * static_cast<int64_t>(s.size())));
    all.push_back(op.delimiter.empty() ? split_space(s, max) : split_at(s, op.delimiter, max));
    most = std::max(most, all.back().size());
  }
  Dims dims = x.dims();
  dims.push_back(static_cast<int64_t>(most));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, DType::kString, dims));
  FERRY_ASSIGN_OR_RETURN(Tensor z, c.output(1, DType::kInt64, x.dims()));
  for (size_t i = 0; i < all.size(); ++i) {
    FERRY_RETURN_IF_ERROR(polls.spend(32 * static_cast<int64_t>(most + 1)));
    for (size_t k = 0; k < most; ++k) {
      y.data<std::string>()[i * most + k] =
          k < all[i].size() ? std::string(all[i][k]) : std::string();
    }
    z.data<int64_t>()[i] = static_cast<int64_t>(all[i].size());
  }
  return {};
}

}  // namespace

void register_string_split(OpRegistry& r) {
  r.op<StringSplit>("StringSplit")
      .since(20)
      .outputs(1, 2)
      .attr("delimiter", &StringSplit::delimiter)
      .attr("maxsplit", &StringSplit::maxsplit)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
