// SPDX-License-Identifier: Apache-2.0
// Numbers and tables for people.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace ferry::cli {

// Prints a line. Names out of a model may hold anything: it is made printable.
void print_line(std::string text);
template <class... Args>
void say(fmt::format_string<Args...> format, Args&&... args) {
  print_line(fmt::format(format, std::forward<Args>(args)...));
}

std::string bytes_text(double bytes);                       // "97.8 MB"
std::string count_text(double count);                       // "4.1 G"
std::string time_text(double seconds);                      // "3.21 ms"
std::string plural(size_t count, const std::string& noun);  // "1 node", "2 nodes"

// Columns as wide as their widest cell; the first row is the head.
class Table {
 public:
  // `align`: one of 'l' and 'r' per column.
  explicit Table(std::string align) : align_(std::move(align)) {}
  void add(std::vector<std::string> row);
  bool empty() const { return rows_.size() < 2; }
  void print() const;

 private:
  std::string align_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace ferry::cli
