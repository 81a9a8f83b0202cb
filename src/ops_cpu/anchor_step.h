// SPDX-License-Identifier: Apache-2.0
// What steps with an epilogue share: packed weights, bias, residual, clip, tail, scratch.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/allocator.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "kernels/conv/conv.h"
#include "kernels/eltwise/eltwise.h"
#include "ops/nn/convolve.h"
#include "ops_cpu/parallel.h"
#include "plan/epilogue.h"
#include "plan/panels.h"

namespace ferry {

// Bytes of output that stay in the second-level cache between the sum and the tail.
inline constexpr int64_t kTailStripBytes = 128 << 10;

class AnchorStep : public StepKernel {
 public:
  bool wants_bodies() const final { return false; }
  bool reads_input(size_t i) const final {
    return anchor_.reads(static_cast<int>(i)) || reads_weights(i);
  }
  size_t packed_bytes() const final { return packed_bytes_; }
  int in_place_input() const final { return in_place_ ? anchor_.in_place_input() : -1; }
  bool takes_pitch(size_t i) const final {
    return by_pixel_ && reads_input(i) && !reads_weights(i);
  }
  bool writes_pitch() const final { return by_pixel_; }

  // For weights or a bias that each run computes; instead of pack_weights().
  void compute_weights() { computed_ = true; }

 protected:
  // `bias` may be empty.
  // `by_pixel`: inputs and output are rows of channels, which may lie apart.
  AnchorStep(Isa isa, std::vector<float> bias, FusedAnchor anchor, bool by_pixel)
      : elt_kernels_(elt_kernels(isa)),
        bias_(std::move(bias)),
        anchor_(std::move(anchor)),
        by_pixel_(by_pixel) {
    // A sum that begins with -0 would show which zeros are left out of it.
    for (float& b : bias_) b += 0.0f;
  }

  // `pack(w, packed)` packs input 1 of the anchor, once the program is planned. It must not refer
  // to the step. `label` and `contents` as PanelStore::add takes them.
  template <class F>
  Status pack_weights(const KernelRequest& request, const std::string& label, int64_t floats,
                      F pack, PanelStore::Contents contents = PanelStore::Contents::kOfLabel) {
    packed_bytes_ = static_cast<size_t>(floats) * sizeof(float);
    FERRY_ASSIGN_OR_RETURN(
        weights_, request.panels->add(
                      request, static_cast<size_t>(anchor_.inputs[1]), label, packed_bytes_,
                      [pack = std::move(pack)](const Tensor& w, void* packed) {
                        pack(w, static_cast<float*>(packed));
                      },
                      contents));
    return {};
  }
  bool computed() const { return computed_; }
  // Of a run whose weights are computed: `floats` of memory that stays until the next run, for the
  // step to pack input 1 of the anchor into.
  Result<float*> room_for_weights(StepContext& c, int64_t floats) const {
    auto* state = static_cast<PackedWeights*>(c.state().get());
    if (state == nullptr || state->floats.count() != floats) {
      auto fresh = std::make_unique<PackedWeights>();
      c.state() = nullptr;
      FERRY_ASSIGN_OR_RETURN(fresh->floats,
                             Tensor::allocate(DType::kFloat32, {floats}, c.budget()));
      state = fresh.get();
      c.state() = std::move(fresh);
    }
    return state->floats.data<float>();
  }
  // A bias that the run is given, for `channels`; constant ones were checked at load.
  Status check_given_bias(StepContext& c, int64_t channels) const {
    if (!computed_ || anchor_.inputs.size() < 3 || anchor_.inputs[2] < 0) return {};
    return check_bias(c, static_cast<size_t>(anchor_.inputs[2]), channels);
  }
  const Tensor& computed_weights(const StepContext& c) const {
    return c.input(static_cast<size_t>(anchor_.inputs[1]));
  }

  // For a step that must not start from the residual in place.
  void keep_residual() { in_place_ = false; }
  const float* weights() const { return weights_->floats(); }

  const Tensor& first_input(const StepContext& c) const {
    return c.input(static_cast<size_t>(anchor_.inputs[0]));
  }
  // Null where there is none.
  const float* residual(const StepContext& c) const {
    return anchor_.residual < 0 ? nullptr
                                : c.input(static_cast<size_t>(anchor_.residual)).data<float>();
  }

  // For a step that finishes its output in gemm_tile().
  void set_reduction(const GemmKernels& kernels, int64_t k_total) {
    in_place_ = gemm_visits_once(kernels, gemm_blocking(), chain(), k_total);
  }

  // Bias, residual and clip of a kernel's arguments.
  template <class Args>
  void set_epilogue(const StepContext& c, Args& args) const {
    args.bias = bias_.empty() ? nullptr : bias_.data();
    if (computed_ && anchor_.inputs.size() > 2 && anchor_.inputs[2] >= 0) {
      args.bias = c.input(static_cast<size_t>(anchor_.inputs[2])).data<float>();
    }
    args.residual = residual(c);
    args.lo = anchor_.lo;
    args.hi = anchor_.hi;
    args.chain = chain();
  }

  int64_t residual_pitch(const StepContext& c) const {
    return anchor_.residual < 0 ? 0 : c.input_pitch(static_cast<size_t>(anchor_.residual));
  }

  // Of a convolution from x to y in rows of channels. Computed weights are set by the step.
  ConvArgs conv_args(const StepContext& c, const Tensor& x, Tensor& y) const {
    ConvArgs args;
    args.x = x.data<float>();
    args.x_pitch = c.input_pitch(static_cast<size_t>(anchor_.inputs[0]));
    args.y = y.data<float>();
    args.y_pitch = c.output_pitch(0);
    args.residual_pitch = residual_pitch(c);
    if (!computed_) args.weights = weights();
    set_epilogue(c, args);
    return args;
  }

  // For each thread `own_bytes` for the kernel, and behind them what the tail needs.
  Status reserve(StepContext& c, int64_t own_bytes) const {
    return c.reserve_scratch(c.team().size(), scratch_with_tail(own_bytes));
  }

  // Of a layer with more weights than input: threads that share out the rows would all read all the
  // weights, so they share out the output channels.
  bool splits_channels(const Team& team, const Tensor& x, int64_t channels, int64_t unit) const {
    return team.size() > 1 && packed_bytes_ > x.size_bytes() && channels >= 2 * unit * team.size();
  }
  // Calls f(args, thread) for ranges of output channels, cut at multiples of `unit`, that cover
  // all.
  template <class F>
  static void parallel_channels(Team& team, const ConvArgs& args, int64_t channels, int64_t unit,
                                F&& f) {
    const int64_t units = (channels + unit - 1) / unit, parts = team.size();
    team.parallel(static_cast<int>(parts), [&](int part, int thread) {
      ConvArgs own = args;
      own.out_begin = std::min(channels, units * part / parts * unit);
      own.out_end = std::min(channels, units * (part + 1) / parts * unit);
      f(static_cast<const ConvArgs&>(own), thread);
    });
  }

  // The same for a stage of strips: bytes of its own, and what the tail needs.
  int64_t scratch_with_tail(int64_t own_bytes) const {
    return tail_at(own_bytes) + eltwise_scratch_bytes(anchor_.tail);
  }
  // The tail on all rows of `tile`, which has `count`.
  void finish_tile(const StepContext& c, const TailMatrix& tile, int64_t count, void* scratch,
                   int64_t own_bytes) const noexcept {
    if (!anchor_.has_tail()) return;
    run_tail(elt_kernels_, anchor_, c, tile, tile.first, tile.first + count, 0, tile.cols,
             static_cast<char*>(scratch) + tail_at(own_bytes));
  }

  // The tail, if any, on rows [r0, r1) of y; `own_bytes` as reserved.
  void finish(const StepContext& c, const TailMatrix& y, int64_t r0, int64_t r1, int thread,
              int64_t own_bytes) const noexcept {
    finish(c, y, r0, r1, 0, y.cols, thread, own_bytes);
  }
  // On columns [c0, c1) alone.
  void finish(const StepContext& c, const TailMatrix& y, int64_t r0, int64_t r1, int64_t c0,
              int64_t c1, int thread, int64_t own_bytes) const noexcept {
    if (!anchor_.has_tail()) return;
    run_tail(elt_kernels_, anchor_, c, y, r0, r1, c0, c1,
             c.scratch<char>(thread) + tail_at(own_bytes));
  }

  int64_t chain() const { return anchor_.exact ? kExactChain : 0; }

  const EltKernels& elt_kernels_;
  std::vector<float> bias_;
  FusedAnchor anchor_;
  size_t packed_bytes_ = 0;

 private:
  struct PackedWeights final : StepState {
    Tensor floats;
  };

  bool reads_weights(size_t i) const {
    const auto input = static_cast<int>(i);
    return computed_ && std::find(anchor_.inputs.begin() + 1, anchor_.inputs.end(), input) !=
                            anchor_.inputs.end();
  }

  bool by_pixel_;
  bool in_place_ = true;
  bool computed_ = false;

  static int64_t tail_at(int64_t own_bytes) { return (own_bytes + 63) / 64 * 64; }

  PanelPtr weights_;
};

// The bias, input 2 of the anchor, as numbers: empty where it has none, nullopt where it is not
// constant.
inline std::optional<std::vector<float>> constant_bias(const KernelRequest& request,
                                                       const std::vector<int>& inputs) {
  if (inputs.size() < 3 || inputs[2] < 0) return std::vector<float>();
  const Tensor* b = request.constant(static_cast<size_t>(inputs[2]));
  if (b == nullptr) return std::nullopt;
  return std::vector<float>(b->data<float>(), b->data<float>() + b->count());
}

}  // namespace ferry
