// SPDX-License-Identifier: Apache-2.0
// StepKernel: how one step of a program computes. KernelRegistry: the candidates per operator.
//
// Candidates are tried in the order of registration, fastest first; the reference kernel is the
// last resort and never refuses. A candidate that refuses says why, so a choice can be explained.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/cpu.h"
#include "base/thread_pool.h"
#include "ir/eval.h"
#include "ir/graph.h"

namespace ferry {

// Per-run state that a kernel derives from shapes (geometry, pointer tables); dropped when the
// shapes change.
struct StepState {
  virtual ~StepState() = default;
};

// What a step sees at run time. Outputs of planned shape already have their memory.
class StepContext : public EvalContext {
 public:
  virtual Team& team() = 0;
  // The planned output: dims evaluated from the bound symbols. Requires has_output(i), and a
  // candidate that was offered KernelRequest::outputs_planned.
  virtual Result<Tensor> planned_output(size_t i) = 0;
  // Elements from one row (last axis, rank >= 1) of a tensor to the next: the size of that axis, or
  // more for kernels that take it (StepKernel::takes_pitch, writes_pitch).
  virtual int64_t input_pitch(size_t i) const = 0;
  virtual int64_t output_pitch(size_t i) const = 0;
  // Scratch of at least `bytes`, 64-byte aligned, for each of the first `threads` of the team; kept
  // between steps and runs, contents undefined. Call it before team().parallel, not inside.
  virtual Status reserve_scratch(int threads, int64_t bytes) = 0;
  // What was reserved for `thread`; valid until the next reservation.
  template <class T>
  T* scratch(int thread) const {
    return static_cast<T*>(scratch_of(thread));
  }
  virtual std::unique_ptr<StepState>& state() = 0;

 protected:
  virtual void* scratch_of(int thread) const = 0;
};

// Where in input 0 an output lies as it is, under other dims.
struct Piece {
  Dim offset = 0;        // elements before its first one
  bool in_rows = false;  // each of its rows (last axis) is a part of a row there; else one run
};

// What output 0 is to the inputs, all of them.
enum class Join : uint8_t {
  kNo,
  kWhole,  // one after the other
  kRows,   // each row (last axis) is the inputs' rows one after the other
};

class StepKernel {
 public:
  virtual ~StepKernel() = default;
  // "gemm_f32_avx512", "reference": shown in profiles.
  virtual std::string name() const = 0;
  virtual Status run(StepContext& c) const = 0;
  // The input whose memory output 0 may take over when nobody else needs it, or -1.
  virtual int in_place_input() const { return -1; }
  // False for a constant input that the kernel has packed: its source may be dropped.
  virtual bool reads_input(size_t) const { return true; }
  // Where in input 0 output `i` lies: the planner lets them share memory, and run() leaves outputs
  // alone that are in place. Where all are, it runs once for given sizes, to refuse those that do
  // not fit. nullopt: nowhere.
  virtual std::optional<Piece> piece(size_t) const { return std::nullopt; }
  // The planner may let inputs be computed right where they belong in output 0, and run() leaves
  // inputs alone that are in place. Where all are, it runs once for given sizes, as above.
  virtual Join joins_inputs() const { return Join::kNo; }
  // run() reads input `i`, writes output 0, with rows that lie apart: as far as
  // StepContext::input_pitch and output_pitch say.
  virtual bool takes_pitch(size_t) const { return false; }
  virtual bool writes_pitch() const { return false; }
  virtual size_t packed_bytes() const { return 0; }
  // True when it runs the node's bodies (StepContext::run_body).
  virtual bool wants_bodies() const { return true; }
  // The tactic in words, e.g. "winograd F(4,3), 24 tiles"; may be empty.
  virtual std::string tactic() const { return {}; }
};

class PanelStore;

struct KernelRequest {
  const Graph& graph;
  const Node& node;
  NodeId id = kNone;  // of the node
  Isa isa = Isa::kScalar;
  bool exact = false;
  bool prefer_memory = false;  // no transformed weights that are larger than the plain ones
  int threads = 1;
  // All outputs are tensors whose dims are known when the step begins: they follow from the symbols
  // of the inputs and from those that earlier steps have given a value.
  bool outputs_planned = false;
  MemoryBudget* budget = nullptr;
  PanelStore* panels = nullptr;  // who packs weights: plan/panels.h

  const Type& type(size_t i) const;  // of input i; kUnknown when absent
  const Type& output_type(size_t i) const;
  const Tensor* constant(size_t i) const;  // nullptr when absent, overridable or not constant
  bool has_input(size_t i) const;
};

// A kernel, or the reason why not.
using KernelOffer = std::variant<std::unique_ptr<StepKernel>, std::string>;

struct KernelCandidate {
  std::string name;
  std::function<Result<KernelOffer>(const KernelRequest&)> make;
};

class KernelRegistry {
 public:
  void add(std::string_view op, std::string name,
           std::function<Result<KernelOffer>(const KernelRequest&)> make);
  const std::vector<KernelCandidate>& candidates(std::string_view op) const;

 private:
  std::map<std::string, std::vector<KernelCandidate>, std::less<>> table_;
};

// The kernel that runs the operator's reference implementation.
std::unique_ptr<StepKernel> make_reference_kernel(const Node& node);

}  // namespace ferry
