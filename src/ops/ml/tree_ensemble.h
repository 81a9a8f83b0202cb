// SPDX-License-Identifier: Apache-2.0
// Decision forests: every tree leads a row of x to a leaf, whose weights are added up per target.
//   x: [n, features] or [features] numbers
//   TreeEnsembleRegressor   y: f32 [n, targets]
//   TreeEnsembleClassifier  y: labels [n]   z: f32 [n, classes]
//   TreeEnsemble            x: f16 f32 f64   y: type of x [n, targets]
// ai.onnx.ml TreeEnsemble-5, TreeEnsembleClassifier-3, TreeEnsembleRegressor-3.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ops/ml/forest.h"
#include "ops/ml/rows.h"

namespace ferry {

struct TreeEnsembleRegressor : TreeAttributes {
  std::string aggregate_function = "SUM";
  int64_t n_targets = 1;
  std::string post_transform = "NONE";
};

struct TreeEnsembleClassifier : TreeAttributes {
  std::vector<int64_t> classlabels_int64s;
  std::vector<std::string> classlabels_strings;
  std::string post_transform = "NONE";
};

struct TreeEnsemble {
  int64_t aggregate_function = 1;  // as Aggregate
  int64_t post_transform = 0;      // as PostTransform
  int64_t n_targets = 1;
  std::vector<int64_t> tree_roots;
  std::vector<int64_t> nodes_featureids, nodes_truenodeids, nodes_falsenodeids, nodes_trueleafs,
      nodes_falseleafs, nodes_missing_value_tracks_true;
  Tensor nodes_modes;  // u8, as BranchMode
  Tensor nodes_splits, nodes_hitrates, membership_values;
  std::vector<int64_t> leaf_targetids;
  Tensor leaf_weights;
};

// What one of them does with a row, made from its attributes.
struct ForestModel {
  Forest forest;
  Aggregate how = Aggregate::kSum;
  PostTransform post = PostTransform::kUnchanged;
  std::vector<double> base;
  // Classifiers of two classes of which the trees score one: which, and whether it is a
  // probability. Votes for the first one are, as runtimes take them, scores of the second.
  std::optional<size_t> only_class;
  bool is_probability = false;

  // Errors: kShapeMismatch for x of fewer features than the trees use.
  Status check_features(int64_t features) const;
  // Makes the scores that Forest::evaluate left those of the result. The class that wins.
  size_t finish(std::vector<double>& scores) const;
};
// Errors: kInvalidModel; what `polls` returns.
Result<ForestModel> make_forest_model(const TreeEnsembleRegressor& op, PollEvery& polls);
Result<ForestModel> make_forest_model(const TreeEnsembleClassifier& op, PollEvery& polls);
Result<ForestModel> make_forest_model(const TreeEnsemble& op, PollEvery& polls);

inline ClassLabels labels_of(const TreeEnsembleClassifier& op) {
  return {op.classlabels_int64s, op.classlabels_strings};
}

}  // namespace ferry
