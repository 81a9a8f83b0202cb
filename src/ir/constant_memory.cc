// SPDX-License-Identifier: Apache-2.0
#include "ir/constant_memory.h"

#include <map>

#include "base/allocator.h"
#include "base/mapped_file.h"
#include "base/status.h"
#include "tensor/size.h"

namespace ferry {
namespace {

// What several values or bodies share is copied once.
using Copies = std::map<const void*, Tensor>;

Status align(Graph& graph, MemoryBudget* budget, Copies& copies) {
  for (ValueId v = 0; v < graph.num_values(); ++v) {
    std::optional<Tensor>& t = graph.value(v).constant;
    if (!t || t->dtype() == DType::kString) continue;
    if (reinterpret_cast<uintptr_t>(t->raw()) % alignment_of(t->dtype()) == 0) continue;
    Tensor& copy = copies[t->raw()];
    if (copy.dtype() != t->dtype() || copy.count() != t->count()) {
      FERRY_ASSIGN_OR_RETURN(copy, t->clone(budget));
      release_pages(t->raw(), t->size_bytes());
    }
    t = copy.reshaped(t->dims());
  }
  for (NodeId id : graph.order()) {
    for (auto& body : graph.node(id).bodies) {
      FERRY_RETURN_IF_ERROR(align(*body, budget, copies));
    }
  }
  return {};
}

}  // namespace

Status align_constants(Graph& graph, MemoryBudget* budget) {
  Copies copies;
  return align(graph, budget, copies);
}

void drop_constant_pages(const Graph& graph) noexcept {
  for (ValueId v = 0; v < graph.num_values(); ++v) {
    const std::optional<Tensor>& t = graph.value(v).constant;
    if (t && t->dtype() != DType::kString) release_pages(t->raw(), t->size_bytes());
  }
  for (NodeId id = graph.first(); id != kNone; id = graph.next(id)) {
    for (const auto& body : graph.node(id).bodies) drop_constant_pages(*body);
  }
}

}  // namespace ferry
