// SPDX-License-Identifier: Apache-2.0
#include "ops/ml/forest.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "base/status.h"
#include "tensor/visit.h"

namespace ferry {

Result<BranchMode> parse_branch_mode(const std::string& name) {
  static constexpr std::string_view kNames[] = {"BRANCH_LEQ",    "BRANCH_LT", "BRANCH_GTE",
                                                "BRANCH_GT",     "BRANCH_EQ", "BRANCH_NEQ",
                                                "BRANCH_MEMBER", "LEAF"};
  const auto* at = std::find(std::begin(kNames), std::end(kNames), name);
  if (at == std::end(kNames)) return invalid_model("node mode '{}'", name);
  return static_cast<BranchMode>(at - std::begin(kNames));
}

Result<Aggregate> parse_aggregate(const std::string& name) {
  if (name == "AVERAGE") return Aggregate::kAverage;
  if (name == "SUM") return Aggregate::kSum;
  if (name == "MIN") return Aggregate::kMin;
  if (name == "MAX") return Aggregate::kMax;
  return invalid_model("aggregate_function is '{}'", name);
}

void add_leaf(Aggregate how, double weight, bool seen, double& score) {
  if (!seen)
    score = weight;
  else if (how == Aggregate::kMin)
    score = std::min(score, weight);
  else if (how == Aggregate::kMax)
    score = std::max(score, weight);
  else
    score += weight;
}

void average(Aggregate how, size_t trees, std::vector<double>& scores) {
  if (how != Aggregate::kAverage || trees == 0) return;
  for (double& s : scores) s /= static_cast<double>(trees);
}

Status Forest::check() {
  for (const ForestNode& n : nodes) {
    const bool leaf = n.mode == BranchMode::kLeaf;
    const size_t limit = leaf ? leaves.size() + 1 : nodes.size();
    if (n.yes >= limit || n.no >= limit || (leaf && n.no < n.yes) ||
        n.members + n.num_members > members.size()) {
      return invalid_model("a node points outside its tree");
    }
    if (leaf) continue;
    if (n.feature < 0 || n.feature == INT64_MAX) return invalid_model("feature {}", n.feature);
    num_features = std::max(num_features, n.feature + 1);
  }
  for (const ForestLeaf& l : leaves) {
    if (l.target < 0 || l.target >= num_targets) {
      return invalid_model("target {} outside [0, {})", l.target, num_targets);
    }
  }
  for (size_t r : roots) {
    if (r >= nodes.size()) return invalid_model("a root points outside the nodes");
  }
  return {};
}

namespace {

bool takes_yes(const Forest& f, const ForestNode& n, double v) {
  if (std::isnan(v) && n.missing_is_true) return true;
  switch (n.mode) {
    case BranchMode::kLeq:
      return v <= n.split;
    case BranchMode::kLt:
      return v < n.split;
    case BranchMode::kGte:
      return v >= n.split;
    case BranchMode::kGt:
      return v > n.split;
    case BranchMode::kEq:
      return v == n.split;
    case BranchMode::kNeq:
      return v != n.split;
    case BranchMode::kMember: {
      const auto first = f.members.begin() + static_cast<std::ptrdiff_t>(n.members);
      return std::find(first, first + static_cast<std::ptrdiff_t>(n.num_members), v) !=
             first + static_cast<std::ptrdiff_t>(n.num_members);
    }
    case BranchMode::kLeaf:
      break;
  }
  return false;
}

}  // namespace

Status Forest::evaluate(std::span<const double> x, Aggregate how,
                        std::vector<double>& scores) const {
  scores.assign(static_cast<size_t>(num_targets), 0);
  std::vector<bool> seen(scores.size(), false);
  for (size_t root : roots) {
    size_t at = root, steps = 0;
    while (nodes[at].mode != BranchMode::kLeaf) {
      if (++steps > nodes.size()) return invalid_model("a tree leads back to its own nodes");
      const ForestNode& n = nodes[at];
      at = takes_yes(*this, n, x[static_cast<size_t>(n.feature)]) ? n.yes : n.no;
    }
    for (size_t l = nodes[at].yes; l < nodes[at].no; ++l) {
      const auto target = static_cast<size_t>(leaves[l].target);
      add_leaf(how, leaves[l].weight, seen[target], scores[target]);
      seen[target] = true;
    }
  }
  average(how, roots.size(), scores);
  return {};
}

Result<std::vector<double>> number_list(const std::vector<float>& list, const Tensor& as_tensor) {
  if (!as_tensor.defined()) return std::vector<double>(list.begin(), list.end());
  std::vector<double> out;
  FERRY_RETURN_IF_ERROR(visit_floating(as_tensor.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    for (T v : as_tensor.elements<T>())
      out.push_back(static_cast<double>(static_cast<compute_t<T>>(v)));
    return {};
  }));
  return out;
}

namespace {

using Key = std::pair<int64_t, int64_t>;  // tree, node

// Places of nodes in their lists.
class NodeIndex {
 public:
  explicit NodeIndex(const TreeAttributes& a) {
    for (size_t i = 0; i < a.nodes_treeids.size(); ++i) {
      entries_.emplace_back(Key{a.nodes_treeids[i], a.nodes_nodeids[i]}, i);
    }
    if (!std::ranges::is_sorted(entries_)) std::ranges::sort(entries_);
  }
  // A node that is there twice.
  std::optional<Key> twice() const {
    const auto at = std::ranges::adjacent_find(entries_, {}, &Entry::first);
    return at == entries_.end() ? std::nullopt : std::optional(at->first);
  }
  std::optional<size_t> find(Key key) const {
    const auto at = std::ranges::lower_bound(entries_, key, {}, &Entry::first);
    if (at == entries_.end() || at->first != key) return std::nullopt;
    return at->second;
  }

 private:
  using Entry = std::pair<Key, size_t>;
  std::vector<Entry> entries_;
};

// Elementary operations of a search in a large map.
constexpr int64_t kSearchWork = 256;

}  // namespace

Status check_sizes(const TreeAttributes& a) {
  const auto size = [](const std::vector<float>& list, const Tensor& tensor) {
    return tensor.defined() ? static_cast<size_t>(tensor.count()) : list.size();
  };
  const size_t n = a.nodes_modes.size(), m = a.leaf_ids.size();
  const auto& missing = a.nodes_missing_value_tracks_true;
  if (a.nodes_treeids.size() != n || a.nodes_nodeids.size() != n ||
      a.nodes_featureids.size() != n || a.nodes_truenodeids.size() != n ||
      a.nodes_falsenodeids.size() != n || size(a.nodes_values, a.nodes_values_as_tensor) != n ||
      (!missing.empty() && missing.size() != n) || a.leaf_treeids.size() != m ||
      a.leaf_nodeids.size() != m || size(a.leaf_weights, a.leaf_weights_as_tensor) != m) {
    return invalid_model("the lists of {} nodes and {} leaf weights differ in length", n, m);
  }
  return {};
}

Result<Forest> make_forest(const TreeAttributes& a, int64_t num_targets, PollEvery& polls) {
  FERRY_ASSIGN_OR_RETURN(const std::vector<double> values,
                         number_list(a.nodes_values, a.nodes_values_as_tensor));
  FERRY_ASSIGN_OR_RETURN(const std::vector<double> weights,
                         number_list(a.leaf_weights, a.leaf_weights_as_tensor));
  FERRY_RETURN_IF_ERROR(check_sizes(a));
  Forest f;
  f.num_targets = num_targets;
  const size_t count = a.nodes_modes.size();
  const NodeIndex index(a);
  if (const auto twice = index.twice()) {
    return invalid_model("node {} of tree {} is given twice", twice->second, twice->first);
  }
  std::set<int64_t> trees;
  for (size_t i = 0; i < count; ++i) {
    const int64_t tree = a.nodes_treeids[i];
    const bool is_next = i > 0 && a.nodes_treeids[i - 1] == tree;
    if (!is_next && trees.insert(tree).second) f.roots.push_back(i);
  }
  std::vector<std::vector<size_t>> leaves_of(count);
  for (size_t i = 0; i < a.leaf_ids.size(); ++i) {
    FERRY_RETURN_IF_ERROR(polls.spend(kSearchWork));
    const auto node = index.find({a.leaf_treeids[i], a.leaf_nodeids[i]});
    if (!node) {
      return invalid_model("a weight belongs to node {} of tree {}, which is not given",
                           a.leaf_nodeids[i], a.leaf_treeids[i]);
    }
    leaves_of[*node].push_back(i);
  }
  f.nodes.reserve(count);
  f.leaves.reserve(a.leaf_ids.size());
  for (size_t i = 0; i < count; ++i) {
    FERRY_RETURN_IF_ERROR(polls.spend(kSearchWork));
    ForestNode n;
    FERRY_ASSIGN_OR_RETURN(n.mode, parse_branch_mode(a.nodes_modes[i]));
    if (n.mode == BranchMode::kMember) return invalid_model("node mode 'BRANCH_MEMBER'");
    n.missing_is_true =
        !a.nodes_missing_value_tracks_true.empty() && a.nodes_missing_value_tracks_true[i] != 0;
    n.feature = a.nodes_featureids[i];
    n.split = values[i];
    if (n.mode == BranchMode::kLeaf) {
      n.yes = f.leaves.size();
      for (size_t l : leaves_of[i]) f.leaves.push_back({a.leaf_ids[l], weights[l]});
      n.no = f.leaves.size();
    } else {
      const auto yes = index.find({a.nodes_treeids[i], a.nodes_truenodeids[i]});
      const auto no = index.find({a.nodes_treeids[i], a.nodes_falsenodeids[i]});
      if (!yes || !no) {
        return invalid_model("node {} of tree {} has a branch that is not given",
                             a.nodes_nodeids[i], a.nodes_treeids[i]);
      }
      n.yes = *yes;
      n.no = *no;
    }
    f.nodes.push_back(n);
  }
  FERRY_RETURN_IF_ERROR(f.check());
  return f;
}

}  // namespace ferry
