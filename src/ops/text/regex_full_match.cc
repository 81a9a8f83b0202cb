// SPDX-License-Identifier: Apache-2.0
#include "ops/text/regex_full_match.h"

#include <atomic>

#include "ops/in_ranges.h"
#include "ops/registry.h"

namespace ferry {
namespace {

std::atomic<RegexEngine> g_engine{nullptr};
std::atomic<RegexFinder> g_finder{nullptr};

Status without_engine() {
  return unsupported_op("this build has no regular expressions; use one with codecs");
}

Status infer(const RegexFullMatch&, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(Type x, c.tensor(0, types::kString));
  x.dtype = DType::kBool;
  c.set_type(0, std::move(x));
  return {};
}

Status eval(const RegexFullMatch& op, EvalContext& c) {
  const RegexEngine engine = g_engine.load(std::memory_order_acquire);
  if (engine == nullptr) return without_engine();
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, DType::kBool, x.dims()));
  const auto texts = x.elements<std::string>();
  return in_ranges(c, x.count(), 256, [&](int64_t from, int64_t to) {
    const auto part = texts.subspan(static_cast<size_t>(from), static_cast<size_t>(to - from));
    return engine(op.pattern, part, y.data<bool>() + from);
  });
}

}  // namespace

void set_regex_engine(RegexEngine engine, RegexFinder finder) {
  g_finder.store(finder, std::memory_order_release);
  g_engine.store(engine, std::memory_order_release);
}

Result<std::vector<std::vector<std::string_view>>> find_all(
    const std::string& pattern, std::span<const std::string_view> texts) {
  const RegexFinder finder = g_finder.load(std::memory_order_acquire);
  if (finder == nullptr) return without_engine();
  return finder(pattern, texts);
}

void register_regex_full_match(OpRegistry& r) {
  r.op<RegexFullMatch>("RegexFullMatch")
      .since(20)
      .attr("pattern", &RegexFullMatch::pattern)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
