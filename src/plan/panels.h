// SPDX-License-Identifier: Apache-2.0
// Panel: weights as a kernel reads them, made once from a constant of the model.
// PanelStore: all panels of a program. Kernels ask for them while they are chosen; after that they
// are packed, on several threads, and each source is let go when its last panel is there. Or they
// lie in a file already (the program cache) and nothing is packed. Steps that want the same of the
// same constant, as layers that share their weights do, get one panel.
//
// Threads: a store is filled by one thread; panels are immutable once the program is made.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "ferry/tensor.h"
#include "plan/step_kernel.h"

namespace ferry {

class Panel {
 public:
  const float* floats() const { return static_cast<const float*>(memory_.get()); }
  const void* data() const { return memory_.get(); }
  size_t bytes() const { return bytes_; }
  // What it is, for humans and for comparison: "matrix 768x3072".
  const std::string& label() const { return label_; }

 private:
  friend class PanelStore;
  std::shared_ptr<void> memory_;  // 64-byte aligned
  size_t bytes_ = 0;
  std::string label_;
};

using PanelPtr = std::shared_ptr<const Panel>;

// Packs `source` to `panel`, which has the bytes that were asked for, uninitialised.
using PackFunction = std::function<void(const Tensor& source, void* panel)>;

class PanelStore {
 public:
  // A panel that lies packed in memory that `owner` keeps.
  struct Packed {
    std::string label;
    std::span<const std::byte> bytes;
  };

  PanelStore() = default;
  PanelStore(std::vector<Packed> packed, std::shared_ptr<void> owner)
      : packed_(std::move(packed)), owner_(std::move(owner)), replays_(true) {}

  // Whether `label` says all that decides a panel's contents besides the source.
  enum class Contents : uint8_t { kOfLabel, kOwn };

  // The panel of `bytes` that `pack` makes of the constant input `input` of the request's node.
  // Errors: kInvalidModel when the packed panels are not those that the kernels ask for.
  Result<PanelPtr> add(const KernelRequest& request, size_t input, std::string label, size_t bytes,
                       PackFunction pack, Contents contents = Contents::kOfLabel);

  // All uses of input `input` of the request's node were packed inside it, in a graph of its own.
  void note_packed(const KernelRequest& request, size_t input) {
    inputs_.insert({&request.graph, request.id, input});
  }

  // Packs what was asked for. Errors: kOutOfMemory.
  Status pack(int threads, MemoryBudget* budget);
  // Panels that lie packed and that nobody asked for: not the program that they were packed for.
  Status check_used() const;

  // The panels were packed before: add() hands them out in order.
  bool replays() const { return replays_; }
  // As they were asked for: shared ones as often.
  const std::vector<PanelPtr>& panels() const { return panels_; }
  // Bytes that panels would have taken, had they not been shared.
  uint64_t shared_bytes() const { return shared_bytes_; }
  // Where they lie, once they are packed here.
  std::span<std::byte> memory() const { return memory_; }
  // Bytes of the constants that they were packed from.
  uint64_t source_bytes() const { return source_bytes_; }
  // Input `input` of the node was packed; nodes of this graph only, not of bodies.
  bool was_packed(const Graph& graph, NodeId node, size_t input) const {
    return inputs_.count({&graph, node, input}) > 0;
  }

 private:
  struct Job {
    std::shared_ptr<Panel> panel;
    Tensor source;
    PackFunction pack;
    size_t offset = 0;  // in the memory of all
  };
  // Memory for all of them, and their places in it.
  static Result<std::shared_ptr<void>> place(std::vector<Job>& jobs);
  Status run(Job& job, const std::shared_ptr<void>& memory, MemoryBudget* budget) const;
  PanelPtr shared(const Tensor& source, const std::string& label, size_t bytes) const;

  std::vector<Packed> packed_;
  std::span<std::byte> memory_;
  std::shared_ptr<void> owner_;
  bool replays_ = false;
  std::vector<PanelPtr> panels_;
  std::set<const void*> places_;  // of packed panels handed out
  std::vector<Job> jobs_;
  std::set<std::tuple<const Graph*, NodeId, size_t>> inputs_;
  std::set<std::pair<const Graph*, ValueId>> sources_;
  std::multimap<const void*, size_t> jobs_of_;  // indices into jobs_, by the memory of their source
  uint64_t shared_bytes_ = 0, source_bytes_ = 0;
};

}  // namespace ferry
