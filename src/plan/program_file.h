// SPDX-License-Identifier: Apache-2.0
// A planned program as a file: the graph as it was when kernels were chosen, and their panels.
//
//   head      magic, version, sizes, digest of the table
//   table     key, graph with small constants, places of all sections
//   sections  large constants that steps read, then panels; each at a multiple of 64 bytes
//
// Constants that were only packed are not there. The same program gives the same bytes. Nothing in
// the file is a pointer; every size is checked against the file before it is used.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "plan/panels.h"
#include "plan/program.h"

namespace ferry {

// What is to be written: the head and the table, then sections of memory that others own.
class ProgramImage {
 public:
  struct Section {
    Tensor constant;  // or
    PanelPtr panel;

    std::span<const std::byte> bytes() const;
  };

  // Of a program from plan_graph(), before its panels are packed. `graph`: as it was given to that.
  // `key`: what the program depends on, of any length.
  static ProgramImage describe(const Graph& graph, const Program& program, const PanelStore& panels,
                               std::string key);

  // Once the panels are packed: calls append(bytes) for all parts of the file in order.
  Status write(const std::function<Status(std::span<const std::byte>)>& append) const;
  uint64_t size_bytes() const;

 private:
  std::string key_;
  std::vector<std::byte> graph_;
  std::vector<Section> sections_;
  size_t constants_ = 0;  // sections that are constants
};

struct LoadedProgram {
  std::unique_ptr<Graph> graph;  // for plan_graph()
  PanelStore panels;             // for its options
};

// The program in `bytes`, which `owner` keeps and which are 64-byte aligned. `check_sections`:
// reads all of them. Errors: kInvalidModel when they are damaged, of another version, or have
// another key.
Result<LoadedProgram> read_program(std::span<const std::byte> bytes, std::shared_ptr<void> owner,
                                   const std::string& key, bool check_sections,
                                   MemoryBudget* budget);

}  // namespace ferry
