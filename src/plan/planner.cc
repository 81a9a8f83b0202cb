// SPDX-License-Identifier: Apache-2.0
// Turns a graph into a program: kernels, places of values, memory.
#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "base/mapped_file.h"
#include "base/status.h"
#include "ops/fusion/group.h"
#include "plan/fuse.h"
#include "plan/layout.h"
#include "plan/panels.h"
#include "plan/program.h"
#include "plan/strips.h"

namespace ferry {
namespace {

class Planner {
 public:
  Planner(Program& program, const PlanOptions& options) : p_(program), o_(options) {}

  Status run() {
    collect_symbols();
    collect_dims();
    count_constant_uses();
    FERRY_RETURN_IF_ERROR(choose_kernels());
    plan_places();
    return {};
  }

 private:
  Graph& graph() { return *p_.graph; }

  void collect_symbols() {
    for (ValueId v : graph().inputs()) {
      const Type& t = graph().value(v).type;
      if (!t.has_rank()) continue;
      for (const Dim& d : *t.shape) {
        if (d.is_symbol()) p_.dims.declare_input_symbol(d.symbol_name());
      }
    }
  }

  void collect_dims() {
    p_.slots.resize(graph().num_values());
    for (ValueId v = 0; v < graph().num_values(); ++v) {
      const Type& t = graph().value(v).type;
      Slot& slot = p_.slots[v];
      if (!t.has_rank() || t.rank() > Dims::kMaxRank || t.dtype == DType::kString ||
          t.dtype == DType::kUndefined) {
        continue;
      }
      slot.early = true;
      for (const Dim& d : *t.shape) {
        slot.dims.push_back(p_.dims.add(d));
        if (slot.dims.back() == DimTable::kLate) slot.early = false;
      }
    }
  }

  Status choose_kernels() {
    for (NodeId id : graph().order()) {
      Step step;
      step.node = id;
      FERRY_RETURN_IF_ERROR(choose_kernel(step).with_context(graph().node(id).describe()));
      for (auto& body : graph().node(id).bodies) {
        if (!step.kernel->wants_bodies()) break;
        PlanOptions options = o_;  // with the store of this program
        options.is_group = graph().node(id).op.as<Group>() != nullptr;
        FERRY_ASSIGN_OR_RETURN(auto inner, make_program(body->clone(), options));
        drop_what_body_dropped(*body, *inner->graph);
        p_.packed_bytes += inner->packed_bytes;
        step.bodies.push_back(std::move(inner));
      }
      p_.packed_bytes += step.kernel->packed_bytes();
      drop_packed_constants(step);
      for (ValueId v : graph().node(id).outputs) learn_symbols(v);
      p_.steps.push_back(std::move(step));
    }
    return {};
  }

  // The dims are known when the step that makes `v` begins: from the inputs, or from values that
  // earlier steps have made.
  bool is_sized(ValueId v) const {
    if (p_.slots[v].early) return true;
    const Type& t = p_.graph->value(v).type;
    if (!t.has_rank() || t.rank() > Dims::kMaxRank || t.dtype == DType::kString ||
        t.dtype == DType::kUndefined) {
      return false;
    }
    bool known = true;
    for (const Dim& d : *t.shape) {
      known = known && !d.is_invalid();
      d.for_each_symbol([&](const std::string& s) {
        known = known && (p_.dims.symbol_index(s) >= 0 || late_symbols_.count(s) > 0);
      });
    }
    return known;
  }

  // Running the step that makes `v` gives a value to the symbols among its dims.
  void learn_symbols(ValueId v) {
    if (v == kNone || p_.slots[v].early || !p_.graph->value(v).type.has_rank()) return;
    for (const Dim& d : *p_.graph->value(v).type.shape) {
      if (d.is_symbol()) late_symbols_.insert(d.symbol_name());
    }
  }

  Status choose_kernel(Step& step) {
    const Node& node = graph().node(step.node);
    KernelRequest request{.graph = graph(),
                          .node = node,
                          .id = step.node,
                          .isa = o_.isa,
                          .exact = o_.exact,
                          .prefer_memory = o_.prefer_memory,
                          .threads = o_.threads,
                          .budget = o_.budget,
                          .panels = o_.panels};
    request.outputs_planned = std::all_of(node.outputs.begin(), node.outputs.end(),
                                          [&](ValueId v) { return v == kNone || is_sized(v); });
    if (o_.kernels != nullptr) {
      for (const KernelCandidate& c : o_.kernels->candidates(node.op.def().full_name())) {
        if (o_.reference_only && c.name != "view") continue;
        FERRY_ASSIGN_OR_RETURN(KernelOffer offer, c.make(request));
        if (auto* kernel = std::get_if<std::unique_ptr<StepKernel>>(&offer)) {
          step.kernel = std::move(*kernel);
          return {};
        }
        step.refused.push_back(c.name + ": " + std::get<std::string>(offer));
      }
    }
    if (!node.op.def().eval) return unsupported_op("has no kernel");
    step.kernel = make_reference_kernel(node);
    return {};
  }

  // Computing the parts of a Concat in place makes its buffer live longer; it is done if the arena
  // gets hardly larger, or no larger where memory counts.
  void plan_places() {
    for (uint32_t s = 0; s < p_.steps.size(); ++s) {
      const NodeId id = p_.steps[s].node;
      if (id >= step_of_.size()) step_of_.resize(id + 1, kNone);
      step_of_[id] = s;
    }
    place_values(true);
    if (joins_ == 0) return;
    const uint64_t joined = arena_bytes();
    place_values(false);
    const uint64_t apart = arena_bytes();
    if (joined <= apart + (o_.prefer_memory ? 0 : apart / 8)) place_values(true);
  }

  void place_values(bool join) {
    const Graph& g = graph();
    join_ = join;
    joins_ = 0;
    offsets_.assign(g.num_values(), Dim(0));
    in_rows_.assign(g.num_values(), 0);
    last_use_.assign(g.num_values(), 0);
    first_def_.assign(g.num_values(), 0);
    for (Slot& slot : p_.slots) {
      slot.place = Place::kUnused;
      slot.buffer = slot.alias_of = slot.offset = slot.pitch = slot.output_index = kNone;
    }
    for (Step& step : p_.steps) {
      step.skip = false;
      step.release.clear();
    }
    for (uint32_t s = 0; s < p_.steps.size(); ++s) {
      const Node& n = g.node(p_.steps[s].node);
      for (ValueId v : n.inputs) {
        if (v != kNone) last_use_[v] = s;
      }
      for (ValueId v : n.outputs) {
        if (v != kNone) first_def_[v] = last_use_[v] = s;
      }
    }
    for (ValueId v = 0; v < g.num_values(); ++v) {
      if (g.value(v).constant) p_.slots[v].place = Place::kConstant;
    }
    for (ValueId v : g.inputs()) p_.slots[v].place = Place::kInput;
    for (uint32_t s = 0; s < p_.steps.size(); ++s) place_outputs(s);
    plan_memory();
  }

  void place_outputs(uint32_t s) {
    const Graph& g = graph();
    Step& step = p_.steps[s];
    const Node& n = g.node(step.node);
    for (ValueId v : n.outputs) {
      if (v == kNone) continue;
      Slot& slot = p_.slots[v];
      const auto out = std::find(g.outputs().begin(), g.outputs().end(), v);
      if (out != g.outputs().end()) {
        slot.output_index = static_cast<uint32_t>(out - g.outputs().begin());
        slot.place = slot.early ? Place::kOutput : Place::kDynamic;
      } else {
        slot.place = slot.early ? Place::kArena : Place::kDynamic;
      }
    }
    if (n.outputs.empty()) return;
    step.skip = see_pieces(step, n);
    if (n.outputs[0] == kNone || p_.slots[n.outputs[0]].place == Place::kAlias) return;
    if (join_ && step.kernel->joins_inputs() == Join::kWhole) {
      step.skip = join_inputs(n);
      return;
    }
    if (join_ && step.kernel->joins_inputs() == Join::kRows) {
      step.skip = join_rows(n);
      return;
    }
    take_over_input(s, step, n, p_.slots[n.outputs[0]]);
  }

  // Lets outputs that are pieces of input 0 lie in it; true when all do.
  bool see_pieces(const Step& step, const Node& n) {
    if (n.inputs.empty() || n.inputs[0] == kNone || !p_.slots[n.inputs[0]].early) return false;
    bool all = true, any = false;
    for (size_t i = 0; i < n.outputs.size(); ++i) {
      const ValueId v = n.outputs[i];
      if (v == kNone) continue;
      const std::optional<Piece> piece = step.kernel->piece(i);
      const bool lies = piece && p_.slots[v].place == Place::kArena && can_lie(v, piece->offset) &&
                        (!piece->in_rows || users_take_pitch(v));
      if (lies) lie_in(v, n.inputs[0], piece->offset, piece->in_rows);
      all = all && lies;
      any = any || lies;
    }
    return all && any;
  }

  // Lets inputs of a Concat be computed in its output; true when all are.
  bool join_inputs(const Node& n) {
    const ValueId y = n.outputs[0];
    const Place place = p_.slots[y].place;
    if (place != Place::kArena && place != Place::kOutput) return false;
    bool all = true;
    Dim at = 0;
    for (ValueId v : n.inputs) {
      if (!p_.slots[v].early) return false;
      const Dim count = count_of(graph().value(v).type);
      const auto [root, before] = find(v);
      const Type& type = graph().value(root).type;
      const bool lies = p_.slots[root].place == Place::kArena && root != y &&
                        before.is_constant(0) && count == count_of(type) &&
                        type.dtype == graph().value(y).type.dtype && can_lie(root, at);
      if (lies) {
        lie_in(root, y, at);
        first_def_[y] = std::min(first_def_[y], first_def_[root]);
        ++joins_;
      }
      all = all && lies;
      at = at + count;
    }
    return all;
  }

  // Lets inputs of a Concat of the last axis be computed in the rows of its output; true when all
  // are. Inputs that are pieces of one value are computed there with it.
  bool join_rows(const Node& n) {
    const ValueId y = n.outputs[0];
    const Place place = p_.slots[y].place;
    if (place != Place::kArena && place != Place::kOutput) return false;
    for (ValueId v : n.inputs) {
      if (!p_.slots[v].early) return false;
    }
    bool all = true;
    Dim at = 0;
    for (size_t i = 0; i < n.inputs.size();) {
      const ValueId root = root_of(n.inputs[i]);
      const size_t next = end_of_pieces(n, i, root);
      const bool lies = next > i && root != y && p_.slots[root].place == Place::kArena &&
                        can_lie(root, at) && can_lie_in_rows(root);
      if (lies) {
        lie_in(root, y, at, true);
        first_def_[y] = std::min(first_def_[y], first_def_[root]);
        ++joins_;
      }
      all = all && lies;
      for (const size_t end = std::max(next, i + 1); i < end; ++i) {
        at = at + graph().value(n.inputs[i]).type.shape->back();
      }
    }
    return all;
  }

  // Inputs [i, end) of a Concat are, one after the other, all columns of `root`; i when they are
  // not.
  size_t end_of_pieces(const Node& n, size_t i, ValueId root) const {
    const Type& whole = p_.graph->value(root).type;
    if (!whole.has_rank() || whole.rank() == 0) return i;
    Dim at = 0;
    for (size_t end = i; end < n.inputs.size(); ++end) {
      const Type& part = p_.graph->value(n.inputs[end]).type;
      const auto [other, offset] = find(n.inputs[end]);
      if (other != root || !(offset == at) || part.dtype != whole.dtype ||
          part.rank() != whole.rank()) {
        return i;
      }
      at = at + part.shape->back();
      if (at == whole.shape->back()) return end + 1;
    }
    return i;
  }

  // Every step that reads `v` takes rows that lie apart.
  bool users_take_pitch(ValueId v) const {
    const Graph& g = *p_.graph;
    for (NodeId user : g.value(v).users) {
      const Node& n = g.node(user);
      const StepKernel& kernel = *p_.steps[step_of_[user]].kernel;
      for (size_t i = 0; i < n.inputs.size(); ++i) {
        if (n.inputs[i] == v && (i >= n.num_own_inputs() || !kernel.takes_pitch(i))) return false;
      }
    }
    return true;
  }

  // All that lies in the memory of `root` may lie in rows that are longer: it is written and read
  // by kernels that take that, and it is `root` itself in other hands, or parts of its rows.
  bool can_lie_in_rows(ValueId root) const {
    const Graph& g = *p_.graph;
    for (ValueId v = 0; v < g.num_values(); ++v) {
      const Place place = p_.slots[v].place;
      if (v != root && (place != Place::kAlias || root_of(v) != root)) continue;
      if (!in_rows_[v] && !writes_pitch(v)) return false;
      if (v != root && !in_rows_[v] && !(g.value(v).type == g.value(root).type)) return false;
      if (!users_take_pitch(v)) return false;
    }
    return true;
  }

  bool writes_pitch(ValueId v) const {
    const NodeId producer = p_.graph->value(v).producer;
    return producer != kNone && p_.graph->node(producer).outputs[0] == v &&
           p_.steps[step_of_[producer]].kernel->writes_pitch();
  }

  // The place can be computed before the run, and elements begin at whole bytes.
  bool can_lie(ValueId v, const Dim& offset) {
    if (offset.is_constant(0)) return true;
    return dtype_bits(graph().value(v).type.dtype) % 8 == 0 && !offset.is_invalid() &&
           p_.dims.add(offset) != DimTable::kLate;
  }

  void lie_in(ValueId v, ValueId in, const Dim& offset, bool in_rows = false) {
    const ValueId root = root_of(in);
    in_rows_[v] = in_rows;
    p_.slots[v].place = Place::kAlias;
    p_.slots[v].alias_of = in;
    offsets_[v] = offset;
    last_use_[root] = std::max(last_use_[root], last_use_[v]);
  }

  // Lets output 0 live in the memory of an input that dies here.
  void take_over_input(uint32_t s, const Step& step, const Node& n, Slot& first) {
    const int in = step.kernel->in_place_input();
    if (in < 0 || first.place != Place::kArena) return;
    const ValueId input = n.inputs[static_cast<size_t>(in)];
    if (input == kNone || input == n.outputs[0]) return;
    const ValueId root = root_of(input);
    if (p_.slots[root].place != Place::kArena || last_use_[root] != s) return;
    if (row_owner(input) != kNone) return;
    // Another input in the same memory would be read after it is overwritten.
    for (size_t i = 0; i < n.inputs.size(); ++i) {
      if (static_cast<int>(i) != in && n.inputs[i] != kNone && root_of(n.inputs[i]) == root) return;
    }
    const Graph& g = graph();
    const Type &a = g.value(input).type, &b = g.value(n.outputs[0]).type;
    const Dim count = count_of(a);
    if (count.is_invalid() || !(count == count_of(b))) return;
    if (dtype_bits(a.dtype) != dtype_bits(b.dtype)) return;
    lie_in(n.outputs[0], input, 0);
  }

  static Dim count_of(const Type& t) {
    Dim count = 1;
    for (const Dim& d : *t.shape) count = count * d;
    return count;
  }

  // The value in whose memory `v` lies, and how many elements come before it there.
  std::pair<ValueId, Dim> find(ValueId v) const {
    Dim offset = 0;
    for (; p_.slots[v].place == Place::kAlias; v = p_.slots[v].alias_of) {
      offset = offset + offsets_[v];
    }
    return {v, offset};
  }

  ValueId root_of(ValueId v) const { return find(v).first; }

  // The value whose rows the rows of `v` are parts of; kNone where they lie one after the other.
  ValueId row_owner(ValueId v) const {
    ValueId owner = kNone;
    for (; p_.slots[v].place == Place::kAlias; v = p_.slots[v].alias_of) {
      if (in_rows_[v]) owner = p_.slots[v].alias_of;
    }
    return owner;
  }

  void plan_memory() {
    const Graph& g = graph();
    p_.memory = MemoryPlan();
    for (ValueId v = 0; v < g.num_values(); ++v) {
      Slot& slot = p_.slots[v];
      if (slot.place != Place::kArena) continue;
      PlannedBuffer b;
      b.count = count_of(g.value(v).type);
      b.dims = slot.dims;
      b.bits = dtype_bits(g.value(v).type.dtype);
      b.first_step = first_def_[v];
      b.last_step = last_use_[v];
      b.values.push_back(v);
      slot.buffer = p_.memory.add(std::move(b));
    }
    std::vector<std::pair<ValueId, ValueId>> roots;
    for (ValueId v = 0; v < g.num_values(); ++v) {
      Slot& slot = p_.slots[v];
      if (slot.place == Place::kDynamic) release_after_use(v);
      if (slot.place != Place::kAlias) continue;
      const auto [root, offset] = find(v);
      roots.emplace_back(v, root);
      if (!offset.is_constant(0)) slot.offset = p_.dims.add(offset);
      if (const ValueId owner = row_owner(v); owner != kNone) {
        slot.pitch = p_.dims.add(g.value(owner).type.shape->back());
      }
      if (p_.slots[root].buffer != kNone) {
        p_.memory.buffer(p_.slots[root].buffer).values.push_back(v);
      }
    }
    for (const auto& [v, root] : roots) p_.slots[v].alias_of = root;
    p_.memory.solve(hint_sizes());
  }

  void release_after_use(ValueId v) {
    if (graph().is_output(v) || p_.steps.empty() || graph().value(v).producer == kNone) return;
    // What aliases a dynamic value lives in it.
    p_.steps[last_use_[v]].release.push_back(v);
  }

  uint64_t arena_bytes() const {
    std::vector<uint64_t> offsets;
    uint64_t total = UINT64_MAX;
    (void)p_.memory.place(hint_sizes().front(), offsets, total);
    return total;
  }

  // Sizes at which the layout is optimised: any symbol 64, a typical small sequence or picture, or
  // larger, or 1.
  std::vector<std::vector<int64_t>> hint_sizes() const {
    std::vector<std::vector<int64_t>> hints;
    std::vector<int64_t> values;
    for (const int64_t guess : {64, 224, 1}) {
      const std::vector<int64_t> symbols(p_.dims.symbols().size(), guess);
      if (p_.dims.evaluate(symbols, values).ok()) hints.push_back(values);
      if (symbols.empty()) break;
    }
    if (hints.empty()) hints.emplace_back(p_.dims.size(), 64);
    return hints;
  }

  // Constants that no step has yet to pack or will read go at once, so that the sources of the
  // weights and the packed ones are never all there together.
  void count_constant_uses() {
    Graph& g = graph();
    constant_uses_.assign(g.num_values(), 0);
    for (NodeId id : g.order()) {
      for (ValueId v : g.node(id).inputs) {
        if (v != kNone) ++constant_uses_[v];
      }
    }
    for (ValueId v : g.outputs()) ++constant_uses_[v];
    for (ValueId v = 0; v < g.num_values(); ++v) {
      if (constant_uses_[v] == 0) drop_constant(g.value(v));
    }
  }

  void drop_packed_constants(const Step& step) {
    const Node& n = graph().node(step.node);
    for (size_t i = 0; i < n.inputs.size(); ++i) {
      const ValueId v = n.inputs[i];
      if (v == kNone || step.kernel->reads_input(i)) continue;
      if (--constant_uses_[v] == 0) {
        drop_constant(graph().value(v));
      } else if (const std::optional<Tensor>& t = graph().value(v).constant; t) {
        release_pages(t->raw(), t->size_bytes());
      }
    }
  }

  static void drop_what_body_dropped(Graph& body, const Graph& planned) {
    for (ValueId v = 0; v < body.num_values(); ++v) {
      const std::optional<Tensor>& t = planned.value(v).constant;
      if (t && t->raw() == nullptr && body.value(v).constant) drop_constant(body.value(v));
    }
  }

  // What remains is a tensor without storage, so that dims stay visible.
  static void drop_constant(GraphValue& value) {
    if (!value.constant || value.overridable) return;
    const Tensor t = *std::move(value.constant);
    if (t.dtype() != DType::kString) release_pages(t.raw(), t.size_bytes());
    value.constant = Tensor::borrow(t.dtype(), t.dims(), static_cast<void*>(nullptr));
  }

  Program& p_;
  const PlanOptions& o_;
  std::vector<uint32_t> last_use_, first_def_;
  std::vector<uint32_t> constant_uses_;  // that may still read the value
  std::vector<Dim> offsets_;             // of aliases, in elements of what they lie in
  std::vector<uint8_t> in_rows_;   // aliases whose rows are parts of the rows that they lie in
  std::vector<uint32_t> step_of_;  // by NodeId
  bool join_ = true;
  size_t joins_ = 0;
  std::set<std::string, std::less<>> late_symbols_;  // that steps so far give a value
};

}  // namespace

Status prepare_graph(Graph& graph, const PlanOptions& options) {
  if (options.reference_only || options.is_group) return {};
  FERRY_RETURN_IF_ERROR(assign_layouts(graph));
  form_groups(graph, options.exact);
  form_strips(graph, options);
  return {};
}

Result<std::unique_ptr<Program>> plan_graph(std::unique_ptr<Graph> graph,
                                            const PlanOptions& options) {
  auto program = std::make_unique<Program>();
  for (NodeId id : graph->order()) {
    const Group* group = graph->node(id).op.as<Group>();
    program->strips += group != nullptr && group->strips ? 1 : 0;
  }
  program->graph = std::move(graph);
  FERRY_RETURN_IF_ERROR(Planner(*program, options).run());
  return program;
}

Result<std::unique_ptr<Program>> make_program(std::unique_ptr<Graph> graph,
                                              const PlanOptions& options) {
  PanelStore own;
  PlanOptions chosen = options;
  if (chosen.panels == nullptr) chosen.panels = &own;
  FERRY_RETURN_IF_ERROR(prepare_graph(*graph, chosen));
  FERRY_ASSIGN_OR_RETURN(auto program, plan_graph(std::move(graph), chosen));
  if (chosen.panels != &own) return program;
  FERRY_RETURN_IF_ERROR(own.pack(chosen.threads, chosen.budget));
  program->source_bytes = own.source_bytes();
  return program;
}

}  // namespace ferry
