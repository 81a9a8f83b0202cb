// SPDX-License-Identifier: Apache-2.0
// Forests that are made once, when the model loads. Rows of floats, or of doubles, walk down each
// tree eight at a time, so that nobody waits for one comparison before the next row's.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "ops/ml/tree_ensemble.h"
#include "ops_cpu/parallel.h"
#include "plan/step_kernel.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

// Goes to child[x[feature] <= split]; a leaf's children are itself, and the bits of its split are
// the number of its PackedLeaf.
template <class T>
struct PackedNode {
  T split = 0;
  int32_t feature = 0;
  std::array<int32_t, 2> child = {0, 0};
};
// One weight, or those of Forest::leaves from `target_or_first` on.
struct PackedLeaf {
  double weight = 0;
  int32_t target_or_first = 0, count = 0;
};
struct PackedTree {
  int32_t root = 0, depth = 0;  // of the longest path
};

// The depth of every node's longest path; nullopt where a node leads back to itself.
std::optional<std::vector<int32_t>> depths_of(const Forest& f) {
  constexpr int32_t kUnknown = -1, kOpen = -2;
  std::vector<int32_t> depth(f.nodes.size(), kUnknown);
  std::vector<size_t> path;
  for (size_t root : f.roots) {
    path.push_back(root);
    while (!path.empty()) {
      const size_t at = path.back();
      const ForestNode& n = f.nodes[at];
      if (n.mode == BranchMode::kLeaf) {
        depth[at] = 0;
      } else if (depth[at] == kUnknown) {
        depth[at] = kOpen;
        for (size_t next : {n.yes, n.no}) {
          if (depth[next] == kOpen) return std::nullopt;
          if (depth[next] == kUnknown) path.push_back(next);
        }
        continue;
      } else if (depth[at] == kOpen) {
        depth[at] = 1 + std::max(depth[n.yes], depth[n.no]);
      }
      path.pop_back();
    }
  }
  return depth;
}

// Every order is one of <= where x is a T and not NaN; other nodes have no packed form.
template <class T>
std::optional<PackedNode<T>> packed(const ForestNode& n) {
  constexpr T kLeast = -std::numeric_limits<T>::infinity();
  const auto number = [](size_t i) { return static_cast<int32_t>(i); };
  if (n.mode > BranchMode::kGt || n.feature > INT32_MAX) return std::nullopt;
  auto split = static_cast<T>(n.split);
  if (static_cast<double>(split) > n.split) split = std::nextafter(split, kLeast);
  const bool strict = n.mode == BranchMode::kLt || n.mode == BranchMode::kGte;
  if (strict && static_cast<double>(split) == n.split) {
    if (std::isinf(split)) return std::nullopt;
    split = std::nextafter(split, kLeast);
  }
  PackedNode<T> p{split, number(static_cast<size_t>(n.feature)), {number(n.no), number(n.yes)}};
  if (n.mode == BranchMode::kGt || n.mode == BranchMode::kGte) std::swap(p.child[0], p.child[1]);
  return p;
}

constexpr int64_t kTogether = 8;  // rows

template <class T>
class PackedForest {
 public:
  // Empty where a node has no packed form.
  static PackedForest of(const Forest& f, const std::vector<int32_t>& depths) {
    PackedForest out;
    for (size_t i = 0; i < f.nodes.size(); ++i) {
      const ForestNode& n = f.nodes[i];
      if (n.mode == BranchMode::kLeaf) {
        const auto self = static_cast<int32_t>(i);
        const auto leaf = static_cast<Bits>(out.leaves_.size());
        out.nodes_.push_back({std::bit_cast<T>(leaf), 0, {self, self}});
        const bool one = n.no - n.yes == 1;
        out.leaves_.push_back(
            {one ? f.leaves[n.yes].weight : 0,
             static_cast<int32_t>(one ? f.leaves[n.yes].target : static_cast<int64_t>(n.yes)),
             static_cast<int32_t>(n.no - n.yes)});
        continue;
      }
      const auto p = packed<T>(n);
      if (!p) return {};
      out.nodes_.push_back(*p);
    }
    for (size_t r : f.roots) out.trees_.push_back({static_cast<int32_t>(r), depths[r]});
    return out;
  }
  bool empty() const { return nodes_.empty(); }
  const std::vector<PackedTree>& trees() const { return trees_; }

  const PackedLeaf& leaf(int32_t node) const {
    const T number = nodes_[static_cast<size_t>(node)].split;
    return leaves_[static_cast<size_t>(std::bit_cast<Bits>(number))];
  }

  // The leaves that kTogether rows, `pitch` numbers apart, reach in a tree. No value is NaN.
  std::array<int32_t, kTogether> leaves_of(const PackedTree& tree, const T* x,
                                           int64_t pitch) const {
    std::array<int32_t, kTogether> at;
    at.fill(tree.root);
    for (int32_t step = 0; step < tree.depth; ++step) {
      int32_t moved = 0;
      for (size_t r = 0; r < kTogether; ++r) {
        const PackedNode<T>& n = nodes_[static_cast<size_t>(at[r])];
        const T v = x[static_cast<int64_t>(r) * pitch + n.feature];
        const int32_t next = n.child[static_cast<size_t>(v <= n.split)];
        moved |= next ^ at[r];
        at[r] = next;
      }
      if (moved == 0) break;
    }
    return at;
  }
  int32_t leaf_of(const PackedTree& tree, const T* x) const {
    int32_t at = tree.root;
    for (int32_t step = 0; step < tree.depth; ++step) {
      const PackedNode<T>& n = nodes_[static_cast<size_t>(at)];
      at = n.child[static_cast<size_t>(x[n.feature] <= n.split)];
    }
    return at;
  }

 private:
  using Bits = std::conditional_t<std::is_same_v<T, float>, int32_t, int64_t>;

  std::vector<PackedNode<T>> nodes_;
  std::vector<PackedLeaf> leaves_;
  std::vector<PackedTree> trees_;
};

class ForestStep final : public StepKernel {
 public:
  ForestStep(ForestModel model, const std::vector<int32_t>& depths, DType type, const Op& op)
      : model_(std::move(model)), op_(op) {
    if (type == DType::kFloat32) floats_ = PackedForest<float>::of(model_.forest, depths);
    if (type == DType::kFloat64) doubles_ = PackedForest<double>::of(model_.forest, depths);
  }
  std::string name() const override { return "forest"; }
  std::string tactic() const override {
    return floats_.empty() && doubles_.empty() ? "row by row"
                                               : "8 rows at a time, unless they hold NaN";
  }

  Status run(StepContext& c) const override {
    const Tensor& x = c.input(0);
    FERRY_RETURN_IF_ERROR(check_rows(x));
    const int64_t n = x.rank() == 2 ? x.dim(0) : 1, targets = model_.forest.num_targets;
    FERRY_RETURN_IF_ERROR(model_.check_features(x.dims().back()));
    const auto* classifier = op_.as<TreeEnsembleClassifier>();
    Tensor labels;
    if (classifier != nullptr) {
      FERRY_ASSIGN_OR_RETURN(labels, c.output(0, labels_of(*classifier).dtype(), Dims{n}));
    }
    const DType type = op_.as<TreeEnsemble>() != nullptr ? x.dtype() : DType::kFloat32;
    FERRY_ASSIGN_OR_RETURN(Tensor y,
                           c.output(classifier != nullptr ? 1 : 0, type, Dims{n, targets}));
    const auto trees = static_cast<int64_t>(model_.forest.roots.size());
    const int64_t work = n * (trees * 8 + targets);
    const int64_t most = std::min(kMostRows, kMostSteps / std::max({trees, targets, int64_t{1}}));
    const int64_t wanted = std::max<int64_t>(n / (2 * c.team().size()), kTogether);
    const int64_t block = std::max<int64_t>(std::min(wanted, most), 1);
    return visit_numeric(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
      parallel_range(c.team(), (n + block - 1) / block, work >= kMinParallelValues,
                     [&](int64_t u0, int64_t u1, int) {
                       for (int64_t u = u0; u < u1; ++u) {
                         score_block(x.data<T>(), x.dims().back(), u * block,
                                     std::min(n, (u + 1) * block), classifier, labels, y);
                       }
                     });
      return {};
    });
  }

 private:
  // Rows that pass a tree before the next one: it stays in the cache.
  static constexpr int64_t kMostRows = 256;
  // Rows times trees, and times targets, before the deadline is looked at: sums stay small.
  static constexpr int64_t kMostSteps = 128 << 10;

  // Rows [r0, r1).
  template <class T>
  void score_block(const T* x, int64_t features, int64_t r0, int64_t r1,
                   const TreeEnsembleClassifier* classifier, Tensor& labels, Tensor& y) const {
    const Forest& f = model_.forest;
    const auto targets = static_cast<size_t>(f.num_targets);
    const auto rows = static_cast<size_t>(r1 - r0);
    std::vector<double> sums, scores(targets);
    bool together = false;
    const auto walk_together = [&](const auto& packed) {
      const T *begin = x + r0 * features, *end = x + r1 * features;
      together = !packed.empty() && !std::any_of(begin, end, [](T v) { return std::isnan(v); });
      if (together) sums = sums_of(packed, begin, features, static_cast<int64_t>(rows));
    };
    if constexpr (std::is_same_v<T, float>) walk_together(floats_);
    if constexpr (std::is_same_v<T, double>) walk_together(doubles_);
    std::vector<double> row(together ? 0 : static_cast<size_t>(features));
    for (size_t r = 0; r < rows; ++r) {
      const int64_t i = r0 + static_cast<int64_t>(r);
      if (together) {
        scores.assign(sums.begin() + static_cast<std::ptrdiff_t>(r * targets),
                      sums.begin() + static_cast<std::ptrdiff_t>((r + 1) * targets));
      } else {
        for (size_t k = 0; k < row.size(); ++k) {
          row[k] = static_cast<double>(
              static_cast<compute_t<T>>(x[i * features + static_cast<int64_t>(k)]));
        }
        (void)f.evaluate(row, model_.how, scores);  // fails for cycles only
      }
      const size_t best = model_.finish(scores);
      if (classifier != nullptr) labels_of(*classifier).write(labels, i, best);
      write(y, i * f.num_targets, scores);
    }
  }

  // As Forest::evaluate, in its order.
  template <class T>
  std::vector<double> sums_of(const PackedForest<T>& packed, const T* x, int64_t features,
                              int64_t rows) const {
    const Forest& f = model_.forest;
    const auto targets = static_cast<size_t>(f.num_targets);
    std::vector<double> sums(static_cast<size_t>(rows) * targets);
    std::vector<uint8_t> seen(sums.size());
    const auto add = [&](int64_t r, int64_t target, double weight) {
      const size_t at = static_cast<size_t>(r) * targets + static_cast<size_t>(target);
      add_leaf(model_.how, weight, seen[at] != 0, sums[at]);
      seen[at] = 1;
    };
    const auto take = [&](int64_t r, int32_t node) {
      const PackedLeaf& leaf = packed.leaf(node);
      if (leaf.count == 1) return add(r, leaf.target_or_first, leaf.weight);
      for (size_t l = 0; l < static_cast<size_t>(leaf.count); ++l) {
        const ForestLeaf& one = f.leaves[static_cast<size_t>(leaf.target_or_first) + l];
        add(r, one.target, one.weight);
      }
    };
    for (const PackedTree& tree : packed.trees()) {
      int64_t r = 0;
      for (; r + kTogether <= rows; r += kTogether) {
        const auto leaves = packed.leaves_of(tree, x + r * features, features);
        for (size_t k = 0; k < leaves.size(); ++k) take(r + static_cast<int64_t>(k), leaves[k]);
      }
      for (; r < rows; ++r) take(r, packed.leaf_of(tree, x + r * features));
    }
    average(model_.how, f.roots.size(), sums);
    return sums;
  }

  static void write(Tensor& y, int64_t at, const std::vector<double>& scores) {
    (void)visit_floating(y.dtype(), [&]<class T>(TypeTag<T>) -> Status {
      T* to = y.data<T>() + at;
      for (double s : scores) *to++ = T(static_cast<compute_t<T>>(s));
      return {};
    });
  }

  ForestModel model_;
  PackedForest<float> floats_;  // of those that x has the type of, if it has
  PackedForest<double> doubles_;
  Op op_;
};

template <class T>
Result<KernelOffer> make(const KernelRequest& request) {
  PollEvery polls;
  Result<ForestModel> model = make_forest_model(*request.node.op.as<T>(), polls);
  if (!model.ok()) return KernelOffer(std::string(model.status().message()));
  if (model->forest.nodes.empty() || model->forest.nodes.size() > INT32_MAX ||
      model->forest.leaves.size() > INT32_MAX) {
    return KernelOffer(std::string("no nodes, or too many"));
  }
  const auto depths = depths_of(model->forest);
  if (!depths) return KernelOffer(std::string("a tree leads back to its own nodes"));
  return KernelOffer(std::make_unique<ForestStep>(std::move(*model), *depths, request.type(0).dtype,
                                                  request.node.op));
}

}  // namespace

void register_tree_ensemble_cpu(KernelRegistry& r) {
  r.add("ai.onnx.ml.TreeEnsembleRegressor", "forest", make<TreeEnsembleRegressor>);
  r.add("ai.onnx.ml.TreeEnsembleClassifier", "forest", make<TreeEnsembleClassifier>);
  r.add("ai.onnx.ml.TreeEnsemble", "forest", make<TreeEnsemble>);
}

}  // namespace ferry
