// SPDX-License-Identifier: Apache-2.0
// Constants that view a model file: they may lie anywhere in it, and reading them makes its pages
// resident.
#pragma once

#include "ir/graph.h"

namespace ferry {

// Copies the constants that do not lie at their type's alignment, those of bodies too, and lets the
// file's pages go. Errors: kOutOfMemory.
Status align_constants(Graph& graph, MemoryBudget* budget);

// Lets the pages of files go in which constants lie. What is read again comes back by itself.
void drop_constant_pages(const Graph& graph) noexcept;

}  // namespace ferry
