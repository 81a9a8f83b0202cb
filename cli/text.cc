// SPDX-License-Identifier: Apache-2.0
#include "text.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "ferry/printable.h"

namespace ferry::cli {
namespace {

std::string scaled(double value, const char* unit) {
  constexpr const char* kPrefixes[] = {"", "k", "M", "G", "T", "P"};
  size_t i = 0;
  while (std::abs(value) >= 999.5 && i + 1 < std::size(kPrefixes)) {
    value /= 1000;
    ++i;
  }
  const char* gap = i == 0 && *unit == '\0' ? "" : " ";
  if (i == 0) return fmt::format("{:.0f}{}{}", value, gap, unit);
  return fmt::format("{:.3g}{}{}{}", value, gap, kPrefixes[i], unit);
}

// Characters as a terminal shows them, near enough: bytes that start a UTF-8 sequence.
size_t width_of(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

void print_line(std::string text) { fmt::print("{}\n", printable(std::move(text))); }

std::string bytes_text(double bytes) { return scaled(bytes, "B"); }
std::string count_text(double count) { return scaled(count, ""); }

std::string time_text(double seconds) {
  if (seconds < 1e-3) return fmt::format("{:.1f} us", seconds * 1e6);
  if (seconds < 1) return fmt::format("{:.2f} ms", seconds * 1e3);
  return fmt::format("{:.2f} s", seconds);
}

std::string plural(size_t count, const std::string& noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

void Table::add(std::vector<std::string> row) {
  for (std::string& cell : row) cell = printable(std::move(cell));
  rows_.push_back(std::move(row));
}

void Table::print() const {
  std::vector<size_t> widths(align_.size());
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  for (const auto& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string pad(widths[i] - width_of(row[i]), ' ');
      line += "  " + (align_[i] == 'r' ? pad + row[i] : row[i] + pad);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    print_line(line);
  }
}

}  // namespace ferry::cli
