// SPDX-License-Identifier: Apache-2.0
#include "passes/merge_duplicates.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "passes/match.h"

namespace ferry {
namespace {

// Constants are told apart by their first and last bytes before they are compared whole.
constexpr size_t kSampleBytes = 256;

uint64_t mix(uint64_t h, uint64_t v) {
  h = (h ^ v) * 0x9e3779b97f4a7c15ull;
  return h ^ (h >> 29);
}

uint64_t hash_bytes(uint64_t h, const void* data, size_t n) {
  const auto* p = static_cast<const unsigned char*>(data);
  for (size_t i = 0; i < n; ++i) h = mix(h, p[i]);
  return h;
}

uint64_t hash_tensor(const Tensor& t) {
  const size_t n = t.size_bytes(), part = std::min(n, kSampleBytes);
  uint64_t h = mix(static_cast<uint64_t>(t.dtype()), n);
  for (int64_t d : t.dims()) h = mix(h, static_cast<uint64_t>(d));
  h = hash_bytes(h, t.raw(), part);
  return hash_bytes(h, static_cast<const char*>(t.raw()) + (n - part), part);
}

bool equal_bits(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || !(a.dims() == b.dims())) return false;
  return a.raw() == b.raw() || a.size_bytes() == 0 ||
         std::memcmp(a.raw(), b.raw(), a.size_bytes()) == 0;
}

size_t merge_constants(Graph& g) {
  std::multimap<uint64_t, ValueId> seen;
  size_t changes = 0;
  for (ValueId v = 0; v < g.num_values(); ++v) {
    const Tensor* t = constant_of(g, v);
    if (t == nullptr || t->dtype() == DType::kString || g.is_input(v)) continue;
    if (g.value(v).users.empty() && !g.is_output(v)) continue;
    const uint64_t h = hash_tensor(*t);
    const auto [from, to] = seen.equal_range(h);
    const auto same = std::find_if(
        from, to, [&](const auto& e) { return equal_bits(*g.value(e.second).constant, *t); });
    if (same == to) {
      seen.emplace(h, v);
    } else {
      g.replace_uses(v, same->second);
      ++changes;
    }
  }
  return changes;
}

std::vector<ValueId> canonical_inputs(const Node& n) {
  std::vector<ValueId> in = n.inputs;
  if (n.op.def().commutative && in.size() == 2) std::sort(in.begin(), in.end());
  return in;
}

bool equal_nodes(const Node& a, const Node& b) {
  if (!(a.op == b.op) || a.outputs.size() != b.outputs.size()) return false;
  for (size_t i = 0; i < a.outputs.size(); ++i) {
    if (a.outputs[i] == kNone && b.outputs[i] != kNone) return false;
  }
  return canonical_inputs(a) == canonical_inputs(b);
}

size_t merge_nodes(Graph& g) {
  std::multimap<uint64_t, NodeId> seen;
  size_t changes = 0;
  for (NodeId id : g.order()) {
    const Node& n = g.node(id);
    if (!n.bodies.empty() || !n.op.def().deterministic) continue;
    uint64_t h = hash_bytes(0, n.op.name().data(), n.op.name().size());
    for (ValueId v : canonical_inputs(n)) h = mix(h, v);
    const auto [from, to] = seen.equal_range(h);
    const auto same =
        std::find_if(from, to, [&](const auto& e) { return equal_nodes(g.node(e.second), n); });
    if (same == to) {
      seen.emplace(h, id);
      continue;
    }
    bool used = false;
    const std::vector<ValueId> first = g.node(same->second).outputs, second = n.outputs;
    for (size_t i = 0; i < second.size(); ++i) {
      if (second[i] == kNone) continue;
      used |= !g.value(second[i]).users.empty() || g.is_output(second[i]);
      g.replace_uses(second[i], first[i]);
    }
    changes += used ? 1 : 0;
  }
  return changes;
}

}  // namespace

Pass merge_duplicates() {
  return {"merge_duplicates", {}, [](Graph& g, const PassOptions&) -> Result<size_t> {
            const size_t constants = merge_constants(g);
            return constants + merge_nodes(g);
          }};
}

}  // namespace ferry
