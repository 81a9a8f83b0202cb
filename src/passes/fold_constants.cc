// SPDX-License-Identifier: Apache-2.0
#include "passes/fold_constants.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/status.h"
#include "ops/math/matmul.h"
#include "passes/match.h"
#include "passes/permutation.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

bool is_used(const Graph& g, ValueId v) {
  return v != kNone && (!g.value(v).users.empty() || g.is_output(v));
}

// Weights that an embedding shares: fuse_weight_transpose reads them as they lie, where folding
// would hold them twice.
constexpr size_t kSharedWeightBytes = 1 << 20;
bool is_shared_weight(const Graph& g, const Node& n) {
  if (n.op.as<Transpose>() == nullptr || g.value(n.inputs[0]).users.size() < 2) return false;
  const Tensor* t = constant_of(g, n.inputs[0]);
  if (t == nullptr || t->rank() != 2 || t->size_bytes() < kSharedWeightBytes) return false;
  if (permutation_of(g, n) != Permutation{1, 0} || !g.has_single_use(n.outputs[0])) return false;
  const Node& user = g.node(g.value(n.outputs[0]).users.front());
  return user.op.as<MatMul>() != nullptr && user.inputs[1] == n.outputs[0];
}

bool foldable(const Graph& g, const Node& n) {
  if (!n.bodies.empty() || !n.op.def().deterministic || !n.op.def().eval) return false;
  if (n.op.is("DequantizeLinear")) return false;
  if (std::none_of(n.outputs.begin(), n.outputs.end(), [&](ValueId v) { return is_used(g, v); })) {
    return false;
  }
  return has_constant_inputs(g, n) && !is_shared_weight(g, n);
}

// Bytes of an output as far as its type tells.
uint64_t expected_bytes(const Type& t) {
  if (!t.has_rank()) return 0;
  const auto dims = constant_dims(*t.shape);
  if (!dims) return 0;
  double bytes = std::max(1, dtype_bits(t.dtype)) / 8.0;
  for (int64_t d : *dims) bytes *= static_cast<double>(d);
  // Negative where a shape cannot be: that fails when it runs.
  return bytes >= 0 && bytes < 1e18 ? static_cast<uint64_t>(bytes) : UINT64_MAX;
}

// What one Pass object may spend, over all its places in a pipeline and all bodies.
struct Purse {
  std::optional<uint64_t> bytes;                              // left of PassOptions.max_fold_bytes
  uint64_t written = 0;                                       // by all that was folded
  std::map<std::pair<const Graph*, ValueId>, uint64_t> made;  // constants, and what they took of it
  std::set<std::pair<const Graph*, NodeId>> abandoned;        // took too long
};

class Folder {
 public:
  Folder(Graph& graph, const PassOptions& options, Purse& purse)
      : g_(graph),
        options_(options),
        written_(purse.written),
        made_(purse.made),
        abandoned_(purse.abandoned),
        left_(*purse.bytes) {}

  Result<size_t> run() {
    size_t changes = 0;
    for (NodeId id : g_.order()) {
      if (options_.poll) FERRY_RETURN_IF_ERROR(options_.poll());
      changes += fold_known(id);
      if (foldable(g_, g_.node(id))) {
        FERRY_ASSIGN_OR_RETURN(const size_t folded, fold(id));
        changes += folded;
      }
    }
    return changes;
  }

 private:
  ValueId replace(ValueId old, Tensor tensor) {
    const ValueId c = g_.add_constant(std::move(tensor));
    g_.replace_uses(old, c);
    return c;
  }

  size_t fold_known(NodeId id) {
    size_t changes = 0;
    const std::vector<ValueId> outputs = g_.node(id).outputs;
    for (ValueId v : outputs) {
      if (!is_used(g_, v)) continue;
      const GraphValue& value = g_.value(v);
      if (!value.known || value.constant || !value.type.has_rank()) continue;
      const auto dims = constant_dims(*value.type.shape);
      const auto ints = constant_ints(g_, v);
      if (!dims || !ints || dims->count() != static_cast<int64_t>(ints->size())) continue;
      Tensor t = make_ints(value.type.dtype, *dims, *ints);
      if (!t.defined()) continue;
      replace(v, std::move(t));
      ++changes;
    }
    return changes;
  }

  static Tensor make_ints(DType dtype, const Dims& dims, const std::vector<int64_t>& ints) {
    const auto fill = [&]<class T>(TypeTag<T>) {
      Result<Tensor> t = Tensor::allocate(dtype, dims);
      if (!t.ok()) return Tensor();
      for (size_t i = 0; i < ints.size(); ++i) t->data<T>()[i] = static_cast<T>(ints[i]);
      return *std::move(t);
    };
    switch (dtype) {
      case DType::kInt64:
        return fill(TypeTag<int64_t>{});
      case DType::kInt32:
        return fill(TypeTag<int32_t>{});
      case DType::kBool:
        return fill(TypeTag<bool>{});
      default:
        return {};
    }
  }

  Result<size_t> fold(NodeId id) {
    if (abandoned_.contains({&g_, id})) return 0;
    if (written_ / kMostPerKept > options_.max_fold_bytes) return 0;
    const Node& n = g_.node(id);
    for (ValueId v : n.outputs) {
      if (v == kNone) continue;
      const uint64_t bytes = expected_bytes(g_.value(v).type);
      if (bytes > options_.max_fold_bytes_per_value || bytes > left_) return 0;
    }
    std::vector<Value> inputs, outputs;
    for (ValueId v : n.inputs) inputs.push_back(v == kNone ? Value() : *g_.value(v).constant);
    InterpretOptions interpret;
    interpret.budget = options_.budget;
    const auto limit = abandoned_.size() < kMaxAbandoned ? kTime : kTimeWhenWary;
    const auto until = Clock::now() + limit;
    const auto computed_until = time_computed() + limit;
    interpret.poll = [&]() -> Status {
      if (options_.poll) FERRY_RETURN_IF_ERROR(options_.poll());
      if (Clock::now() < until || time_computed() < computed_until) return {};
      return make_error(Code::kDeadlineExceeded, "folding takes too long");
    };
    // A node that cannot run here fails where its model says it does: at run time.
    const Status s = options_.evaluate ? options_.evaluate(n, inputs, outputs, interpret, until)
                                       : interpret_node(n, inputs, outputs, interpret);
    if (!s.ok()) {
      if (s.code() == Code::kDeadlineExceeded) abandoned_.insert({&g_, id});
      return 0;
    }
    uint64_t bytes = 0;
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (!is_used(g_, n.outputs[i])) continue;
      if (!outputs[i].is_tensor()) return 0;
      bytes += outputs[i].tensor().size_bytes();
    }
    if (bytes > left_ || bytes > options_.max_fold_bytes_per_value) return 0;
    left_ -= bytes;
    written_ += bytes;
    const std::vector<ValueId> old = n.outputs, used = n.inputs;
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (!is_used(g_, old[i])) continue;
      const ValueId made = replace(old[i], outputs[i].tensor());
      made_[{&g_, made}] = outputs[i].tensor().size_bytes();
    }
    g_.remove_node(id);
    for (ValueId v : used) let_go(v);
    return 1;
  }

  // Only the last constant of a chain counts, and takes memory: weights that are computed from
  // others would exhaust the limit otherwise.
  void let_go(ValueId v) {
    if (v == kNone || is_used(g_, v)) return;
    const auto made = made_.find({&g_, v});
    if (made == made_.end()) return;
    left_ += made->second;
    made_.erase(made);
    g_.value(v).constant.reset();
  }

  // A few hundred bytes of constants can take years to compute (Einsum, RoiAlign). What takes
  // longer than any real constant is left to run time, where the caller's deadline holds. Time
  // that other programs took does not count: what is folded decides the bits of results.
  using Clock = std::chrono::steady_clock;
  static std::chrono::nanoseconds time_computed() {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
  }
  static constexpr std::chrono::milliseconds kTime{300}, kTimeWhenWary{10};
  static constexpr size_t kMaxAbandoned = 2;
  // Bytes that may be computed for each that may be kept: a chain of weight normalization has seven
  // links, a file of endless ones would take endless time.
  static constexpr uint64_t kMostPerKept = 8;

  Graph& g_;
  const PassOptions& options_;
  uint64_t& written_;
  std::map<std::pair<const Graph*, ValueId>, uint64_t>& made_;
  std::set<std::pair<const Graph*, NodeId>>& abandoned_;
  uint64_t& left_;
};

}  // namespace

Pass fold_constants() {
  return {
      "fold_constants", {}, [purse = std::make_shared<Purse>()](Graph& g, const PassOptions& o) {
        if (!purse->bytes) purse->bytes = o.max_fold_bytes;
        return Folder(g, o, *purse).run();
      }};
}

}  // namespace ferry
