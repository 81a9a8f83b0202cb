// SPDX-License-Identifier: Apache-2.0
#include "base/nearest.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include "base/status.h"

namespace ferry {
namespace {

// Longer names are compared by their first letters.
constexpr size_t kMaxLetters = 256;

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

// Letters to insert, remove or replace (Levenshtein).
size_t distance(std::string_view a, std::string_view b) {
  a = a.substr(0, kMaxLetters);
  b = b.substr(0, kMaxLetters);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (size_t i = 0; i < a.size(); ++i) {
    size_t before = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = before + (lower(a[i]) == lower(b[j]) ? 0 : 1);
      before = row[j + 1];
      row[j + 1] = std::min({replaced, before + 1, row[j] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string did_you_mean(std::string_view name, std::span<const std::string> names) {
  const std::string* nearest = nullptr;
  size_t least = (std::min(name.size(), kMaxLetters) + 1) / 3;
  for (const std::string& candidate : names) {
    const size_t d = distance(name, candidate);
    if (d > least || (nearest != nullptr && d == least)) continue;
    nearest = &candidate;
    least = d;
  }
  return nearest == nullptr ? std::string() : fmt::format("; did you mean '{}'?", *nearest);
}

}  // namespace ferry
