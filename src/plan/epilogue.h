// SPDX-License-Identifier: Apache-2.0
// What matrix kernels do to a tile after the sum: y = clip(anchor + residual, lo, hi) before it
// leaves registers, then any elementwise chain on the tile VM while it is in the cache. Read from
// the body of a ferry.Group.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "kernels/eltwise/eltwise.h"
#include "ops/nn/conv.h"
#include "plan/step_kernel.h"

namespace ferry {

// An anchor with its epilogue, seen from the step: from a plain node or from a group.
struct FusedAnchor {
  const Node* anchor = nullptr;  // the node itself, or the anchor in the group's body
  std::vector<int> inputs;       // of the anchor, as input indices of the step; -1 absent
  int residual = -1;             // input index of the step
  bool exact = false;            // long sums are cut into chains
  float lo = -std::numeric_limits<float>::infinity();
  float hi = std::numeric_limits<float>::infinity();
  // The rest of the chain; value 0 is the tile, value i the step's input tail_inputs[i - 1].
  EltProgram tail;
  std::vector<int> tail_inputs;
  // A 1x1 convolution that takes the pixels from the cache, in place of a tail; only for kernels
  // that say so. Its inputs are those of the step.
  struct Pointwise {
    const Node* anchor = nullptr;
    std::vector<int> inputs;
    float lo = -std::numeric_limits<float>::infinity();
    float hi = std::numeric_limits<float>::infinity();
  };
  std::optional<Pointwise> then;

  bool has_tail() const { return !tail.code.empty(); }
  // For an anchor that becomes a stage of another step: its input i is to[i] there, or none where
  // that is -1. The node is no longer known.
  void renumber_inputs(const std::vector<int>& to);
  // The residual, which a product may start from in place; -1 when the anchor or the tail reads it
  // too.
  int in_place_input() const;
  // True for inputs that run() reads besides packed weights and bias.
  bool reads(int input) const;
};

// A matrix that a tail works on, of `cols` columns and rows that are `pitch` elements apart.
// `data` is row `first`.
struct TailMatrix {
  float* data = nullptr;
  int64_t cols = 0, pitch = 0, first = 0;
};

// Runs the tail over rows [r0, r1) and columns [c0, c1) of y.
// `scratch` holds eltwise_scratch_bytes(anchor.tail).
void run_tail(const EltKernels& kernels, const FusedAnchor& anchor, const StepContext& c,
              const TailMatrix& y, int64_t r0, int64_t r1, int64_t c0, int64_t c1,
              void* scratch) noexcept;

// The anchor of kind `op` in the request's node, or the reason why it is not one.
std::variant<FusedAnchor, std::string> find_anchor(const KernelRequest& request,
                                                   std::string_view op);

// Registers `make` for the operator itself and for groups around it.
void add_anchor_kernel(KernelRegistry& r, std::string_view op, const std::string& name,
                       Result<KernelOffer> (*make)(const KernelRequest&, const FusedAnchor&));

// True when `node` can be the next link of the chain that carries `carried`: elementwise, of the
// same shape, its other operand of that shape too, one value per column, or a single one.
bool extends_epilogue(const Graph& graph, const Node& node, ValueId carried);

// One tap, nothing skipped or padded: a matrix product over pixels, whatever the image's size; or,
// for has_one_tap, one in each group.
bool has_one_tap(const Conv& conv, const Dims& weights);
bool is_one_tap(const Conv& conv, const Dims& weights);

// A 1x1 convolution of channels-last pixels that FusedAnchor::then can be.
bool is_pointwise(const Graph& graph, const Node& node);

}  // namespace ferry
