// SPDX-License-Identifier: Apache-2.0
// RunContext: the memory of one run of a program: bound symbols, arena, current values. Kept and
// reused from run to run; used by one thread at a time.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plan/program.h"
#include "runtime/buffer_pool.h"
#include "runtime/growing_buffer.h"

namespace ferry {

// What the caller of a run decides; shared by the program and the programs of its bodies.
struct RunControl {
  MemoryBudget* budget = nullptr;
  Team* team = nullptr;
  const StopToken* stop = nullptr;
  uint64_t seed = 0;
  // Called after each step when set (profiling).
  std::function<void(const Program&, const Step&, double seconds)> observe;

  Status poll() const;
  // Has the machine provide the pages of memory that is about to be written, piece by piece, when
  // the run can be stopped: the first writes to pages far apart would take long at a stroke.
  Status provide(void* memory, size_t bytes) const;
  // At least `bytes` of memory that is provided.
  Status reserve(GrowingBuffer& buffer, size_t bytes) const;
};

class RunContext {
 public:
  explicit RunContext(const Program& program, std::shared_ptr<BufferPool> pool);
  ~RunContext();

  // Runs the program. `inputs` in graph order (a none for an overridable initializer that keeps its
  // value). `outputs` is resized; a tensor in it of the right type and dims is written in place.
  Status run(std::span<const Value> inputs, std::vector<Value>& outputs, const RunControl& control);

  // Bytes of the arena as bound now.
  uint64_t arena_bytes() const { return arena_bytes_; }
  // Bytes of scratch that steps have asked for so far, over all threads.
  uint64_t scratch_bytes() const;
  // The value of a symbol in the last run; null when it had none.
  const int64_t* lookup(std::string_view name) const;

 private:
  friend class RunStepContext;

  Status bind_inputs(std::span<const Value> inputs);
  Status bind_symbol_dims(ValueId v, const Tensor& t);
  // A dim of an element of a sequence, optional or map.
  Status bind_element_dim(const Dim& d, int64_t n);
  Status layout(const RunControl& control);
  // Outputs that may not be written yet, since an input lies in the same memory, are made apart and
  // moved there at the end. Errors: kInvalidArgument for outputs that overlap each other.
  Status separate_outputs(std::span<const Value> inputs, std::vector<Value>& outputs);
  // True when the run writes output i into the memory that the caller gave.
  bool writes_given(size_t i, const Value& given) const;
  Status place_outputs(std::vector<Value>& outputs, const RunControl& control);
  void point_aliases();
  Dims early_dims(const Slot& slot) const;
  Status check_alias(ValueId v, const Dims& dims) const;
  // Elements from one row of a tensor to the next.
  int64_t pitch(ValueId v) const;
  // Of an alias, from the beginning of what it lies in.
  size_t offset_bytes(const Slot& slot, DType dtype) const;
  Status run_steps(const RunControl& control);
  // Binds the symbols that a data-dependent value brings into being.
  Status bind_late(ValueId v, size_t step);
  void note_late(int64_t n, size_t step);
  Status collect_outputs(std::vector<Value>& outputs, const RunControl& control);
  Result<Dims> eval_dims(ValueId v) const;
  // No value of a step has a negative size, as a window that is larger than its input leaves it.
  Status check_sizes() const;
  Status name_step_of(Status error) const;
  Status impossible_size(const Dim& d, int64_t n) const;
  Result<Tensor> fresh(DType dtype, const Dims& dims, const RunControl& control) const;
  Result<RunContext*> body_context(size_t step, size_t body);

  const Program& p_;
  std::shared_ptr<BufferPool> pool_;
  std::vector<Value> env_;        // by ValueId
  std::vector<int64_t> symbols_;  // of the inputs, in the table's order
  std::vector<uint8_t> symbol_bound_;
  std::vector<int64_t> bound_for_;  // symbols for which the layout below is valid
  // Sizes of inputs that no symbol stands for, as those of a body that outer symbols describe: what
  // was derived from others is void.
  std::vector<int64_t> free_dims_;
  bool laid_out_ = false;
  bool seen_skipped_ = false;   // steps that are skipped have seen the sizes laid out
  std::vector<int64_t> sizes_;  // the dim table's values
  std::vector<uint64_t> offsets_;
  uint64_t arena_bytes_ = 0;
  GrowingBuffer arena_;
  std::vector<std::pair<std::string_view, int64_t>> late_symbols_;  // names are the program's
  std::vector<int64_t> states_for_;      // sizes that became known during the run, in their order
  size_t late_sizes_ = 0;                // how many of them in this run
  std::vector<ValueId> moving_aliases_;  // aliases of inputs and outputs: repointed every run
  std::vector<Value> apart_;             // what the caller gave for outputs that wait for the end
  std::vector<std::unique_ptr<StepState>> states_;
  std::vector<GrowingBuffer> scratch_;                            // by thread
  std::vector<std::vector<std::unique_ptr<RunContext>>> bodies_;  // by step and body
};

}  // namespace ferry
