// SPDX-License-Identifier: Apache-2.0
#include "plan/graph_codec.h"

#include <sys/mman.h>

#include <algorithm>

#include "base/status.h"
#include "ir/verify.h"
#include "ops/registry.h"
#include "plan/op_state.h"
#include "plan/value_codec.h"
#include "tensor/size.h"

namespace ferry {
namespace {

// Bodies in bodies.
constexpr int kMaxGraphDepth = 64;

class GraphWriter {
 public:
  GraphWriter(ValueWriter& values, const PlaceConstant& place) : w_(values), place_(place) {}

  void graph(const Graph& g) {
    ByteWriter& out = w_.out();
    out.text(g.name);
    out.text(g.scope);
    const std::vector<NodeId> order = g.order();
    std::vector<uint32_t> id(g.num_values(), kNone);
    std::vector<ValueId> live = live_values(g, order);
    for (size_t i = 0; i < live.size(); ++i) id[live[i]] = static_cast<uint32_t>(i);
    out.list(live, [&](ValueId v) { value(g, v); });
    const auto ids = [&](const std::vector<ValueId>& list) {
      out.list(list, [&](ValueId v) { out.number(v == kNone ? kNone : id[v]); });
    };
    ids(g.inputs());
    out.list(order, [&](NodeId n) {
      node(g.node(n));
      ids(g.node(n).inputs);
      ids(g.node(n).outputs);
    });
    ids(g.outputs());
    out.list(g.output_names(), [&](const std::string& name) { out.text(name); });
  }

 private:
  static std::vector<ValueId> live_values(const Graph& g, const std::vector<NodeId>& order) {
    std::vector<uint8_t> used(g.num_values(), 0);
    const auto use = [&](const std::vector<ValueId>& list) {
      for (ValueId v : list) {
        if (v != kNone) used[v] = 1;
      }
    };
    use(g.inputs());
    use(g.outputs());
    for (NodeId n : order) {
      use(g.node(n).inputs);
      use(g.node(n).outputs);
    }
    std::vector<ValueId> live;
    for (ValueId v = 0; v < g.num_values(); ++v) {
      if (used[v]) live.push_back(v);
    }
    return live;
  }

  void value(const Graph& g, ValueId id) {
    ByteWriter& out = w_.out();
    const GraphValue& v = g.value(id);
    out.text(v.name);
    w_.type(v.type);
    out.number(static_cast<uint8_t>(v.overridable));
    out.number(static_cast<uint8_t>(v.known.has_value()));
    if (v.known) out.list(*v.known, [&](const Dim& d) { w_.dim(d); });
    out.number(static_cast<uint8_t>(v.constant.has_value()));
    if (!v.constant) return;
    const ConstantPlace place = place_(g, id);
    out.number(static_cast<uint8_t>(place.has_value()));
    if (!place) return w_.tensor(*v.constant);
    out.number(static_cast<uint8_t>(v.constant->dtype()));
    w_.dims(v.constant->dims());
    out.list(*place, [&](uint64_t x) { out.number(x); });
  }

  void node(const Node& n) {
    ByteWriter& out = w_.out();
    out.text(n.name);
    out.text(n.op.def().full_name());
    for (const AttrBinding& b : n.op.def().attrs) {
      const std::optional<AttrValue> value = b.get(n.op.attrs());
      out.number(static_cast<uint8_t>(value.has_value()));
      if (value) w_.attribute(*value);
    }
    out.list(get_state(n.op), [&](int64_t x) { out.number(x); });
    out.list(n.bodies, [&](const std::unique_ptr<Graph>& body) { graph(*body); });
    out.number(n.num_captures);
    out.number(static_cast<uint8_t>(n.origin != nullptr));
    if (!n.origin) return;
    out.list(n.origin->nodes, [&](const std::string& s) { out.text(s); });
  }

  ValueWriter& w_;
  const PlaceConstant& place_;
};

class GraphReader {
 public:
  GraphReader(ValueReader& values, const FindConstant& find) : r_(values), find_(find) {}

  std::unique_ptr<Graph> graph(int depth) {
    auto g = std::make_unique<Graph>();
    ByteReader& in = r_.in();
    if (depth == kMaxGraphDepth) in.fail();
    g->name = in.text();
    g->scope = in.text();
    const uint32_t values = in.length();
    for (uint32_t i = 0; i < values && in.ok(); ++i) value(*g);
    g->set_inputs(ids(values, false));
    const uint32_t nodes = in.length();
    std::vector<uint8_t> produced(values, 0);
    for (uint32_t i = 0; i < nodes && in.ok(); ++i) {
      Node n = node(depth);
      n.inputs = ids(values, true);
      n.outputs = ids(values, true);
      // A second definition would make the lists of the graph disagree.
      for (ValueId v : n.outputs) {
        if (v != kNone && (produced[v]++ != 0 || g->value(v).constant)) in.fail();
      }
      if (in.ok()) g->add_node(std::move(n));
    }
    const std::vector<ValueId> outputs = ids(values, false);
    const std::vector<std::string> names = in.list([&] { return in.text(); }, sizeof(uint32_t));
    if (names.size() != outputs.size()) in.fail();
    if (in.ok()) set_outputs(*g, outputs, names);
    return g;
  }

 private:
  // An output takes its name from a value, and keeps it when another takes the value's place.
  static void set_outputs(Graph& g, const std::vector<ValueId>& outputs,
                          const std::vector<std::string>& names) {
    std::vector<ValueId> named = outputs;
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (g.value(outputs[i]).name != names[i]) named[i] = g.add_value(names[i]);
    }
    g.set_outputs(named);
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (named[i] != outputs[i]) g.replace_uses(named[i], outputs[i]);
    }
  }

  std::vector<ValueId> ids(uint32_t count, bool absent) {
    ByteReader& in = r_.in();
    std::vector<ValueId> list = in.list([&] { return in.number<uint32_t>(); }, sizeof(uint32_t));
    for (ValueId v : list) {
      if (v >= count && !(absent && v == kNone)) in.fail();
    }
    if (!in.ok()) list.clear();
    return list;
  }

  void value(Graph& g) {
    ByteReader& in = r_.in();
    std::string name = in.text();
    const ValueId id = g.add_value(std::move(name), r_.type());
    GraphValue& v = g.value(id);
    v.overridable = in.flag();
    if (in.flag()) v.known = in.list([&] { return r_.dim(); });
    if (!in.flag()) return;
    if (!in.flag()) {
      v.constant = r_.tensor();
      return;
    }
    const DType type = r_.dtype();
    const Dims dims = r_.dims();
    const std::vector<uint64_t> place =
        in.list([&] { return in.number<uint64_t>(); }, sizeof(uint64_t));
    if (!in.ok()) return;
    if (!checked_size_bytes(type, dims).ok()) return in.fail();
    v.constant = place.empty() ? zeros(type, dims) : find_(place, type, dims);
    if (!v.constant->defined()) in.fail();
  }

  // Stands for a constant that nobody reads any more. A forged graph may well read it: it is there,
  // as pages of zeros that take no memory. Undefined where the machine has no such range.
  Tensor zeros(DType type, const Dims& dims) {
    const auto bytes = static_cast<size_t>(*checked_size_bytes(type, dims));
    if (type == DType::kString || type == DType::kUndefined) return {};
    if (bytes > zeros_bytes_) {
      const size_t wanted = std::max(bytes, 2 * zeros_bytes_);
      if (wanted > kMostZeros) return {};
      void* p =
          mmap(nullptr, wanted, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (p == MAP_FAILED) return {};
      zeros_ = std::shared_ptr<void>(p, [wanted](void* mapped) { (void)munmap(mapped, wanted); });
      zeros_bytes_ = wanted;
    }
    return Tensor::share(type, dims, zeros_.get(), zeros_);
  }

  Node node(int depth) {
    ByteReader& in = r_.in();
    Node n;
    n.name = in.text();
    const OpDef* def = op_registry().find(in.text());
    if (def == nullptr) in.fail();
    if (!in.ok()) return n;
    const std::shared_ptr<void> attrs = def->make();
    for (const AttrBinding& b : def->attrs) {
      if (!in.flag() || !in.ok()) continue;
      AttrValue value = r_.attribute();
      if (!in.ok() || !b.set(attrs.get(), std::move(value)).ok()) in.fail();
    }
    const std::vector<int64_t> state =
        in.list([&] { return in.number<int64_t>(); }, sizeof(int64_t));
    if (!set_state(*def, attrs.get(), state)) in.fail();
    n.op = Op(def, attrs);
    const uint32_t bodies = in.length();
    for (uint32_t i = 0; i < bodies && in.ok(); ++i) n.bodies.push_back(graph(depth + 1));
    n.num_captures = in.number<uint32_t>();
    if (!in.flag()) return n;
    auto origin = std::make_shared<Origin>();
    origin->nodes = in.list([&] { return in.text(); }, sizeof(uint32_t));
    n.origin = std::move(origin);
    return n;
  }

  static constexpr size_t kMostZeros = size_t{1} << 46;

  ValueReader& r_;
  const FindConstant& find_;
  std::shared_ptr<void> zeros_;
  size_t zeros_bytes_ = 0;
};

}  // namespace

std::vector<std::byte> encode_graph(const Graph& graph, const PlaceConstant& place) {
  ValueWriter values;
  GraphWriter(values, place).graph(graph);
  return values.finish();
}

Result<std::unique_ptr<Graph>> decode_graph(std::span<const std::byte> bytes,
                                            const FindConstant& find, MemoryBudget* budget) {
  ValueReader values(bytes, budget);
  std::unique_ptr<Graph> graph = GraphReader(values, find).graph(0);
  if (!values.in().ok() || !values.in().at_end()) {
    return invalid_model("the bytes are no graph of this build");
  }
  if (const Status sound = verify(*graph); !sound.ok()) {
    return invalid_model("the graph is not sound: {}", sound.message());
  }
  return graph;
}

}  // namespace ferry
