// SPDX-License-Identifier: Apache-2.0
// Steps that move elements of any fixed size without looking at them: Transpose, Slice, Concat, ...
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "kernels/move/move.h"
#include "ops/walk.h"
#include "ops_cpu/parallel.h"
#include "plan/step_kernel.h"

namespace ferry {

// Bytes of an element that movers take: 1, 2, 4 or 8; 0 for others.
inline int mover_element(DType type) {
  if (type == DType::kUndefined || type == DType::kString) return 0;
  const int bits = dtype_bits(type);
  return bits == 8 || bits == 16 || bits == 32 || bits == 64 ? bits / 8 : 0;
}

// Calls f(T{}) for the unsigned integer of the size of the type's elements, which a mover takes.
template <class F>
void with_mover_type(DType type, F&& f) {
  switch (mover_element(type)) {
    case 1:
      return f(uint8_t{});
    case 2:
      return f(uint16_t{});
    case 4:
      return f(uint32_t{});
    default:
      return f(uint64_t{});
  }
}

// Runs a move whose axes are all added.
inline void run_mover(Isa isa, Team& team, Move& m, const void* x, void* y) {
  m.plan();
  parallel_range(team, m.units(), m.bytes() >= kMinParallelBytes,
                 [&](int64_t from, int64_t to, int) { run_move(isa, m, x, y, from, to); });
}

// Writes dense `y` from the view of `x`.
inline void run_view(Isa isa, Team& team, const Tensor& x, const StridedView& view, Tensor& y) {
  const int element = mover_element(x.dtype());
  Move m(element);
  const Dims to = dense_strides(view.dims);
  for (size_t a = 0; a < view.dims.size(); ++a) m.add(view.dims[a], view.strides[a], to[a]);
  run_mover(isa, team, m, static_cast<const char*>(x.raw()) + view.begin * element, y.raw());
}

// A step that calls run(op, isa, context).
template <class T>
class MoverStep : public StepKernel {
 public:
  using Run = Status (*)(const T& op, Isa isa, StepContext& c);
  MoverStep(std::string name, const T& op, Isa isa, Run function)
      : name_(std::move(name)), op_(op), isa_(isa), run_(function) {}
  std::string name() const override { return name_; }
  Status run(StepContext& c) const override { return run_(op_, isa_, c); }

 private:
  std::string name_;
  T op_;
  Isa isa_;
  Run run_;
};

// The same for outputs of which some lie in input 0 as they are.
template <class T>
class PieceStep : public MoverStep<T> {
 public:
  PieceStep(std::string name, const T& op, Isa isa, typename MoverStep<T>::Run function,
            std::vector<std::optional<Piece>> pieces)
      : MoverStep<T>(std::move(name), op, isa, function), pieces_(std::move(pieces)) {}
  std::optional<Piece> piece(size_t i) const override { return pieces_[i]; }

 private:
  std::vector<std::optional<Piece>> pieces_;
};

// Registers `run` for tensors whose elements have a fixed size of up to 8 bytes.
template <class T>
void add_mover(KernelRegistry& r, const std::string& op, const std::string& name,
               typename MoverStep<T>::Run run) {
  r.add(op, name, [name, run](const KernelRequest& request) -> Result<KernelOffer> {
    if (!request.type(0).is_tensor() || mover_element(request.type(0).dtype) == 0) {
      return KernelOffer(std::string("elements of no fixed size"));
    }
    return KernelOffer(
        std::make_unique<MoverStep<T>>(name, *request.node.op.as<T>(), request.isa, run));
  });
}

}  // namespace ferry
