// SPDX-License-Identifier: Apache-2.0
#include "ops/text/tokenizer.h"

#include <algorithm>
#include <string_view>

#include "ops/poll_every.h"
#include "ops/registry.h"
#include "ops/text/regex_full_match.h"

namespace ferry {
namespace {

using Words = std::vector<std::string_view>;

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u; }

Status infer(const Tokenizer& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, types::kString, 1, 2));
  if (op.mincharnum < 1)
    return invalid_model("mincharnum is {}, wanted is 1 or more", op.mincharnum);
  if (op.tokenexp.empty() == op.separators.empty()) {
    return invalid_model("wanted is either tokenexp or separators");
  }
  std::optional<Shape> words = x.shape;
  if (words) words->push_back(c.fresh_dim(0, words->size()));
  c.set_tensor(0, DType::kString, std::move(words));
  return {};
}

Words characters(std::string_view text) {
  Words words;
  for (size_t at = 0; at < text.size();) {
    size_t end = at + 1;
    while (end < text.size() && !begins_character(text[end])) ++end;
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

// The parts of `words` between what matches.
Result<Words> split(const Words& words, const std::string& separator) {
  Words parts;
  FERRY_ASSIGN_OR_RETURN(const std::vector<Words> found, find_all(separator, words));
  for (size_t i = 0; i < words.size(); ++i) {
    std::string_view rest = words[i];
    for (std::string_view match : found[i]) {
      if (match.empty()) continue;
      const auto begin = static_cast<size_t>(match.data() - rest.data());
      parts.push_back(rest.substr(0, begin));
      rest.remove_prefix(begin + match.size());
    }
    parts.push_back(rest);
  }
  return parts;
}

// The words of each text.
Result<std::vector<Words>> words_of(const Tokenizer& op, const Words& texts, PollEvery& polls) {
  if (!op.tokenexp.empty()) return find_all(op.tokenexp, texts);
  std::vector<Words> all;
  for (std::string_view text : texts) {
    FERRY_RETURN_IF_ERROR(polls.spend(256 + 64 * static_cast<int64_t>(text.size())));
    if (op.separators.size() == 1 && op.separators[0].empty()) {
      all.push_back(characters(text));
      continue;
    }
    Words words = {text};
    for (const std::string& s : op.separators) {
      FERRY_ASSIGN_OR_RETURN(words, split(words, s));
    }
    all.push_back(std::move(words));
  }
  return all;
}

Status eval(const Tokenizer& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  PollEvery polls(c);
  const auto strings = x.elements<std::string>();
  FERRY_ASSIGN_OR_RETURN(std::vector<Words> all,
                         words_of(op, Words(strings.begin(), strings.end()), polls));
  size_t most = 0;
  for (Words& words : all) {
    std::erase_if(words, [&](std::string_view w) {
      return w.empty() || std::count_if(w.begin(), w.end(), begins_character) < op.mincharnum;
    });
    if (op.mark != 0) {
      words.insert(words.begin(), "\x02");
      words.emplace_back("\x03");
    }
    most = std::max(most, words.size());
  }
  Dims dims = x.dims();
  dims.push_back(static_cast<int64_t>(most));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, DType::kString, dims));
  auto* to = y.data<std::string>();
  for (const Words& words : all) {
    FERRY_RETURN_IF_ERROR(polls.spend(32 * static_cast<int64_t>(most + 1)));
    for (size_t k = 0; k < most; ++k) *to++ = k < words.size() ? words[k] : op.pad_value;
  }
  return {};
}

}  // namespace

void register_tokenizer(OpRegistry& r) {
  r.op<Tokenizer>("com.microsoft.Tokenizer")
      .attr("mark", &Tokenizer::mark)
      .attr("pad_value", &Tokenizer::pad_value)
      .attr("tokenexp", &Tokenizer::tokenexp)
      .attr("separators", &Tokenizer::separators)
      .attr("mincharnum", &Tokenizer::mincharnum)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
