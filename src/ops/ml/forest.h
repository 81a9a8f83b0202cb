// SPDX-License-Identifier: Apache-2.0
// Forest: decision trees in one array, made by the operators from their attributes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ferry/status.h"
#include "ferry/tensor.h"
#include "ops/poll_every.h"

namespace ferry {

enum class BranchMode : uint8_t { kLeq, kLt, kGte, kGt, kEq, kNeq, kMember, kLeaf };
// "BRANCH_LEQ", ..., "LEAF". Errors: kInvalidModel.
Result<BranchMode> parse_branch_mode(const std::string& name);

struct ForestNode {
  BranchMode mode = BranchMode::kLeaf;
  bool missing_is_true = false;  // where NaN goes
  int64_t feature = 0;
  double split = 0;
  size_t yes = 0, no = 0;               // indices of nodes; kLeaf: [yes, no) of leaves
  size_t members = 0, num_members = 0;  // kMember: of Forest::members
};

struct ForestLeaf {
  int64_t target = 0;
  double weight = 0;
};

enum class Aggregate : uint8_t { kAverage, kSum, kMin, kMax };
// "AVERAGE", "SUM", "MIN", "MAX". Errors: kInvalidModel.
Result<Aggregate> parse_aggregate(const std::string& name);

// Takes the weight of a leaf into a target's score; `seen`: another leaf has been there.
void add_leaf(Aggregate how, double weight, bool seen, double& score);
// What is left to do after the last of `trees`.
void average(Aggregate how, size_t trees, std::vector<double>& scores);

struct Forest {
  std::vector<ForestNode> nodes;
  std::vector<ForestLeaf> leaves;
  std::vector<double> members;
  std::vector<size_t> roots;
  int64_t num_targets = 0;
  int64_t num_features = 0;  // one more than the largest feature

  // Errors: kInvalidModel when an index points outside or targets are out of range.
  Status check();
  // Sums up the leaves that `x` (at least num_features long) reaches; a target without leaves is 0.
  // Errors: kInvalidModel for a tree that is no tree.
  Status evaluate(std::span<const double> x, Aggregate how, std::vector<double>& scores) const;
};

// The attributes of TreeEnsembleClassifier and TreeEnsembleRegressor: nodes_*, and leaves under the
// name class_* or target_*.
struct TreeAttributes {
  std::vector<int64_t> nodes_treeids, nodes_nodeids, nodes_featureids, nodes_truenodeids,
      nodes_falsenodeids, nodes_missing_value_tracks_true;
  std::vector<std::string> nodes_modes;
  std::vector<float> nodes_values, nodes_hitrates;
  Tensor nodes_values_as_tensor, nodes_hitrates_as_tensor;
  std::vector<int64_t> leaf_treeids, leaf_nodeids, leaf_ids;
  std::vector<float> leaf_weights;
  Tensor leaf_weights_as_tensor;
  std::vector<float> base_values;
  Tensor base_values_as_tensor;
};
// Errors: kInvalidModel for lists of nodes, or of leaves, that differ in length.
Status check_sizes(const TreeAttributes& a);
Result<Forest> make_forest(const TreeAttributes& a, int64_t num_targets, PollEvery& polls);
// A list of floats, or its form as a tensor of floats or doubles. Errors: kInvalidModel.
Result<std::vector<double>> number_list(const std::vector<float>& list, const Tensor& as_tensor);

}  // namespace ferry
