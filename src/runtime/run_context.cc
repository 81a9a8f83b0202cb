// SPDX-License-Identifier: Apache-2.0
#include "runtime/run_context.h"

#include <algorithm>
#include <cstring>

#include "base/status.h"
#include "ir/string_memory.h"
#include "runtime/nested_input.h"
#include "tensor/size.h"

namespace ferry {

Status RunControl::poll() const {
  switch (stop == nullptr ? StopToken::Reason::kGoOn : stop->reason()) {
    case StopToken::Reason::kCancelled:
      return make_error(Code::kCancelled, "the run was cancelled by its caller");
    case StopToken::Reason::kDeadline:
      return make_error(Code::kDeadlineExceeded, "the deadline of the run has passed");
    default:
      return {};
  }
}

Status RunControl::provide(void* memory, size_t bytes) const {
  if (stop == nullptr || !stop->can_stop()) return {};
  constexpr size_t kHugePage = size_t{2} << 20;
  auto* first = static_cast<std::byte*>(memory);
  for (size_t at = 0; at + kHugePage <= bytes; at += kHugePage) {
    FERRY_RETURN_IF_ERROR(poll());
    // Read and written back: another step's result may be there.
    volatile std::byte* page = first + at;
    *page = *page;
  }
  return {};
}

Status RunControl::reserve(GrowingBuffer& buffer, size_t bytes) const {
  if (buffer.holds(bytes)) return {};
  FERRY_RETURN_IF_ERROR(buffer.reserve(bytes, budget));
  return provide(buffer.data(), bytes);
}

namespace {

// The memory of one tensor to another's, which may overlap: piece by piece when the run can be
// stopped.
Status copy_tensor(const RunControl& control, const Tensor& from, Tensor& to) {
  const size_t bytes = to.size_bytes();
  auto* target = static_cast<std::byte*>(to.raw());
  const auto* source = static_cast<const std::byte*>(from.raw());
  if (bytes == 0 || source == target) return {};
  constexpr size_t kPiece = size_t{2} << 20;
  const bool apart = source + bytes <= target || target + bytes <= source;
  if (control.stop == nullptr || !control.stop->can_stop() || !apart) {
    std::memmove(target, source, bytes);
    return {};
  }
  for (size_t at = 0; at < bytes; at += kPiece) {
    FERRY_RETURN_IF_ERROR(control.poll());
    std::memcpy(target + at, source + at, std::min(kPiece, bytes - at));
  }
  return {};
}

// A value that outlives its step must own its memory: arena and borrowed tensors are copied.
Result<Value> owned(const Value& value, const RunControl& control) {
  if (value.is_tensor()) {
    if (value.tensor().owner() != nullptr || !value.tensor().defined()) return value;
    const Tensor& from = value.tensor();
    Tensor copy;
    if (from.dtype() == DType::kString) {
      FERRY_ASSIGN_OR_RETURN(copy, from.clone(control.budget));
    } else {
      FERRY_ASSIGN_OR_RETURN(copy, Tensor::allocate(from.dtype(), from.dims(), control.budget));
      FERRY_RETURN_IF_ERROR(copy_tensor(control, from, copy));
    }
    return Value(std::move(copy));
  }
  if (value.is_sequence()) {
    const Sequence& from = value.sequence();
    const bool all_owned = std::all_of(from.begin(), from.end(), [](const Value& v) {
      return v.is_tensor() && v.tensor().owner() != nullptr;
    });
    if (all_owned) return value;
    Sequence to;
    for (const Value& v : from) {
      FERRY_ASSIGN_OR_RETURN(Value copy, owned(v, control));
      to.push_back(std::move(copy));
    }
    return Value(std::move(to));
  }
  if (value.is_map()) {
    Map to;
    FERRY_ASSIGN_OR_RETURN(Value keys, owned(Value(value.map().keys), control));
    to.keys = keys.tensor();
    for (const Value& v : value.map().values) {
      FERRY_ASSIGN_OR_RETURN(Value copy, owned(v, control));
      to.values.push_back(std::move(copy));
    }
    return Value(std::move(to));
  }
  return value;
}

}  // namespace

class RunStepContext final : public StepContext {
 public:
  RunStepContext(RunContext& run, size_t step, const RunControl& control)
      : r_(run), step_(step), node_(run.p_.node(run.p_.steps[step])), control_(control) {}

  size_t num_inputs() const override { return node_.num_own_inputs(); }
  size_t num_outputs() const override { return node_.outputs.size(); }
  bool has_input(size_t i) const override { return i < num_inputs() && node_.inputs[i] != kNone; }
  bool has_output(size_t i) const override {
    return i < node_.outputs.size() && node_.outputs[i] != kNone;
  }
  const Value& value(size_t i) const override {
    static const Value none;
    return node_.inputs[i] == kNone ? none : r_.env_[node_.inputs[i]];
  }

  Result<Tensor> planned_output(size_t i) override {
    const ValueId v = node_.outputs[i];
    const Slot& slot = r_.p_.slots[v];
    if (slot.place != Place::kDynamic) return r_.env_[v].tensor();
    FERRY_ASSIGN_OR_RETURN(const Dims dims, r_.eval_dims(v));
    return dynamic(v, r_.p_.graph->value(v).type.dtype, dims);
  }

  int64_t input_pitch(size_t i) const override { return r_.pitch(node_.inputs[i]); }
  int64_t output_pitch(size_t i) const override { return r_.pitch(node_.outputs[i]); }

  Result<Tensor> output(size_t i, DType dtype, const Dims& dims) override {
    if (!has_output(i)) return Tensor::allocate(dtype, dims, control_.budget);
    const ValueId v = node_.outputs[i];
    if (r_.p_.slots[v].place == Place::kDynamic) return dynamic(v, dtype, dims);
    const Tensor& planned = r_.env_[v].tensor();
    if (planned.dtype() != dtype || !(planned.dims() == dims)) {
      return internal_error("output '{}' is {}{} where {} was planned; please report this model",
                            r_.p_.graph->value(v).name, dtype_name(dtype), dims.to_string(),
                            planned.describe());
    }
    return planned;
  }

  Status set_output(size_t i, Value value) override {
    if (!has_output(i)) return {};
    const ValueId v = node_.outputs[i];
    if (r_.p_.slots[v].place == Place::kDynamic) {
      FERRY_ASSIGN_OR_RETURN(r_.env_[v], owned(value, control_));
      return {};
    }
    // A planned tensor that the operator hands over by value: copy it into place.
    if (!value.is_tensor()) return internal_error("a tensor was planned, got {}", value.describe());
    FERRY_ASSIGN_OR_RETURN(Tensor t, output(i, value.tensor().dtype(), value.tensor().dims()));
    return copy_tensor(control_, value.tensor(), t);
  }

  Type output_type(size_t i) const override {
    if (!has_output(i)) return {};
    Type type = r_.p_.graph->value(node_.outputs[i]).type;
    if (!type.shape) return type;
    // What the symbols bound so far say.
    for (Dim& d : *type.shape) {
      const auto n = d.eval([this](std::string_view s) { return r_.lookup(s); });
      if (n.ok() && *n >= 0) d = Dim(*n);
    }
    return type;
  }

  Status run_body(size_t index, std::vector<Value> inputs, std::vector<Value>& outputs) override {
    for (size_t i = num_inputs(); i < node_.inputs.size(); ++i) {
      inputs.push_back(r_.env_[node_.inputs[i]]);
    }
    FERRY_ASSIGN_OR_RETURN(RunContext * body, r_.body_context(step_, index));
    outputs.clear();  // each iteration gets fresh outputs: the last ones may still be in use
    return body->run(inputs, outputs, control_);
  }

  Status poll() override { return control_.poll(); }
  MemoryBudget* budget() const override { return control_.budget; }
  uint64_t random_seed() override {
    // splitmix64 over run seed and step, so that nodes and runs get unrelated streams.
    uint64_t z = control_.seed + 0x9e3779b97f4a7c15ull * (step_ + 1 + 1000003 * draws_++);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }

  Team& team() override { return *control_.team; }
  std::unique_ptr<StepState>& state() override { return r_.states_[step_]; }
  Status reserve_scratch(int threads, int64_t bytes) override {
    const auto wanted = static_cast<size_t>(bytes);
    if (r_.scratch_.size() < static_cast<size_t>(threads)) {
      r_.scratch_.resize(static_cast<size_t>(threads));
    }
    for (int t = 0; t < threads; ++t) {
      FERRY_RETURN_IF_ERROR(control_.reserve(r_.scratch_[static_cast<size_t>(t)], wanted));
    }
    return {};
  }

 protected:
  void* scratch_of(int thread) const override {
    return r_.scratch_[static_cast<size_t>(thread)].data();
  }

 private:
  Result<Tensor> dynamic(ValueId v, DType dtype, const Dims& dims) {
    if (dtype == DType::kString) {
      FERRY_ASSIGN_OR_RETURN(Tensor t, Tensor::allocate(dtype, dims, control_.budget));
      FERRY_RETURN_IF_ERROR(check_string_output(*this, t.count()));
      r_.env_[v] = t;
      return t;
    }
    FERRY_ASSIGN_OR_RETURN(Tensor t, r_.fresh(dtype, dims, control_));
    r_.env_[v] = t;
    return t;
  }

  RunContext& r_;
  size_t step_;
  const Node& node_;
  const RunControl& control_;
  uint64_t draws_ = 0;
};

RunContext::RunContext(const Program& program, std::shared_ptr<BufferPool> pool)
    : p_(program),
      pool_(std::move(pool)),
      env_(program.slots.size()),
      symbols_(program.dims.symbols().size(), 0),
      symbol_bound_(program.dims.symbols().size(), 0),
      states_(program.steps.size()),
      bodies_(program.steps.size()) {
  for (ValueId v = 0; v < p_.slots.size(); ++v) {
    const GraphValue& value = p_.graph->value(v);
    if (value.constant) env_[v] = *value.constant;
    if (p_.slots[v].place != Place::kAlias) continue;
    const Place root = p_.slots[p_.slots[v].alias_of].place;
    if (root != Place::kArena) moving_aliases_.push_back(v);
  }
}

RunContext::~RunContext() = default;

uint64_t RunContext::scratch_bytes() const {
  uint64_t bytes = 0;
  for (const GrowingBuffer& buffer : scratch_) bytes += buffer.size();
  return bytes;
}

Result<RunContext*> RunContext::body_context(size_t step, size_t body) {
  auto& contexts = bodies_[step];
  const auto& programs = p_.steps[step].bodies;
  if (body >= programs.size()) return internal_error("the step has no body {}", body);
  contexts.resize(programs.size());
  if (!contexts[body]) contexts[body] = std::make_unique<RunContext>(*programs[body], pool_);
  return contexts[body].get();
}

const int64_t* RunContext::lookup(std::string_view name) const {
  const int i = p_.dims.symbol_index(name);
  if (i >= 0)
    return symbol_bound_[static_cast<size_t>(i)] ? &symbols_[static_cast<size_t>(i)] : nullptr;
  for (const auto& [symbol, value] : late_symbols_) {
    if (symbol == name) return &value;
  }
  return nullptr;
}

// Memory that comes from the session's pool and returns to it with its last owner, who may be a
// caller: what a run gives out costs page faults only once.
Result<Tensor> RunContext::fresh(DType dtype, const Dims& dims, const RunControl& control) const {
  FERRY_ASSIGN_OR_RETURN(const size_t bytes, checked_size_bytes(dtype, dims));
  FERRY_ASSIGN_OR_RETURN(std::shared_ptr<void> memory, pool_->take(bytes));
  void* raw = memory.get();
  FERRY_RETURN_IF_ERROR(control.provide(raw, bytes));
  return Tensor::share(dtype, dims, raw, std::move(memory));
}

Result<Dims> RunContext::eval_dims(ValueId v) const {
  const Type& t = p_.graph->value(v).type;
  if (!t.has_rank()) return internal_error("'{}' has no known rank", p_.graph->value(v).name);
  Dims dims;
  for (const Dim& d : *t.shape) {
    FERRY_ASSIGN_OR_RETURN(const int64_t n,
                           d.eval([this](std::string_view s) { return lookup(s); }));
    if (n < 0) return impossible_size(d, n);
    dims.push_back(n);
  }
  return dims;
}

Status RunContext::impossible_size(const Dim& d, int64_t n) const {
  std::string given;
  for (ValueId v : p_.graph->inputs()) {
    if (!env_[v].is_tensor()) continue;
    given += fmt::format("{}'{}' {}", given.empty() ? "" : ", ", p_.graph->value(v).name,
                         env_[v].describe());
  }
  return shape_mismatch(
      "an axis of its output would have the size {} = {} where the inputs are {}; "
      "wanted 0 or more: larger inputs",
      d.to_string(), n, given);
}

// An error of a size, with the first step in front that has such a size.
Status RunContext::name_step_of(Status error) const {
  for (const Step& step : p_.steps) {
    for (ValueId v : p_.node(step).outputs) {
      if (v == kNone || !p_.slots[v].early) continue;
      Status found = eval_dims(v).status();
      if (!found.ok()) return std::move(found).with_context(p_.node(step).describe());
    }
  }
  return error;
}

// Before memory is laid out: a size of two negative ones would pass for a count of elements.
Status RunContext::check_sizes() const {
  for (const Step& step : p_.steps) {
    for (ValueId v : p_.node(step).outputs) {
      if (v == kNone || !p_.slots[v].early) continue;
      for (DimTable::Index i : p_.slots[v].dims) {
        if (sizes_[i] >= 0) continue;
        return impossible_size(p_.dims.dim(i), sizes_[i]).with_context(p_.node(step).describe());
      }
      // Where one is 0 the memory plan does not multiply the others, but kernels do.
      const Dims dims = early_dims(p_.slots[v]);
      if (std::find(dims.begin(), dims.end(), 0) == dims.end()) continue;
      const Result<int64_t> count = checked_count(dims);
      if (!count.ok()) return count.status().with_context(p_.node(step).describe());
    }
  }
  return {};
}

Status RunContext::bind_symbol_dims(ValueId v, const Tensor& t) {
  const GraphValue& value = p_.graph->value(v);
  const Type& type = value.type;
  // A caller may have borrowed any dims.
  const Result<size_t> bytes = checked_size_bytes(t.dtype(), t.dims());
  if (!bytes.ok()) return bytes.status().with_context(fmt::format("input '{}'", value.name));
  if (*bytes > 0 && t.raw() == nullptr) {
    return invalid_argument("input '{}' is {} at a null pointer; wanted {} bytes", value.name,
                            t.describe(), *bytes);
  }
  if (type.is_tensor() && type.dtype != DType::kUndefined && type.dtype != t.dtype()) {
    return invalid_argument("input '{}' has element type {}, the model wants {}", value.name,
                            dtype_name(t.dtype()), dtype_name(type.dtype));
  }
  if (!type.has_rank()) return {};
  if (type.rank() != t.rank()) {
    return shape_mismatch("input '{}' is {} of rank {}, the model wants {} of rank {}", value.name,
                          t.describe(), t.rank(), type.to_string(), type.rank());
  }
  for (size_t a = 0; a < t.rank(); ++a) {
    const Dim& d = (*type.shape)[a];
    if (d.is_constant()) {
      if (d.constant() != t.dim(a)) {
        return shape_mismatch("input '{}' is {}: axis {} has size {}, the model wants {} ({})",
                              value.name, t.describe(), a, t.dim(a), d.constant(),
                              type.to_string());
      }
    } else if (d.is_symbol()) {
      const auto i = static_cast<size_t>(p_.dims.symbol_index(d.symbol_name()));
      if (symbol_bound_[i] && symbols_[i] != t.dim(a)) {
        return shape_mismatch(
            "input '{}' is {}: axis {} has size {}, but '{}' is already {}, from an earlier axis",
            value.name, t.describe(), a, t.dim(a), d.symbol_name(), symbols_[i]);
      }
      symbols_[i] = t.dim(a);
      symbol_bound_[i] = 1;
    }
  }
  return {};
}

Status RunContext::bind_element_dim(const Dim& d, int64_t n) {
  if (d.is_constant()) {
    if (d.constant() == n) return {};
    return shape_mismatch("size {}, the model wants {}", n, d.constant());
  }
  if (!d.is_symbol()) return {};
  const int i = p_.dims.symbol_index(d.symbol_name());
  // Symbols of optionals alone are bound when their values come up.
  if (i < 0) return {};
  const auto at = static_cast<size_t>(i);
  if (symbol_bound_[at] && symbols_[at] != n) {
    return shape_mismatch("size {}, but '{}' is already {}, from an earlier axis", n,
                          d.symbol_name(), symbols_[at]);
  }
  symbols_[at] = n;
  symbol_bound_[at] = 1;
  return {};
}

Status RunContext::bind_inputs(std::span<const Value> inputs) {
  const auto& ids = p_.graph->inputs();
  if (inputs.size() != ids.size()) {
    return invalid_argument("{} inputs given, the model has {}", inputs.size(), ids.size());
  }
  std::fill(symbol_bound_.begin(), symbol_bound_.end(), uint8_t{0});
  for (size_t i = 0; i < ids.size(); ++i) {
    const GraphValue& value = p_.graph->value(ids[i]);
    const Value* given = &inputs[i];
    if (given->is_none() && value.constant) {
      env_[ids[i]] = *value.constant;
    } else {
      env_[ids[i]] = *given;
    }
    const Value& v = env_[ids[i]];
    if (value.type.is_tensor()) {
      if (!v.is_tensor() || !v.tensor().defined()) {
        return invalid_argument("input '{}' is {}, the model wants {}", value.name, v.describe(),
                                value.type.to_string());
      }
      FERRY_RETURN_IF_ERROR(bind_symbol_dims(ids[i], v.tensor()));
    } else {
      const auto bind = [this](const Dim& d, int64_t n) { return bind_element_dim(d, n); };
      FERRY_RETURN_IF_ERROR(
          check_nested(v, value.type, bind).with_context(fmt::format("input '{}'", value.name)));
    }
  }
  // Expressions are guards: they must agree with what was bound.
  size_t free_dims = 0;
  const auto note_free = [&](int64_t n) {
    if (free_dims == free_dims_.size()) free_dims_.push_back(n - 1);
    if (free_dims_[free_dims] != n) laid_out_ = false;
    free_dims_[free_dims++] = n;
  };
  for (ValueId id : ids) {
    const Type& type = p_.graph->value(id).type;
    if (!env_[id].is_tensor()) continue;
    const Dims& dims = env_[id].tensor().dims();
    if (!type.has_rank()) note_free(static_cast<int64_t>(dims.size()));
    for (size_t a = 0; a < dims.size(); ++a) {
      if (!type.has_rank()) {
        note_free(dims[a]);
        continue;
      }
      const Dim& d = (*type.shape)[a];
      if (d.is_constant() || d.is_symbol()) continue;
      const Result<int64_t> n = d.eval([this](std::string_view s) { return lookup(s); });
      if (!n.ok()) note_free(dims[a]);
      if (n.ok() && *n != dims[a]) {
        return shape_mismatch("input '{}' is {}: axis {} must be {} = {}", p_.graph->value(id).name,
                              env_[id].tensor().describe(), a, d.to_string(), *n);
      }
    }
  }
  if (free_dims < free_dims_.size()) laid_out_ = false;
  free_dims_.resize(free_dims);
  return {};
}

Dims RunContext::early_dims(const Slot& slot) const {
  Dims dims;
  for (DimTable::Index i : slot.dims) dims.push_back(sizes_[i]);
  return dims;
}

// Sizes that contradict each other could place a part behind the end of the whole.
Status RunContext::check_alias(ValueId v, const Dims& dims) const {
  const Slot& slot = p_.slots[v];
  const Dims whole = early_dims(p_.slots[slot.alias_of]);
  const int64_t count = dims.count();
  const int64_t begin = slot.offset == kNone ? 0 : sizes_[slot.offset];
  int64_t extent = count;
  if (slot.pitch != kNone && count > 0) {
    const int64_t row = dims.empty() ? 1 : dims.back();
    extent = (count / row - 1) * sizes_[slot.pitch] + row;
  }
  if (count == 0 || (begin >= 0 && begin + extent <= whole.count())) return {};
  Status error = shape_mismatch(
      "'{}' is {} from element {} on of {}, past its end: sizes that the inputs give contradict "
      "each other",
      p_.graph->value(v).name, dims.to_string(), begin, whole.to_string());
  const NodeId producer = p_.graph->value(v).producer;
  if (producer == kNone) return error;
  return std::move(error).with_context(p_.graph->node(producer).describe());
}

Status RunContext::layout(const RunControl& control) {
  if (laid_out_ && bound_for_ == symbols_) return {};
  laid_out_ = false;
  for (auto& s : states_) s.reset();
  Status sizes = p_.dims.evaluate(symbols_, sizes_);
  if (!sizes.ok()) return name_step_of(std::move(sizes));
  FERRY_RETURN_IF_ERROR(check_sizes());
  FERRY_RETURN_IF_ERROR(p_.memory.place(sizes_, offsets_, arena_bytes_));
  if (arena_bytes_ > 0) FERRY_RETURN_IF_ERROR(control.reserve(arena_, arena_bytes_));
  auto* base = static_cast<std::byte*>(arena_.data());
  for (ValueId v = 0; v < p_.slots.size(); ++v) {
    const Slot& slot = p_.slots[v];
    if (slot.place != Place::kArena && slot.place != Place::kAlias) continue;
    const Dims dims = early_dims(slot);
    if (slot.place == Place::kAlias) FERRY_RETURN_IF_ERROR(check_alias(v, dims));
    const uint32_t buffer =
        slot.place == Place::kArena ? slot.buffer : p_.slots[slot.alias_of].buffer;
    const DType dtype = p_.graph->value(v).type.dtype;
    // Without any memory all tensors are empty.
    void* data = buffer == kNone || base == nullptr
                     ? nullptr
                     : base + offsets_[buffer] + offset_bytes(slot, dtype);
    env_[v] = Tensor::borrow(dtype, dims, data);
  }
  bound_for_ = symbols_;
  laid_out_ = true;
  seen_skipped_ = false;
  return {};
}

namespace {

bool same_type(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.dims() == b.dims();
}

bool overlap(const Tensor& a, const Tensor& b) {
  const auto from = reinterpret_cast<uintptr_t>(a.raw());
  const auto other = reinterpret_cast<uintptr_t>(b.raw());
  return a.size_bytes() > 0 && b.size_bytes() > 0 && from < other + b.size_bytes() &&
         other < from + a.size_bytes();
}

}  // namespace

bool RunContext::writes_given(size_t i, const Value& given) const {
  if (!given.is_tensor() || !given.tensor().defined()) return false;
  if (given.tensor().dtype() == DType::kString) return false;
  const Place place = p_.slots[p_.graph->outputs()[i]].place;
  return place != Place::kDynamic || given.tensor().owner() == nullptr;
}

Status RunContext::separate_outputs(std::span<const Value> inputs, std::vector<Value>& outputs) {
  outputs.resize(p_.graph->outputs().size());
  apart_.resize(outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    apart_[i] = Value();
    if (!writes_given(i, outputs[i])) continue;
    const Tensor& t = outputs[i].tensor();
    if (t.raw() == nullptr && t.size_bytes() > 0) {
      return invalid_argument("output '{}' is {} at a null pointer; wanted {} bytes",
                              p_.graph->output_names()[i], t.describe(), t.size_bytes());
    }
    for (size_t j = 0; j < i; ++j) {
      const Value& other = apart_[j].is_tensor() ? apart_[j] : outputs[j];
      if (writes_given(j, other) && overlap(t, other.tensor())) {
        return invalid_argument("outputs '{}' and '{}' overlap in the caller's memory",
                                p_.graph->output_names()[j], p_.graph->output_names()[i]);
      }
    }
    const bool shared = std::any_of(inputs.begin(), inputs.end(), [&](const Value& v) {
      return v.is_tensor() && v.tensor().defined() && v.tensor().dtype() != DType::kString &&
             overlap(t, v.tensor());
    });
    if (shared) std::swap(apart_[i], outputs[i]);
  }
  return {};
}

Status RunContext::place_outputs(std::vector<Value>& outputs, const RunControl& control) {
  for (ValueId v : p_.graph->outputs()) {
    const Slot& slot = p_.slots[v];
    if (slot.place != Place::kOutput) continue;
    const Dims dims = early_dims(slot);
    const DType dtype = p_.graph->value(v).type.dtype;
    Value& given = outputs[slot.output_index];
    if (!given.is_tensor() || given.tensor().dtype() != dtype || !(given.tensor().dims() == dims)) {
      FERRY_ASSIGN_OR_RETURN(given, fresh(dtype, dims, control));
    }
    env_[v] = given;
  }
  return {};
}

int64_t RunContext::pitch(ValueId v) const {
  const Slot& slot = p_.slots[v];
  if (slot.pitch != kNone) return sizes_[slot.pitch];
  const Dims& dims = env_[v].tensor().dims();
  return dims.empty() ? 1 : dims[dims.size() - 1];
}

size_t RunContext::offset_bytes(const Slot& slot, DType dtype) const {
  if (slot.offset == kNone) return 0;
  return static_cast<size_t>(sizes_[slot.offset] * (dtype_bits(dtype) / 8));
}

void RunContext::point_aliases() {
  for (ValueId v : moving_aliases_) {
    const Slot& slot = p_.slots[v];
    const Tensor& root = env_[slot.alias_of].tensor();
    const Dims dims = early_dims(slot);
    const DType dtype = p_.graph->value(v).type.dtype;
    const auto* data = static_cast<const std::byte*>(root.raw());
    env_[v] = Tensor::borrow(
        dtype, dims, static_cast<const void*>(data ? data + offset_bytes(slot, dtype) : nullptr));
  }
}

Status RunContext::bind_late(ValueId v, size_t step) {
  const Type& type = p_.graph->value(v).type;
  if (!env_[v].is_tensor()) return {};
  const Tensor& t = env_[v].tensor();
  const Dims& dims = t.dims();
  if (!type.has_rank()) {
    note_late(static_cast<int64_t>(dims.size()), step);
    for (int64_t n : dims) note_late(n, step);
    return {};
  }
  const auto unlike = [&] {
    return internal_error("'{}' is {} where {} was inferred", p_.graph->value(v).name,
                          env_[v].describe(), type.to_string());
  };
  if (dims.size() != type.rank()) return unlike();
  if (type.dtype != DType::kUndefined && type.dtype != t.dtype()) return unlike();
  for (size_t a = 0; a < dims.size(); ++a) {
    const Dim& d = (*type.shape)[a];
    if (d.is_constant() && d.constant() != dims[a]) return unlike();
    if (d.is_constant()) continue;
    if (!d.is_symbol()) {
      const Result<int64_t> n = d.eval([this](std::string_view s) { return lookup(s); });
      if (!n.ok()) note_late(dims[a], step);
      if (n.ok() && *n != dims[a]) {
        return shape_mismatch("'{}' is {}, but its axis {} must be {} = {}",
                              p_.graph->value(v).name, env_[v].describe(), a, d.to_string(), *n);
      }
      continue;
    }
    if (const int64_t* known = lookup(d.symbol_name())) {
      if (*known == dims[a]) continue;
      return shape_mismatch("'{}' is {}, but '{}' is already {}", p_.graph->value(v).name,
                            env_[v].describe(), d.symbol_name(), *known);
    }
    late_symbols_.emplace_back(d.symbol_name(), dims[a]);
    note_late(dims[a], step);
  }
  return {};
}

// Sizes come up in a fixed order; what later steps derived from another one is void.
void RunContext::note_late(int64_t n, size_t step) {
  if (late_sizes_ == states_for_.size()) states_for_.push_back(n - 1);
  if (states_for_[late_sizes_] != n) {
    for (size_t later = step; later < states_.size(); ++later) states_[later].reset();
  }
  states_for_[late_sizes_++] = n;
}

Status RunContext::run_steps(const RunControl& control) {
  late_symbols_.clear();
  late_sizes_ = 0;
  FERRY_RETURN_IF_ERROR(control.poll());
  for (size_t s = 0; s < p_.steps.size(); ++s) {
    const Step& step = p_.steps[s];
    // What moves nothing still refuses sizes that do not fit, once for these sizes.
    if (step.skip && seen_skipped_) continue;
    const auto start = control.observe ? std::chrono::steady_clock::now()
                                       : std::chrono::steady_clock::time_point();
    RunStepContext context(*this, s, control);
    Status status = step.kernel->run(context);
    // A stopped step leaves parts of its work out.
    if (status.ok()) status = control.poll();
    for (ValueId v : p_.node(step).outputs) {
      if (!status.ok() || v == kNone || p_.slots[v].place != Place::kDynamic) continue;
      status = count_strings(env_[v], control.budget);
    }
    if (!status.ok()) return std::move(status).with_context(p_.node(step).describe());
    if (control.observe && !step.skip) {
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
      control.observe(p_, step, took.count());
    }
    for (ValueId v : p_.node(step).outputs) {
      if (v != kNone && p_.slots[v].place == Place::kDynamic)
        FERRY_RETURN_IF_ERROR(bind_late(v, s).with_context(p_.node(step).describe()));
    }
    for (ValueId v : step.release) env_[v] = Value();
  }
  seen_skipped_ = true;
  return {};
}

Status RunContext::collect_outputs(std::vector<Value>& outputs, const RunControl& control) {
  const auto& ids = p_.graph->outputs();
  for (size_t i = 0; i < ids.size(); ++i) {
    const Slot& slot = p_.slots[ids[i]];
    if (slot.place == Place::kOutput && slot.output_index == i) continue;
    const Value& from = env_[ids[i]];
    if (from.is_tensor() && slot.place != Place::kDynamic &&
        from.tensor().dtype() != DType::kString) {
      // An output that is an input, a constant, or the same value as another output: copied.
      Value& given = outputs[i];
      if (!given.is_tensor() || !same_type(given.tensor(), from.tensor())) {
        FERRY_ASSIGN_OR_RETURN(given, fresh(from.tensor().dtype(), from.tensor().dims(), control));
      }
      FERRY_RETURN_IF_ERROR(copy_tensor(control, from.tensor(), given.tensor()));
    } else if (slot.place == Place::kDynamic) {
      // The caller's memory is used when it fits, so that bindings stay bound.
      Value& given = outputs[i];
      if (given.is_tensor() && from.is_tensor() && given.tensor().owner() == nullptr &&
          given.tensor().defined() && given.tensor().dtype() != DType::kString &&
          same_type(given.tensor(), from.tensor())) {
        FERRY_RETURN_IF_ERROR(copy_tensor(control, from.tensor(), given.tensor()));
      } else {
        given = from;
      }
    } else {
      FERRY_ASSIGN_OR_RETURN(outputs[i], owned(from, control));
    }
  }
  for (size_t i = 0; i < ids.size(); ++i) {
    if (!apart_[i].is_tensor()) continue;
    Tensor& given = apart_[i].tensor();
    if (outputs[i].is_tensor() && same_type(outputs[i].tensor(), given)) {
      FERRY_RETURN_IF_ERROR(copy_tensor(control, outputs[i].tensor(), given));
      outputs[i] = std::move(apart_[i]);
    }
    apart_[i] = Value();
  }
  return {};
}

Status RunContext::run(std::span<const Value> inputs, std::vector<Value>& outputs,
                       const RunControl& control) {
  FERRY_RETURN_IF_ERROR(bind_inputs(inputs));
  FERRY_RETURN_IF_ERROR(layout(control));
  FERRY_RETURN_IF_ERROR(separate_outputs(inputs, outputs));
  FERRY_RETURN_IF_ERROR(place_outputs(outputs, control));
  point_aliases();
  FERRY_RETURN_IF_ERROR(run_steps(control));
  FERRY_RETURN_IF_ERROR(collect_outputs(outputs, control));
  // What callers gave and dynamic values are let go; the arena stays.
  for (ValueId v : p_.graph->inputs()) env_[v] = Value();
  for (ValueId v : p_.graph->outputs()) {
    if (p_.slots[v].place == Place::kDynamic || p_.slots[v].place == Place::kOutput)
      env_[v] = Value();
  }
  return {};
}

}  // namespace ferry
