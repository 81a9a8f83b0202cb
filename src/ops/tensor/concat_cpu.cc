// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <span>

#include "kernels/move/move.h"
#include "ops/arguments.h"
#include "ops/tensor/concat.h"
#include "ops/tensor/concatenate.h"
#include "ops_cpu/mover.h"

namespace ferry {
namespace {

// A part of y's rows: where it lies, how much of a row it is, and how far its own rows are apart.
struct Part {
  const char* from;
  int64_t bytes, pitch;
};

// A few rows after the others, each from all inputs: y is written as it lies. False for rows of
// parts so short that columns are better moved.
bool join_rows(Isa isa, StepContext& c, int64_t outer, bool in_rows, int64_t y_pitch,
               const Dims& dims, size_t axis, Tensor& y) {
  constexpr int64_t kShort = 12, kTogether = 4096;  // bytes
  constexpr size_t kMostParts = 64;
  const int64_t element = mover_element(y.dtype());
  std::array<Part, kMostParts> all;
  const size_t count = c.num_inputs();
  if (outer < 2 || count > kMostParts) return false;
  for (size_t i = 0; i < count; ++i) {
    const Tensor& x = c.input(i);
    const int64_t bytes = x.dims().count(axis, dims.size()) * element;
    if (bytes < kShort) return false;
    all[i] = {static_cast<const char*>(x.raw()), bytes,
              in_rows ? c.input_pitch(i) * element : bytes};
  }
  const std::span<const Part> parts(all.data(), count);
  char* const rows = static_cast<char*>(y.raw());
  const MoveKernels& kernels = FERRY_SELECT_ISA_TABLE(isa, kMoveKernels);
  const int64_t pitch = y_pitch * element, together = std::max<int64_t>(1, kTogether / pitch);
  parallel_range(c.team(), outer, static_cast<int64_t>(y.size_bytes()) >= kMinParallelBytes,
                 [&](int64_t r0, int64_t r1, int) {
                   for (int64_t r = r0; r < r1; r += together) {
                     const int64_t n = std::min(together, r1 - r);
                     char* to = rows + r * pitch;
                     for (const Part& p : parts) {
                       const char* from = p.from + r * p.pitch;
                       if (from != to) {
                         kernels.copy_runs({from, p.pitch, to, pitch, p.bytes, n});
                       }
                       to += p.bytes;
                     }
                   }
                 });
  return true;
}

Status join(const Concat& op, Isa isa, StepContext& c) {
  const auto part = [&](size_t i) -> const Tensor& { return c.input(i); };
  if (part(0).rank() == 0) return shape_mismatch("inputs are scalars");
  FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op.axis, part(0).rank()));
  FERRY_ASSIGN_OR_RETURN(const Dims dims, joined_dims(c.num_inputs(), axis, part));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, part(0).dtype(), dims));
  const int64_t outer = dims.count(0, axis), row = dims.count(axis, dims.size());
  // In rows, what is read and what is written may lie apart.
  const bool in_rows = axis + 1 == dims.size();
  const int64_t y_pitch = in_rows ? c.output_pitch(0) : row;
  const int element = mover_element(y.dtype());
  char* to = static_cast<char*>(y.raw());
  if (join_rows(isa, c, outer, in_rows, y_pitch, dims, axis, y)) return {};
  for (size_t i = 0; i < c.num_inputs(); ++i) {
    const Tensor& x = part(i);
    if (x.count() == 0) continue;
    const int64_t n = x.dims().count(axis, dims.size());
    Move m(element);
    m.add(outer, in_rows ? c.input_pitch(i) : n, y_pitch);
    m.add(n, 1, 1);
    if (x.raw() != to) run_mover(isa, c.team(), m, x.raw(), to);
    to += n * element;
  }
  return {};
}

class ConcatStep final : public MoverStep<Concat> {
 public:
  ConcatStep(const Concat& op, Isa isa, Join joins)
      : MoverStep<Concat>("concat", op, isa, join), joins_(joins) {}
  Join joins_inputs() const override { return joins_; }
  bool takes_pitch(size_t) const override { return joins_ == Join::kRows; }
  bool writes_pitch() const override { return joins_ == Join::kRows; }

 private:
  Join joins_;
};

Join join_of(const Concat& op, const Type& y) {
  if (!y.has_rank()) return Join::kNo;
  const auto axis = normalize_axis(op.axis, y.rank());
  if (!axis.ok()) return Join::kNo;
  const bool one_run =
      std::all_of(y.shape->begin(), y.shape->begin() + static_cast<ptrdiff_t>(*axis),
                  [](const Dim& d) { return d.is_constant(1); });
  if (one_run) return Join::kWhole;
  return *axis + 1 == y.rank() ? Join::kRows : Join::kNo;
}

Result<KernelOffer> make(const KernelRequest& request) {
  if (mover_element(request.type(0).dtype) == 0) {
    return KernelOffer(std::string("elements of no fixed size"));
  }
  const Concat& op = *request.node.op.as<Concat>();
  const Join joins = join_of(op, request.output_type(0));
  return KernelOffer(std::make_unique<ConcatStep>(op, request.isa, joins));
}

}  // namespace

void register_concat_cpu(KernelRegistry& r) { r.add("Concat", "concat", make); }

}  // namespace ferry
