// SPDX-License-Identifier: Apache-2.0
// Program: a flat list of steps over planned memory, for one machine. Nothing of ONNX is left.
//
// Threads: immutable after planning; any number of runs may share it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "plan/dim_table.h"
#include "plan/memory_plan.h"
#include "plan/step_kernel.h"

namespace ferry {

// Where a value lives at run time.
enum class Place : uint8_t {
  kUnused,
  kInput,     // the caller's memory
  kConstant,  // the program's
  kOutput,    // the caller's memory, or fresh
  kArena,     // the run's arena
  kAlias,     // in the memory of another value, under other dims
  kDynamic,   // allocated when its step runs: size depends on data, or no tensor
};

struct Slot {
  Place place = Place::kUnused;
  uint32_t buffer = kNone;        // kArena: index into the memory plan
  ValueId alias_of = kNone;       // kAlias: the value in whose memory it lies; no alias itself
  uint32_t offset = kNone;        // kAlias: elements before it there, in the dim table; kNone: 0
  uint32_t pitch = kNone;         // kAlias: elements from row to row, likewise; kNone: last axis
  uint32_t output_index = kNone;  // kOutput
  bool early = false;             // dims follow from the symbols of the inputs
  std::vector<DimTable::Index> dims;  // when early
};

class Program;

struct Step {
  NodeId node = kNone;
  std::unique_ptr<StepKernel> kernel;
  std::vector<std::unique_ptr<Program>> bodies;
  std::vector<ValueId> release;      // dynamic values that nobody needs after this step
  bool skip = false;                 // its outputs are there already: nothing to run
  std::vector<std::string> refused;  // "candidate: why not", in order
};

class Program {
 public:
  std::unique_ptr<Graph> graph;  // values are indexed by ValueId
  std::vector<Slot> slots;       // by ValueId
  std::vector<Step> steps;
  DimTable dims;
  MemoryPlan memory;
  size_t packed_bytes = 0;
  size_t strips = 0;        // chains that run in strips
  size_t source_bytes = 0;  // of the constants that they were packed from

  const Node& node(const Step& step) const { return graph->node(step.node); }
};

// Whether chains of layers run strip by strip; see plan/strips.h.
enum class StripUse : uint8_t { kNever, kWhereItPays, kAlways };

struct PlanOptions {
  Isa isa = Isa::kScalar;
  bool exact = false;
  bool prefer_memory = false;
  int threads = 1;
  bool reference_only = false;
  StripUse strips = StripUse::kWhereItPays;
  int64_t strip_height = 0;  // output rows of a strip; 0: as many as the cache holds
  bool is_group =
      false;  // the graph is the body of a ferry.Group: what it holds is grouped already
  const KernelRegistry* kernels = nullptr;
  MemoryBudget* budget = nullptr;
  PanelStore* panels = nullptr;  // of the program around this one; null: a store of its own
};

// Compiles `graph`, which it takes over. Errors: kOutOfMemory while packing weights.
Result<std::unique_ptr<Program>> make_program(std::unique_ptr<Graph> graph,
                                              const PlanOptions& options);

// The parts of make_program, for callers that come between them; `options.panels` is set.
//
// Gives values their layouts and forms the groups of nodes that run as one step.
Status prepare_graph(Graph& graph, const PlanOptions& options);
// Chooses kernels and plans memory, and lets go of the constants that no step reads. Panels are
// asked for and not packed yet: their sources are with the store.
Result<std::unique_ptr<Program>> plan_graph(std::unique_ptr<Graph> graph,
                                            const PlanOptions& options);
}  // namespace ferry
