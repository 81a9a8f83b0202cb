// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops/op_tester.h"

namespace ferry {
namespace {

using Floats = std::vector<float>;
using Ints = std::vector<int64_t>;
using Strings = std::vector<std::string>;

// x[0] <= 1 ? leaf 1 : (x[1] > 2 ? leaf 3 : leaf 4)
OpTester tree(const char* op, const char* leaf) {
  const std::string l = leaf;
  return OpTester(op)
      .attr("nodes_treeids", Ints{0, 0, 0, 0, 0})
      .attr("nodes_nodeids", Ints{0, 1, 2, 3, 4})
      .attr("nodes_featureids", Ints{0, 0, 1, 0, 0})
      .attr("nodes_truenodeids", Ints{1, 0, 3, 0, 0})
      .attr("nodes_falsenodeids", Ints{2, 0, 4, 0, 0})
      .attr("nodes_modes", Strings{"BRANCH_LEQ", "LEAF", "BRANCH_GT", "LEAF", "LEAF"})
      .attr("nodes_values", Floats{1, 0, 2, 0, 0})
      .attr("nodes_missing_value_tracks_true", Ints{1, 0, 0, 0, 0})
      .attr(l + "_treeids", Ints{0, 0, 0})
      .attr(l + "_nodeids", Ints{1, 3, 4});
}
const Tensor kRows = tensor<float>({4, 2}, {1, 0, 2, 3, 2, 2, NAN, 9});

TEST(TreeEnsemble, Regressor) {
  tree("ai.onnx.ml.TreeEnsembleRegressor", "target")
      .attr("target_ids", Ints{0, 0, 0})
      .attr("target_weights", Floats{10, 20, 30})
      .attr("base_values", Floats{0.5f})
      .input(kRows)
      .expect(tensor<float>({4, 1}, {10.5f, 20.5f, 30.5f, 10.5f}))
      .run();
  tree("ai.onnx.ml.TreeEnsembleRegressor", "target")
      .attr("target_ids", Ints{0, 1, 0})
      .attr("target_weights", Floats{10, 20, 30})
      .attr("n_targets", int64_t{2})
      .attr("aggregate_function", std::string("MAX"))
      .input(kRows)
      .expect(tensor<float>({4, 2}, {10, 0, 0, 20, 30, 0, 10, 0}))
      .run();
}

TEST(TreeEnsemble, Classifier) {
  tree("ai.onnx.ml.TreeEnsembleClassifier", "class")
      .attr("class_ids", Ints{0, 1, 2})
      .attr("class_weights", Floats{1, 2, 3})
      .attr("classlabels_strings", Strings{"a", "b", "c"})
      .input(kRows)
      .expect(tensor<std::string>({4}, {"a", "b", "c", "a"}))
      .expect(tensor<float>({4, 3}, {1, 0, 0, 0, 2, 0, 0, 0, 3, 1, 0, 0}))
      .run();
  // Two classes of which one is scored.
  tree("ai.onnx.ml.TreeEnsembleClassifier", "class")
      .attr("class_ids", Ints{0, 0, 0})
      .attr("class_weights", Floats{0.25f, 0.75f, 1})
      .attr("classlabels_int64s", Ints{3, 4})
      .input(kRows)
      .expect(ints({3, 4, 4, 3}))
      .expect(tensor<float>({4, 2}, {0.75f, 0.25f, 0.25f, 0.75f, 0, 1, 0.75f, 0.25f}))
      .run();
}

// Margins that happen to be positive are still passed through the logistic function.
TEST(TreeEnsemble, ClassifierOfPositiveMargins) {
  const auto logistic = [](float x) { return 1 / (1 + std::exp(-x)); };
  const auto scored = [](int64_t id, const char* post) {
    OpTester t = tree("ai.onnx.ml.TreeEnsembleClassifier", "class");
    t.attr("class_ids", Ints{id, id, id}).attr("class_weights", Floats{0.25f, 0.75f, 1});
    t.attr("classlabels_int64s", Ints{3, 4}).attr("post_transform", std::string(post));
    t.input(kRows).expect(ints({3, 4, 4, 3}));
    return t;
  };
  std::vector<float> both;
  for (const float x : {0.25f, 0.75f, 1.0f, 0.25f}) {
    both.insert(both.end(), {logistic(-x), logistic(x)});
  }
  scored(0, "LOGISTIC").expect(tensor<float>({4, 2}, both)).run();
  scored(1, "NONE").expect(tensor<float>({4, 2}, {0, 0.25f, 0, 0.75f, 0, 1, 0, 0.25f})).run();
}

OpTester regressor(Ints targets, Floats weights) {
  OpTester t = tree("ai.onnx.ml.TreeEnsembleRegressor", "target");
  t.attr("target_ids", std::move(targets)).attr("target_weights", std::move(weights));
  return t;
}

TEST(TreeEnsemble, RefusesDamagedTrees) {
  regressor({0, 0, 0}, {1})
      .input(kRows)
      .expect_error(Code::kInvalidModel, "differ in length")
      .run();
  regressor({0, 0, 5}, {1, 2, 3})
      .input(kRows)
      .expect_error(Code::kInvalidModel, "target 5 outside [0, 1)")
      .run();
  regressor({0, 0, 0}, {1, 2, 3})
      .attr("nodes_truenodeids", Ints{9, 0, 3, 0, 0})
      .input(kRows)
      .expect_error(Code::kInvalidModel, "a branch that is not given")
      .run();
  regressor({0, 0, 0}, {1, 2, 3})
      .attr("nodes_truenodeids", Ints{0, 0, 3, 0, 0})
      .input(kRows)
      .expect_error(Code::kInvalidModel, "leads back")
      .run();
  regressor({0, 0, 0}, {1, 2, 3})
      .input(tensor<float>({1, 1}, {1}))
      .expect_error(Code::kShapeMismatch, "x has 1 features, the trees use 2")
      .run();
}

TEST(TreeEnsemble, MembersAndLeaves) {
  OpTester("ai.onnx.ml.TreeEnsemble")
      .attr("n_targets", int64_t{2})
      .attr("tree_roots", Ints{0})
      .attr("nodes_featureids", Ints{0, 0})
      .attr("nodes_modes", tensor<uint8_t>({2}, {0, 6}))
      .attr("nodes_splits", tensor<float>({2}, {1, 0}))
      .attr("membership_values", tensor<float>({3}, {4, 7, NAN}))
      .attr("nodes_truenodeids", Ints{0, 1})
      .attr("nodes_trueleafs", Ints{1, 1})
      .attr("nodes_falsenodeids", Ints{1, 2})
      .attr("nodes_falseleafs", Ints{0, 1})
      .attr("leaf_targetids", Ints{0, 1, 1})
      .attr("leaf_weights", tensor<float>({3}, {5, 6, 7}))
      .input(tensor<float>({3, 1}, {0, 7, 8}))
      .expect(tensor<float>({3, 2}, {5, 0, 0, 6, 0, 7}))
      .run();
}

}  // namespace
}  // namespace ferry
