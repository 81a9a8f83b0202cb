// SPDX-License-Identifier: Apache-2.0
// Forests against the reference kernel.
#include <cmath>
#include <random>

#include "ops_cpu/step_test.h"

namespace ferry {
namespace {

using Ints = std::vector<int64_t>;
using Floats = std::vector<float>;
using Strings = std::vector<std::string>;

constexpr int64_t kFeatures = 7;

// Attributes of trees of random form: nodes_*, and leaves of `targets` under the name `leaf`.
struct RandomForest {
  Ints trees, nodes, features, yes, no, missing, leaf_trees, leaf_nodes, leaf_ids;
  Strings modes;
  Floats values, weights;
  std::minstd_rand random;

  RandomForest(unsigned seed, int count, int64_t targets, const Strings& allowed) : random(seed) {
    for (int t = 0; t < count; ++t) {
      grow(t, t % 9, targets, allowed);
      next_ = 0;
    }
  }

  StepTester tester(const std::string& op, const std::string& leaf) const {
    StepTester s("ai.onnx.ml." + op);
    s.attr("nodes_treeids", trees).attr("nodes_nodeids", nodes).attr("nodes_featureids", features);
    s.attr("nodes_truenodeids", yes).attr("nodes_falsenodeids", no).attr("nodes_modes", modes);
    s.attr("nodes_values", values).attr("nodes_missing_value_tracks_true", missing);
    s.attr(leaf + "_treeids", leaf_trees).attr(leaf + "_nodeids", leaf_nodes);
    s.attr(leaf + "_ids", leaf_ids).attr(leaf + "_weights", weights);
    return s.kernel("forest");
  }

 private:
  int64_t below(int64_t n) { return static_cast<int64_t>(random()) % n; }

  // The number of the node; half of the branches end early.
  int64_t grow(int64_t tree, int depth, int64_t targets, const Strings& allowed) {
    const int64_t number = next_++;
    const size_t at = trees.size();
    trees.push_back(tree);
    nodes.push_back(number);
    features.push_back(below(kFeatures));
    missing.push_back(below(2));
    values.push_back(static_cast<float>(below(9) - 4));
    modes.push_back(allowed[static_cast<size_t>(below(static_cast<int64_t>(allowed.size())))]);
    yes.push_back(0);
    no.push_back(0);
    if (depth == 0 || (number > 2 && below(4) == 0)) {
      modes[at] = "LEAF";
      for (int64_t k = below(3); k >= 0; --k) {
        leaf_trees.push_back(tree);
        leaf_nodes.push_back(number);
        leaf_ids.push_back(below(targets));
        weights.push_back(static_cast<float>(below(200) - 100) / 16);
      }
      return number;
    }
    const int64_t left = grow(tree, depth - 1, targets, allowed);
    const int64_t right = grow(tree, depth - 1, targets, allowed);
    yes[at] = left;
    no[at] = right;
    return number;
  }

  int64_t next_ = 0;
};

// Whole and half numbers, so that some meet a split.
template <class T>
Tensor rows(int64_t n, bool missing) {
  std::minstd_rand random(5);
  Tensor x = Tensor::allocate(dtype_of<T>(), {n, kFeatures}).value();
  for (int64_t i = 0; i < x.count(); ++i) {
    T& v = x.data<T>()[i];
    v = static_cast<T>(static_cast<double>(static_cast<int>(random() % 21) - 10) / 2);
    if constexpr (std::is_floating_point_v<T>) {
      if (missing && random() % 9 == 0) v = std::numeric_limits<T>::quiet_NaN();
      if (random() % 40 == 0) v = std::numeric_limits<T>::infinity();
    }
  }
  return x;
}

const std::vector<Strings> kModes = {{"BRANCH_LEQ"},
                                     {"BRANCH_LT"},
                                     {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT"},
                                     {"BRANCH_LEQ", "BRANCH_EQ", "BRANCH_NEQ"}};

TEST(Forest, Regressors) {
  unsigned seed = 0;
  for (const Strings& modes : kModes) {
    for (int64_t targets : {1, 3}) {
      const RandomForest forest(++seed, 14, targets, modes);
      for (const char* how : {"SUM", "AVERAGE", "MIN", "MAX"}) {
        for (int64_t n : {1, 13, 150}) {
          for (bool missing : {false, true}) {
            forest.tester("TreeEnsembleRegressor", "target")
                .attr("n_targets", targets)
                .attr("aggregate_function", std::string(how))
                .attr("base_values", Floats(static_cast<size_t>(targets), 0.25f))
                .input(rows<float>(n, missing))
                .run();
          }
        }
      }
      for (const Tensor& x :
           {rows<double>(70, true), rows<double>(70, false), rows<int64_t>(70, false)}) {
        forest.tester("TreeEnsembleRegressor", "target").attr("n_targets", targets).input(x).run();
      }
    }
  }
}

// Rows meet splits that lie next to what floats can say.
TEST(Forest, SplitsBetweenFloats) {
  for (const Strings& modes : kModes) {
    RandomForest forest(11, 14, 2, modes);
    std::vector<double> splits;
    for (size_t i = 0; i < forest.values.size(); ++i) {
      constexpr double kApart[] = {0, 1e-12, -1e-12};
      splits.push_back(static_cast<double>(forest.values[i]) + kApart[i % 3]);
    }
    forest.values.clear();
    std::vector<double> weights(forest.weights.begin(), forest.weights.end());
    forest.weights.clear();
    const auto doubles = [](const std::vector<double>& v) {
      return tensor<double>({static_cast<int64_t>(v.size())}, v);
    };
    for (const Tensor& x : {rows<float>(70, false), rows<double>(70, false)}) {
      forest.tester("TreeEnsembleRegressor", "target")
          .attr("nodes_values_as_tensor", doubles(splits))
          .attr("target_weights_as_tensor", doubles(weights))
          .attr("n_targets", int64_t{2})
          .input(x)
          .run();
    }
  }
}

TEST(Forest, Classifiers) {
  for (int64_t scored : {1, 2, 4}) {
    const size_t classes = scored == 4 ? 4 : 2;
    const RandomForest forest(static_cast<unsigned>(scored), 30, scored, kModes[0]);
    for (const char* post : {"NONE", "LOGISTIC", "SOFTMAX", "PROBIT"}) {
      const auto tester = [&] {
        return forest.tester("TreeEnsembleClassifier", "class")
            .attr("post_transform", std::string(post))
            .outputs(2);
      };
      tester()
          .attr("classlabels_int64s", classes == 4 ? Ints{7, 5, 3, 1} : Ints{7, 5})
          .input(rows<float>(200, false))
          .run();
      tester()
          .attr("classlabels_strings",
                classes == 4 ? Strings{"a", "b", "c", "a long name of a class"} : Strings{"a", "b"})
          .input(rows<float>(200, true))
          .run();
    }
  }
}

TEST(Forest, RefusesWhatTheReferenceRefuses) {
  RandomForest forest(1, 3, 1, kModes[0]);
  forest.tester("TreeEnsembleRegressor", "target")
      .input(random_tensor({4, 2}, 1))
      .run_error("x has 2 features");
  // Tree 2 leads back to its root.
  for (size_t i = 0; i < forest.yes.size(); ++i) {
    if (forest.trees[i] == 2 && forest.modes[i] != "LEAF") forest.yes[i] = forest.no[i] = 0;
  }
  forest.tester("TreeEnsembleRegressor", "target")
      .kernel("reference")
      .input(rows<float>(4, false))
      .run_error("leads back to its own nodes");
}

}  // namespace
}  // namespace ferry
